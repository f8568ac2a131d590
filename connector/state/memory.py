"""State of partitions in memory: a dict of rows and the three indexes of the state port."""

from collections.abc import Iterator, Mapping

from connector.domain.rows import AnyRow
from connector.state.indexes import Indexed, Wants


class MemoryState(Indexed):
    """Implements :class:`connector.ports.State`; rebuilt from the ledger at each start."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: dict[str, AnyRow] = {}
        self._ledger_end = 0

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def ledger_end(self) -> int:
        """The ledger offset after the last applied row."""
        return self._ledger_end

    def get(self, key: str) -> AnyRow | None:
        """The row of an entity."""
        return self._rows.get(key)

    def items(self) -> Iterator[tuple[str, AnyRow]]:
        """All rows by entity."""
        return ((key, self._rows[key]) for key in tuple(self._rows) if key in self._rows)

    def apply(self, rows: Mapping[str, AnyRow | None], *, ledger_end: int) -> None:
        """Take in rows that are known to be committed; None removes."""
        for key, row in rows.items():
            self._indexes.put(key, None if row is None else Wants.of(row))
            if row is None:
                self._rows.pop(key, None)
            else:
                self._rows[key] = row
        self._ledger_end = max(self._ledger_end, ledger_end)


class MemoryStates:
    """Implements :class:`connector.ports.States`: nothing is kept."""

    def open(self, partition: int) -> MemoryState:
        """An empty one."""
        del partition
        return MemoryState()

    def kept_from(self, partition: int) -> str | None:
        """None: nothing is kept."""
        del partition
        return None

    def empty(self, partition: int) -> MemoryState:
        """An empty one."""
        return self.open(partition)

    def afresh(self, partition: int, reason: str) -> MemoryState:
        """An empty one."""
        del reason
        return self.open(partition)

    def keep(self, partition: int, incarnation: str) -> None:
        """Nothing is kept."""
