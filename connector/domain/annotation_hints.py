"""What a hint is worth: known already, to be read and how, or promising more than Rossum shows yet."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import Enum, auto

from connector.domain.annotation_state import CLOCK_OF, REMEMBERED_REVISIONS, UNFINISHED, Policy
from connector.domain.ids import format_clock
from connector.domain.messages import Hint
from connector.domain.readings import AnnotationReading, ExportReading
from connector.domain.rows import AT_REST, AnnotationRow

#: A clock that vanished within this many seconds is a lagging replica of Rossum, later a cleared field.
REPLICA_LAG = 30.0


class Need(Enum):
    """What must be read before a decision."""

    #: The row knows all that the hints say.
    NOTHING = auto()
    #: Status and clocks.
    LISTING = auto()
    #: The captured data; a hint tells queue and revision, so status and clocks come with it.
    EXPORT = auto()


def need(row: AnnotationRow | None, hints: Iterable[Hint], policy: Policy) -> Need:
    """What to read for these hints: nothing when the row already knows all that they say."""
    unknown = [hint for hint in hints if not is_known(row, hint, policy)]
    if not unknown:
        return Need.NOTHING
    exported = "exported" in policy.capture and all(
        hint.status == "exported" and hint.queue and "exported_at" in hint.clocks for hint in unknown
    )
    return Need.EXPORT if exported else Need.LISTING


def is_known(row: AnnotationRow | None, hint: Hint, policy: Policy) -> bool:
    """Whether a hint says nothing that the row does not already rest on."""
    if row is None or row.status in UNFINISHED or (hint.replay and row.unsent):
        return False
    for name, value in hint.clocks.items():
        if row.clocks.get(name, "") < value:
            return False
    if any(_unaccounted(row, hint, status) for status in policy.capture):
        return False
    if hint.status == "exporting" and row.open:
        # An export has begun. A read would show no more, and the word of how it ended would wait behind that read.
        return True
    clock = CLOCK_OF.get(hint.status or "")
    return (clock in hint.clocks) or hint.status is None or row.status == hint.status


def _unaccounted(row: AnnotationRow, hint: Hint, status: str) -> bool:
    """Whether the hint names a captured revision that is neither captured nor superseded."""
    revision = hint.clocks.get(CLOCK_OF[status])
    known = row.captures.get(status, ())
    if revision is None or revision in known or not known:
        return False
    return not (revision < known[0] and len(known) >= REMEMBERED_REVISIONS)


def reading_of_export(export: ExportReading, hints: Iterable[Hint]) -> AnnotationReading | None:
    """Status and clocks from an export alone; None unless a hint speaks of the very revision that was exported.

    An export lacks `confirmed_at`. A hint that carries the same `exported_at` was made from the same revision, so
    its clocks belong to it; any other would mix revisions, and the listing must be read.
    """
    for hint in hints:
        if export.exported_at is not None and hint.clocks.get("exported_at") == export.exported_at:
            clocks = {**hint.clocks, "exported_at": export.exported_at}
            if export.arrived_at:
                clocks["arrived_at"] = export.arrived_at
            return AnnotationReading(
                id=export.id,
                url=export.url,
                status=export.status,
                queue=export.queue,
                document=export.document,
                clocks=clocks,
                at=export.at,
                schema=export.schema,
                mark=export.mark,
                metadata=export.metadata,
                automated=export.automated,
                modified_at=export.modified_at,
                modifier=export.modifier,
            )
    return None


def is_lagging(row: AnnotationRow | None, hints: Iterable[Hint], reading: AnnotationReading) -> bool:
    """Whether Rossum showed less than a hint promised or than the row already rests on (its replicas lag)."""
    return any(not _kept(hint, reading) for hint in hints) or (row is not None and _went_back(row, reading))


def _kept(hint: Hint, reading: AnnotationReading) -> bool:
    if any(reading.clocks.get(name, "") < value for name, value in hint.clocks.items()):
        return False
    if hint.status in UNFINISHED or hint.status is None:
        return True
    if reading.status in UNFINISHED:
        return False
    clock = CLOCK_OF.get(hint.status)
    if clock is not None and clock in hint.clocks:
        return True
    return hint.status not in AT_REST or reading.status in AT_REST


def _went_back(row: AnnotationRow, reading: AnnotationReading) -> bool:
    recent = row.read_at is not None and format_clock(reading.at - timedelta(seconds=REPLICA_LAG)) < row.read_at
    for name, value in row.clocks.items():
        shown = reading.clocks.get(name)
        if (shown is not None and shown < value) or (shown is None and recent):
            return True
    return False


def open_pause(row: AnnotationRow, now: datetime) -> float:
    """Seconds until an open annotation is read again without a hint: a quarter of its age, 30 s to 1 h."""
    since = max([*row.clocks.values(), ""]) or format_clock(now)
    age = (now - datetime.fromisoformat(since)).total_seconds()
    return min(max(age / 4, 30.0), 3600.0)
