"""The three indexes of the state port, over those rows that want something: few, however many rows are at rest."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field

from connector.domain.rows import AnyRow


@dataclass(frozen=True, slots=True)
class Wants:
    """What a row wants of its owner."""

    open: bool
    due: str | None
    held: int | None

    @classmethod
    def of(cls, row: AnyRow) -> "Wants | None":
        """None for a row that wants nothing."""
        wants = cls(row.open, row.due, row.held)
        return wants if wants.open or wants.due is not None or wants.held is not None else None


@dataclass(slots=True)
class Indexes:
    """The heaps keep stale entries and drop them when they surface: what a row wants now decides."""

    _wants: dict[str, Wants] = field(default_factory=dict)
    _open: dict[str, None] = field(default_factory=dict)
    _due: list[tuple[str, str]] = field(default_factory=list)
    _held: list[tuple[int, str]] = field(default_factory=list)

    def __contains__(self, key: str) -> bool:
        return key in self._wants

    def put(self, key: str, wants: Wants | None) -> None:
        """What the row of an entity wants from now on; None when nothing, or when there is no row."""
        self._open.pop(key, None)
        if wants is None:
            self._wants.pop(key, None)
            return
        self._wants[key] = wants
        if wants.open:
            self._open[key] = None
        if wants.due is not None:
            heapq.heappush(self._due, (wants.due, key))
        if wants.held is not None:
            heapq.heappush(self._held, (wants.held, key))

    def due(self, before: str, limit: int) -> list[str]:
        """At most `limit` entities whose `due` is at or before that clock text, the earliest first."""
        found: dict[str, str] = {}
        while self._due and self._due[0][0] <= before and len(found) < limit:
            due, key = heapq.heappop(self._due)
            if self._is_due(key, due):
                found[key] = due
        for key, due in found.items():
            heapq.heappush(self._due, (due, key))
        return list(found)

    def next_due(self) -> str | None:
        """The earliest `due` of all rows."""
        while self._due:
            due, key = self._due[0]
            if self._is_due(key, due):
                return due
            heapq.heappop(self._due)
        return None

    def _is_due(self, key: str, due: str) -> bool:
        wants = self._wants.get(key)
        return wants is not None and wants.due == due

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
            wants = self._wants.get(key)
            if wants is not None and wants.held == held:
                return held
            heapq.heappop(self._held)
        return None


class Indexed:
    """A state as far as its indexes answer for it, whatever keeps the rows; see :class:`connector.ports.State`."""

    def __init__(self) -> None:
        self._indexes = Indexes()

    def due(self, before: str, limit: int) -> list[str]:
        """At most `limit` entities whose `due` is at or before that clock text, the earliest first."""
        return self._indexes.due(before, limit)

    def next_due(self) -> str | None:
        """The earliest `due` of all rows."""
        return self._indexes.next_due()

    def open(self) -> Iterator[str]:
        """All entities that are not at rest."""
        return self._indexes.open()

    def open_count(self) -> int:
        """How many entities are not at rest."""
        return self._indexes.open_count()

    def lowest_held(self) -> int | None:
        """The lowest offset of `imports` that a row still needs."""
        return self._indexes.lowest_held()
