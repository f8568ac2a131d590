"""State of one partition in memory: a dict of rows and the three indexes of the state port."""

import heapq
from collections.abc import Iterator, Mapping

from connector.domain.rows import AnyRow


class MemoryState:
    """Implements :class:`connector.ports.State`; rebuilt from the ledger at each start.

    The heaps keep stale entries and drop them when they surface: a row's own `due` and `held` decide.
    """

    def __init__(self) -> None:
        self._rows: dict[str, AnyRow] = {}
        self._open: dict[str, None] = {}
        self._due: list[tuple[str, str]] = []
        self._held: list[tuple[int, str]] = []
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
        return iter(tuple(self._rows.items()))

    def apply(self, rows: Mapping[str, AnyRow | None], *, ledger_end: int) -> None:
        """Take in rows that are known to be committed; None removes."""
        for key, row in rows.items():
            self._apply(key, row)
        self._ledger_end = max(self._ledger_end, ledger_end)

    def _apply(self, key: str, row: AnyRow | None) -> None:
        if row is None:
            self._rows.pop(key, None)
            self._open.pop(key, None)
            return
        self._rows[key] = row
        if row.open:
            self._open[key] = None
        else:
            self._open.pop(key, None)
        if row.due is not None:
            heapq.heappush(self._due, (row.due, key))
        if row.held is not None:
            heapq.heappush(self._held, (row.held, key))

    def due(self, before: str, limit: int) -> list[str]:
        """At most `limit` entities whose `due` is at or before that clock text, the earliest first."""
        found: dict[str, str] = {}
        while self._due and self._due[0][0] <= before and len(found) < limit:
            due, key = heapq.heappop(self._due)
            row = self._rows.get(key)
            if row is not None and row.due == due:
                found[key] = due
        for key, due in found.items():
            heapq.heappush(self._due, (due, key))
        return list(found)

    def next_due(self) -> str | None:
        """The earliest `due` of all rows."""
        while self._due:
            due, key = self._due[0]
            row = self._rows.get(key)
            if row is not None and row.due == due:
                return due
            heapq.heappop(self._due)
        return None

    def open(self) -> Iterator[str]:
        """All entities that are not at rest."""
        return iter(tuple(self._open))

    def open_count(self) -> int:
        """How many entities are not at rest."""
        return len(self._open)

    def lowest_held(self) -> int | None:
        """The lowest offset of `imports` that a row still needs."""
        while self._held:
            held, key = self._held[0]
            row = self._rows.get(key)
            if row is not None and row.held == held:
                return held
            heapq.heappop(self._held)
        return None
