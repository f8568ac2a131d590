"""From a decision to what it makes true: events, the row, and the word to the import it came from."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from connector.contracts.captured_form import CapturedForm
from connector.domain import annotation_state as rules
from connector.domain.annotation_events import AnnotationEvents, Sight
from connector.domain.annotation_state import REMEMBERED_REVISIONS, UNFINISHED, Fact, Policy
from connector.domain.identity import Identity
from connector.domain.ids import AnnotationId, DocumentId, ImportId, QueueId, annotation_entity
from connector.domain.messages import Hint, Linked, MarkSeen, NotYours, WorkMessage
from connector.domain.outcome import NOTHING, Outcome
from connector.domain.readings import AnnotationReading, ExportReading
from connector.domain.retention import below_floor
from connector.domain.rows import AnnotationRow

SUPERSEDED = "annotation.superseded"


@dataclass(frozen=True, slots=True)
class AnnotationRules:
    """What decisions about annotations rest on beside the annotation itself.

    Attributes:
        form: Of captured events; no decision rests on it.
    """

    identity: Identity
    policy: Policy
    form: CapturedForm = field(default_factory=CapturedForm)


@dataclass(frozen=True, slots=True)
class Subject:
    """An annotation, what its row says, and what somebody told of it.

    Attributes:
        twin_of: Its import says that it is a twin of that one.
        floor: Up to that clock text rows of its partition may have been forgotten.
    """

    annotation: AnnotationId
    row: AnnotationRow | None
    hints: tuple[Hint, ...] = ()
    linked: Linked | None = None
    twin_of: AnnotationId | None = None
    floor: str | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What Rossum showed.

    Attributes:
        children: Of a split.
        readable: False when a captured revision is wanted but Rossum no longer gives its data out.
    """

    reading: AnnotationReading
    export: ExportReading | None = None
    children: tuple[AnnotationId, ...] = ()
    readable: bool = True


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome, and how many facts were too old to publish."""

    outcome: Outcome
    beyond: int = 0


def decide(subject: Subject, seen: Seen | None, rules_of: AnnotationRules) -> Decision:
    """Everything that one look at an annotation makes true."""
    if seen is None:
        return Decision(_link_only(subject))
    reading, policy = seen.reading, rules_of.policy
    row = rules.lifted(_with_link(subject.row, subject.linked), subject.hints)
    found = rules.facts(row, subject.hints, reading, policy, readable=seen.readable)
    replayed = any(hint.replay for hint in subject.hints)
    known = replayed or subject.linked is not None
    beyond = set() if known else rules.beyond_horizon(row, reading, found, policy)
    beyond |= set() if replayed else below_floor(subject.row, reading, found, subject.floor)
    if beyond and len(beyond) == len(found):
        return Decision(NOTHING, len(beyond))
    key = _key(subject, row, reading)
    after = rules.next_row(row, reading, found, key=key, unsent=beyond)
    after = _with_superseded(after, (fact for fact in found if fact not in beyond), policy)
    after = _with_twin(_linked(after, subject, reading), subject)
    message = _word_to_import(after, subject.annotation, reading)
    if message is not None:
        after = replace(after, told=reading.status)
    sight = Sight(subject.annotation, after, reading, seen.export, seen.children, subject.hints)
    maker = AnnotationEvents(rules_of.identity, sight, rules_of.form)
    events = [maker.event(fact) for fact in found if fact not in beyond and not _was_told(row, fact)]
    # Two statuses may have had one clock: that it was replaced is told once.
    published = tuple({event.id: event for event in events}.values())
    messages: list[WorkMessage] = [message] if message else []
    messages += _answer_to_claim(subject, after)
    messages += _words_to_children(subject.annotation, after, seen)
    if not published and not messages and _same(subject.row, after):
        return Decision(NOTHING, len(beyond))
    return Decision(
        Outcome(rows={annotation_entity(subject.annotation): after}, events=published, messages=tuple(messages)),
        len(beyond),
    )


def _with_superseded(after: AnnotationRow, told: Iterable[Fact], policy: Policy) -> AnnotationRow:
    """The row that knows a superseded revision under each capture status: its event's id has the revision alone."""
    superseded = {fact.revision for fact in told if fact.name == SUPERSEDED}
    if not superseded:
        return after
    known = {status: {*after.captures.get(status, ()), *superseded} for status in policy.capture}
    captures = {status: sorted(revisions)[-REMEMBERED_REVISIONS:] for status, revisions in known.items()}
    return replace(after, captures={**after.captures, **captures})


