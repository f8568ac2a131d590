"""What recent passes of a sweep have hinted, so that overlapping windows do not say everything twice."""

from collections.abc import Iterable
from itertools import islice

from connector.domain.ids import AnnotationId
from connector.domain.readings import ListingRow

#: Rows that a sweep remembers, the newest; what is hinted again costs a message and no read.
REMEMBERED = 50_000


class Hinted:
    """See the module; of the sweep of one clock."""

    def __init__(self, clock: str) -> None:
        self._clock = clock
        self._seen: dict[AnnotationId, str] = {}

    def __len__(self) -> int:
        return len(self._seen)

    def news(self, rows: Iterable[ListingRow]) -> list[ListingRow]:
        """Those that were not hinted as they are."""
        return [row for row in rows if self._seen.get(row.id) != self._as_seen(row)]

    def add(self, rows: Iterable[ListingRow]) -> None:
        """These are hinted now; the oldest go where there are too many, as in a pass over a long past."""
        for row in rows:
            self._seen.pop(row.id, None)
            self._seen[row.id] = self._as_seen(row)
        for annotation in list(islice(self._seen, max(len(self._seen) - REMEMBERED, 0))):
            del self._seen[annotation]

    def forget_before(self, clock: str) -> None:
        """No later pass lists what has an older clock text."""
        self._seen = {number: seen for number, seen in self._seen.items() if seen.rpartition("|")[2] >= clock}

    def _as_seen(self, row: ListingRow) -> str:
        """What makes a listed row worth a new hint: its clock; for arrivals its status too."""
        value = row.clocks.get(self._clock, "")
        return f"{row.status}|{value}" if self._clock == "arrived_at" else value
