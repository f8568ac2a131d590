"""Judges one entity: its row against the records of the public topics, and both against Rossum.

Pure: everything that was gathered goes in, a verdict comes out. What cannot be known is never called a difference:
a fact whose record may have been deleted with the head of its topic counts as beyond retention.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from connector.audit import captures
from connector.audit.evidence import Entry, Grounds, Sighting
from connector.audit.facts import CAPTURED, Wanted, has_own_id, is_known, wanted_facts
from connector.audit.findings import ONLY_EXACTLY_ONCE, Column, Kind, Line, Verdict
from connector.audit.imports import judge_import
from connector.contracts.catalogue import CATALOGUE, TopicRole
from connector.domain.annotation_state import CLOCK_OF, EVENT_OF, captured_name
from connector.domain.ids import format_clock
from connector.domain.rows import AnnotationRow, ImportRow
from connector.domain.stages import open_since

#: An event is written at most so long after what its row says of it.
COMMITTED_WITHIN = timedelta(seconds=60)

ByRole = Mapping[TopicRole, list[Sighting]]


def judge(entry: Entry, grounds: Grounds) -> Verdict:
    """What is wrong, open or beyond reach with one entity."""
    verdict = Verdict()
    columns = _Presence(entry, grounds, verdict).judge()
    captures.judge_order(entry, grounds, verdict)
    if entry.entity.startswith("import/"):
        judge_import(entry, columns, grounds, verdict)
    elif entry.entity.startswith("annotation/"):
        _judge_annotation(entry, grounds, verdict)
        captures.judge_listing(entry, grounds, verdict)
    if not grounds.exactly_once:
        verdict.differences = [d for d in verdict.differences if d.kind not in ONLY_EXACTLY_ONCE]
    return verdict


class _Presence:
    """Whether the facts of the row and the records of the topics are the same ones."""

    def __init__(self, entry: Entry, grounds: Grounds, verdict: Verdict) -> None:
        self._entry = entry
        self._grounds = grounds
        self._verdict = verdict
        self._records = _by_id(entry.sightings)

    def judge(self) -> dict[str, Column]:
        """The column in which each fact of the row counts, by its text."""
        wanted = list(wanted_facts(self._entry.entity, self._entry.row, self._grounds))
        ids = {event_id for fact in wanted for event_id in fact.ids}
        columns = {fact.text: self._wanted(fact) for fact in wanted}
        for event_id, by_role in self._records.items():
            self._told(by_role)
            if event_id not in ids:
                self._siblings(by_role)
        return columns

    def _wanted(self, fact: Wanted) -> Column:
        """A fact of the row has its event on every topic that such an event goes to."""
        found = next((event_id for event_id in fact.ids if event_id in self._records), None)
        if found is None and self._lies_beyond(fact):
            column = Column.HORIZON
        else:
            name = fact.ids[found] if found else fact.name
            column = self._on_all_topics(name, fact.text, fact.time, self._records.get(found or "", {}))
        if fact.is_capture:
            self._verdict.count(Line.CAPTURED, column)
        return column

    def _lies_beyond(self, fact: Wanted) -> bool:
        """Whether it is an older revision that was too old to be told when the annotation was first seen."""
        row = self._entry.row
        if not isinstance(row, AnnotationRow) or row.import_id is not None or fact.time is None:
            return False
        return fact.is_capture and fact.time < self._grounds.horizon and fact.time not in row.published.values()

    def _on_all_topics(self, name: str, text: str, time: str | None, by_role: ByRole) -> Column:
        entity, heads = self._entry.entity, self._grounds.heads
        lacking = [role for role in CATALOGUE[name].topics if role not in by_role]
        lost = [role for role in lacking if not heads.hides(role, self._key(), _written_at(by_role, time))]
        if lost:
            topics = " and ".join(self._grounds.topics[role] for role in lost)
            sentence = f"published according to the ledger, but not on {topics}: {_cure(entity)}"
            self._verdict.differ(Kind.MISSING_EVENT, entity, text, sentence)
            return Column.MISSING
        return Column.RETENTION if lacking else Column.OUT

    def _siblings(self, by_role: ByRole) -> None:
        """An older event that the row no longer names is on all topics of it or on none."""
        event = next(iter(by_role.values()))[0].event
        if event.name in CATALOGUE:
            column = self._on_all_topics(event.name, _text(event.name, event.revision), None, by_role)
            if event.name == CAPTURED:
                self._verdict.count(Line.CAPTURED, column)

    def _told(self, by_role: ByRole) -> None:
        """An event has its row, the id that follows from it, and comes once per topic."""
        entity, grounds = self._entry.entity, self._grounds
        first = next(iter(by_role.values()))[0]
        fact = _text(first.event.name, first.event.revision)
        place = f"{grounds.topics[first.role]}[{first.partition}]@{first.offset}"
        if not has_own_id(first, entity, grounds.identity):
            sentence = f"{place} has a ce_id that does not follow from what it says: find out who wrote it"
            self._verdict.differ(Kind.FOREIGN_ID, entity, fact, sentence)
        elif self._is_unknown(first):
            sentence = f"{place} tells what the ledger does not know: was the ledger restored or emptied?"
            self._verdict.differ(Kind.MISSING_ROW, entity, fact, sentence)
        for role, sightings in by_role.items():
            self._once(role, sightings, fact)

    def _is_unknown(self, sighting: Sighting) -> bool:
        """Whether the ledger should know the event and does not; it may have dropped the row of an old one."""
        grounds, entity = self._grounds, self._entry.entity
        if not grounds.is_settled(sighting) or is_known(sighting, entity, self._entry.row, grounds):
            return False
        decided = datetime.fromtimestamp(sighting.timestamp_ms / 1000, UTC) - COMMITTED_WITHIN
        return not grounds.may_be_forgotten(entity, format_clock(decided))

    def _once(self, role: TopicRole, sightings: list[Sighting], fact: str) -> None:
        """A replay may bring an event again, once."""
        topic = self._grounds.topics[role]
        for replay, count in Counter(sighting.event.replay for sighting in sightings).items():
            if count > 1:
                places = [f"[{s.partition}]@{s.offset}" for s in sightings if s.event.replay == replay]
                sentence = f"{count} times on {topic}, at {' and '.join(places[:2])}: consumers must go by ce_id"
                self._verdict.differ(Kind.DOUBLED, self._entry.entity, f"{fact} on {role.value}", sentence)

    def _key(self) -> str:
        """Key of the entity's records."""
        match self._entry.row:
            case AnnotationRow(key=key) | ImportRow(document_key=key):
                return key
            case _:
                return self._entry.entity.partition("/")[2]