def _was_told(row: AnnotationRow | None, fact: Fact) -> bool:
    """Whether that the revision was superseded was told under another status."""
    if fact.name != SUPERSEDED or row is None:
        return False
    # `first` is kept only where it was superseded: under whatever statuses were captured then.
    statuses = row.captures if fact.revision == "first" else (fact.capture or "",)
    return any(fact.revision in row.captures.get(status, ()) for status in statuses)


def _link_only(subject: Subject) -> Outcome:
    """A word about an annotation whose row needs no read."""
    row = _with_link(subject.row, subject.linked)
    if row is None:
        return NOTHING
    row = _with_twin(row, subject)
    rows = {} if row == subject.row else {annotation_entity(subject.annotation): row}
    if subject.linked is None or row.import_id != subject.linked.import_id:
        return Outcome(rows=rows, messages=tuple(_answer_to_claim(subject, row)))
    messages: tuple[WorkMessage, ...] = ()
    if row.import_id is not None:
        # Told again even when nothing changed: who links may have asked because it lost the first answer.
        messages = (_mark_seen(row, subject.annotation, row.status),)
        row = replace(row, told=row.status)
    return Outcome(rows={annotation_entity(subject.annotation): row}, messages=messages)


def _with_link(row: AnnotationRow | None, linked: Linked | None) -> AnnotationRow | None:
    """The row with its import, unless it has one, and its root; the key is free to change until the first event."""
    if row is None or linked is None:
        return row
    if row.import_id is not None:
        return replace(row, root=row.root or linked.root) if row.import_id == linked.import_id else row
    key = row.key if row.published else linked.document_key
    return replace(
        row, import_id=linked.import_id, key=key, root=linked.root or row.root, origin=linked.origin or row.origin
    )


def _with_twin(row: AnnotationRow, subject: Subject) -> AnnotationRow:
    return row if subject.twin_of is None else replace(row, twin_of=subject.twin_of)


def _answer_to_claim(subject: Subject, row: AnnotationRow) -> list[WorkMessage]:
    """A claim on what belongs to another import is refused; who made it looks for another annotation."""
    claim = subject.linked
    if claim is None or not claim.claim or claim.import_id is None or row.import_id == claim.import_id:
        return []
    return [NotYours(claim.import_id, subject.annotation)]


def _key(subject: Subject, row: AnnotationRow | None, reading: AnnotationReading) -> str:
    if row is not None and (row.published or row.import_id is not None):
        return row.key
    if subject.linked is not None:
        return subject.linked.document_key
    if reading.mark is not None:
        return reading.mark.document_key
    return row.key if row is not None else f"rossum:{subject.annotation}"


def _linked(after: AnnotationRow, subject: Subject, reading: AnnotationReading) -> AnnotationRow:
    import_id: str | None = after.import_id
    if import_id is None and subject.linked is not None:
        import_id = subject.linked.import_id
        after = replace(after, root=subject.linked.root or after.root, origin=subject.linked.origin)
    if import_id is None and reading.mark is not None:
        import_id = reading.mark.import_id
    if reading.mark is not None and reading.mark.import_id == import_id and not after.origin:
        after = replace(after, origin=reading.mark.origin)
    return replace(after, import_id=import_id)


def _word_to_import(after: AnnotationRow, annotation: AnnotationId, reading: AnnotationReading) -> MarkSeen | None:
    """Tell the import at first sight and when the annotation leaves `importing`; later ones are not its business."""
    if after.import_id is None:
        return None
    if after.told is None or (after.told in UNFINISHED and reading.status not in UNFINISHED):
        # An export shows no more than when its document arrived.
        created_at = reading.created_at or reading.clocks.get("arrived_at")
        return _mark_seen(after, annotation, reading.status, created_at=created_at)
    return None


def _mark_seen(row: AnnotationRow, annotation: AnnotationId, status: str, *, created_at: str | None = None) -> MarkSeen:
    return MarkSeen(
        ImportId(row.import_id or ""),
        annotation,
        status,
        None if row.document is None else DocumentId(row.document),
        root=row.root is None,
        created_at=created_at,
        queue=None if row.queue is None else QueueId(row.queue),
    )


def _words_to_children(annotation: AnnotationId, after: AnnotationRow, seen: Seen) -> list[Linked]:
    """Children of a split carry no mark of ours: their root tells them where they come from."""
    import_id = ImportId(after.import_id) if after.import_id is not None else None
    root = AnnotationId(after.root) if after.root is not None else annotation
    queue = seen.reading.queue
    return [Linked(child, import_id, after.key, queue, root, after.origin) for child in seen.children]


def _same(before: AnnotationRow | None, after: AnnotationRow) -> bool:
    """Whether a read taught nothing: then no row is written for it."""
    return before is not None and replace(before, read_at=None) == replace(after, read_at=None)
