"""From rows to the events that must exist, and from events to the rows that must know them."""

from collections.abc import Iterator
from dataclasses import dataclass

from connector.audit.evidence import Grounds, Sighting
from connector.domain.annotation_events import id_revision, shown_revision
from connector.domain.annotation_state import CLOCK_OF, FIRST, REMEMBERED_REVISIONS, captured_name
from connector.domain.identity import Identity
from connector.domain.rows import AnnotationRow, AnyRow, ImportRow, ImportState, SweepRow

CAPTURED, SUPERSEDED = "annotation.captured", "annotation.superseded"
ENDINGS = ("import.failed", "import.duplicate")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A fact that a row says is published, by one of these events.

    Attributes:
        ids: Event id to event name; the first is the usual one.
        time: Clock text before which it was certainly not published; None where unknown.
    """

    text: str
    ids: dict[str, str]
    time: str | None = None

    @property
    def name(self) -> str:
        """The usual event's name."""
        return next(iter(self.ids.values()))

    @property
    def is_capture(self) -> bool:
        """Whether it is a revision of captured data."""
        return self.name == CAPTURED


def wanted_facts(entity: str, row: AnyRow | None, grounds: Grounds) -> Iterator[Wanted]:
    """All facts that a row says are published, as far as it remembers them."""
    match row:
        case AnnotationRow():
            yield from _of_annotation(entity, row, grounds.identity)
        case ImportRow():
            yield from _of_import(entity, row, grounds.identity)
        case SweepRow(deep_at=str(), watermark=end) if end.endswith(".000000Z") and end not in grounds.starts:
            yield _wanted(grounds.identity, entity, ("sweep.completed",), end, end)


def _wanted(identity: Identity, entity: str, names: tuple[str, ...], revision: str, time: str | None = None) -> Wanted:
    ids = {identity.event_id(entity, name, revision): name for name in names}
    return Wanted(f"{names[0]} {revision}", ids, time)


def _capture(identity: Identity, entity: str, status: str, revision: str, time: str) -> Wanted:
    """A revision that was captured, or could not be had any more."""
    captured = id_revision(CAPTURED, revision, status)
    # Ids of superseded revisions once had the status too; such events stay true.
    named = ((CAPTURED, captured), (SUPERSEDED, id_revision(SUPERSEDED, revision, status)), (SUPERSEDED, captured))
    ids = {identity.event_id(entity, name, of_id): name for name, of_id in named}
    return Wanted(f"{CAPTURED} {captured}", ids, time)


def _of_annotation(entity: str, row: AnnotationRow, identity: Identity) -> Iterator[Wanted]:
    for name, revision in row.published.items():
        event, _, status = name.partition(":")
        if row.unsent.get(name) == revision or (status and not revision.startswith(FIRST)):
            continue
        shown = shown_revision(row, name, revision)
        time = revision.removeprefix(FIRST)
        if status:
            yield _capture(identity, entity, status, shown, time)
        else:
            yield _wanted(identity, entity, (event,), shown, time if time[:1].isdigit() else None)
    for status, revisions in row.captures.items():
        name = captured_name(status)
        for revision in revisions:
            # A superseded `first` is looked for above, while it is the newest; here it may be that of another status.
            if revision not in ("first", row.unsent.get(name)):
                yield _capture(identity, entity, status, shown_revision(row, name, revision), revision)


def _of_import(entity: str, row: ImportRow, identity: Identity) -> Iterator[Wanted]:
    for generation in range(row.born, row.generation):
        yield _wanted(identity, entity, ENDINGS, str(generation))
    revision = str(row.generation)
    if row.accepted_at is not None:
        yield _wanted(identity, entity, ("import.accepted",), revision, row.accepted_at)
    if row.state is ImportState.COMPLETED:
        yield _wanted(identity, entity, ("import.completed",), revision, row.accepted_at)
    elif not row.open:
        yield _wanted(identity, entity, ENDINGS, revision, row.accepted_at)


def capture_of(sighting: Sighting, entity: str, identity: Identity) -> str | None:
    """The capture status of a captured event (once of a superseded one): the one that gives its id; else None."""
    event = sighting.event
    for status in CLOCK_OF:
        if identity.event_id(entity, event.name, f"{status}@{event.revision}") == event.id:
            return status
    return None


def has_own_id(sighting: Sighting, entity: str, identity: Identity) -> bool:
    """Whether an event's id follows from what it says."""
    event = sighting.event
    if event.name in (CAPTURED, SUPERSEDED) and capture_of(sighting, entity, identity) is not None:
        return True
    return event.name != CAPTURED and identity.event_id(entity, event.name, event.revision or "") == event.id


def is_known(sighting: Sighting, entity: str, row: AnyRow | None, grounds: Grounds) -> bool:
    """Whether the row knows the fact of an event."""
    event = sighting.event
    revision = event.revision or ""
    match row:
        case AnnotationRow() if event.name in (CAPTURED, SUPERSEDED):
            status = capture_of(sighting, entity, grounds.identity)
            return any(_knows_capture(row, one, revision) for one in ((status,) if status else CLOCK_OF))
        case AnnotationRow():
            newest = row.published.get(event.name)
            return newest is not None and (revision == "first" or newest.startswith(FIRST) or revision <= newest)
        case ImportRow():
            return _knows_step(row, event.name, revision)
        case SweepRow():
            return revision <= row.watermark
        case _:
            return False


def _knows_capture(row: AnnotationRow, status: str, revision: str) -> bool:
    known = row.captures.get(status, ())
    if revision == "first" or revision in known:
        return captured_name(status) in row.published
    return len(known) >= REMEMBERED_REVISIONS and revision < known[0]


def _knows_step(row: ImportRow, name: str, revision: str) -> bool:
    number = revision.partition("/")[0]
    generation = int(number) if number.isdigit() else 0
    if generation != row.generation or name == "import.duplicate":
        return generation <= row.generation
    match name:
        case "import.accepted":
            return row.accepted_at is not None
        case "import.completed":
            return row.state is ImportState.COMPLETED
        case _:
            return not row.open and row.state is not ImportState.COMPLETED