def _by_id(sightings: Iterable[Sighting]) -> dict[str, dict[TopicRole, list[Sighting]]]:
    found: dict[str, dict[TopicRole, list[Sighting]]] = defaultdict(dict)
    for sighting in sightings:
        found[sighting.event.id].setdefault(sighting.role, []).append(sighting)
    return found


def _written_at(by_role: ByRole, time: str | None) -> int | None:
    """When a record was written: with its siblings of the same transaction, else not before its fact."""
    siblings = [sighting.timestamp_ms for some in by_role.values() for sighting in some]
    return min(siblings, default=_milliseconds(time))


def _milliseconds(clock: str | None) -> int | None:
    return int(datetime.fromisoformat(clock).timestamp() * 1000) if clock else None


def _text(name: str, revision: str | None) -> str:
    return f"{name} {revision}" if revision else name


def _cure(entity: str) -> str:
    kind, _, number = entity.partition("/")
    if kind == "annotation":
        return f"publish it again with `rossum-connector replay --annotation {number}`"
    return "its consumers must be told; the ledger still has what it said"


def _judge_annotation(entry: Entry, grounds: Grounds, verdict: Verdict) -> None:
    """An annotation is at rest with an outcome, or open; one that an import names has a row."""
    row = entry.row
    if not isinstance(row, AnnotationRow):
        for owner, since in sorted(entry.linked.items()):
            if grounds.may_be_forgotten(entry.entity, since):
                verdict.count(Line.ANNOTATIONS, Column.RETENTION)
                continue
            sentence = f"{owner} names it, the ledger has no row of it: start the connector, it asks Rossum again"
            verdict.count(Line.ANNOTATIONS, Column.MISSING)
            verdict.differ(Kind.NO_OUTCOME, entry.entity, owner, sentence)
    elif row.open:
        verdict.count(Line.ANNOTATIONS, Column.OPEN)
        verdict.leave_open(entry.entity, row.status, open_since(row))
    elif (row.import_id is not None or entry.linked) and not _has_outcome(row, grounds):
        verdict.count(Line.ANNOTATIONS, Column.MISSING)
        sentence = f"it is {row.status} and no event says so: {_cure(entry.entity)}"
        verdict.differ(Kind.NO_OUTCOME, entry.entity, row.status, sentence)
    else:
        verdict.count(Line.ANNOTATIONS, Column.OUT)


def _has_outcome(row: AnnotationRow, grounds: Grounds) -> bool:
    """Whether the ledger holds an outcome for an annotation at rest, where its status has one."""
    has_event = row.status in {*EVENT_OF, *grounds.capture, "split"}
    captured = any(captured_name(status) in row.published for status in CLOCK_OF)
    return captured or not has_event or f"annotation.{row.status}" in row.published
