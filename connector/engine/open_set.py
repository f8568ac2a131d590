"""When open annotations are read again without a hint: a local index, rebuilt after every restore."""

import heapq
from collections.abc import Iterable
from datetime import datetime

from connector.domain.annotation_hints import open_pause
from connector.domain.ids import AnnotationId
from connector.domain.rows import AnnotationRow

#: Ids that fill one call; fewer leave only when they are overdue.
FULL_CALL = 100
#: Seconds that a due id waits for others before a call leaves partly filled.
PATIENCE = 60.0


class OpenSet:
    """The open annotations of one partition and when each is due (monotonic seconds).

    The times are local on purpose: writing them to the ledger would cost a row for every unchanged read.
    """

    def __init__(self) -> None:
        self._next: dict[AnnotationId, float] = {}
        self._heap: list[tuple[float, AnnotationId]] = []

    def __len__(self) -> int:
        return len(self._next)

    def restore(self, ids: Iterable[AnnotationId], *, now: float, spread: float) -> None:
        """Spread those of a restored partition over `spread` seconds, so that they do not come all at once."""
        for annotation in ids:
            self._set(annotation, now + annotation % max(int(spread), 1))

    def note(self, annotation: AnnotationId, row: AnnotationRow, *, now: float, wall: datetime) -> None:
        """An annotation was read or decided just now."""
        if row.open:
            self._set(annotation, now + open_pause(row, wall))
        else:
            self._next.pop(annotation, None)

    def _set(self, annotation: AnnotationId, due: float) -> None:
        # Two decisions in one moment of the clock must not leave two entries that both look true.
        if self._next.get(annotation) == due:
            return
        self._next[annotation] = due
        heapq.heappush(self._heap, (due, annotation))

    def take_due(self, now: float) -> list[AnnotationId]:
        """Ids to read now: whole calls of them, or all that are due when one is overdue."""
        due: list[tuple[float, AnnotationId]] = []
        while self._heap and self._heap[0][0] <= now:
            entry = heapq.heappop(self._heap)
            if self._next.get(entry[1]) == entry[0]:
                due.append(entry)
        if not due:
            return []
        whole = len(due) if now - due[0][0] >= PATIENCE else len(due) // FULL_CALL * FULL_CALL
        for entry in due[whole:]:
            heapq.heappush(self._heap, entry)
        for _, annotation in due[:whole]:
            del self._next[annotation]
        return [annotation for _, annotation in due[:whole]]
