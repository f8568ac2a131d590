"""What was read from the public topics, told per document, and the judgement whether it is what must have come."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Final

import orjson

from connector.contracts.catalogue import TopicRole
from connector.contracts.envelope import TYPE_PREFIX
from connector.sandbox.samples import Sample

#: Topics that the story is read from.
PUBLIC: Final = (TopicRole.LIFECYCLE, TopicRole.CAPTURED, TopicRole.READY, TopicRole.DEAD_LETTERS)
#: What a record of the dead-letter topic is called here: it is an arrival, not an event.
DEAD_LETTER: Final = "dead letter"
_FAILED: Final = "import.failed"
_CAPTURED: Final = "annotation.captured"
_READY: Final = "annotation.ready"
_SPLIT: Final = "annotation.split"
_SWEEP: Final = "sweep.completed"
_ORIGIN: Final = ("__connect.errors.topic", "__connect.errors.partition", "__connect.errors.offset")

#: Where a document is after an event.
_NOW: Final = {
    "import.accepted": "importing",
    "import.completed": "imported",
    _FAILED: "failed",
    _READY: "to review",
    "annotation.confirmed": "confirmed",
    "annotation.postponed": "postponed",
    "annotation.export_failed": "export failed",
    _CAPTURED: "captured",
    "annotation.rejected": "rejected",
    _SPLIT: "split",
    "annotation.deleted": "deleted",
}


@dataclass(frozen=True, slots=True)
class Record:
    """One record as a consumer reads it.

    Attributes:
        name: Of the event, without the prefix of its type.
        id: `ce_id`; None for a dead letter.
        causation: `topic/partition/offset` of the arrival that it goes back to.
        at: When it was read (monotonic seconds).
    """

    role: TopicRole
    name: str
    id: str | None
    key: str
    subject: str
    via: str
    causation: str | None
    data: Mapping[str, Any]
    at: float

    @property
    def annotation(self) -> int | None:
        """Id of the annotation that it is about."""
        annotation = self.data.get("annotation")
        return annotation.get("id") if isinstance(annotation, dict) else None


def record_of(
    role: TopicRole, key: bytes | None, headers: Sequence[tuple[str, bytes]], value: bytes | None, *, at: float
) -> Record:
    """A record of a public topic in binary mode."""
    texts = {name: raw.decode(errors="replace") for name, raw in headers}
    name = (key or b"").decode(errors="replace")
    if role is TopicRole.DEAD_LETTERS:
        origin = "/".join(texts.get(header, "?") for header in _ORIGIN)
        return Record(role, DEAD_LETTER, None, name, "", "", origin, {}, at)
    return Record(
        role,
        texts["ce_type"].removeprefix(TYPE_PREFIX),
        texts["ce_id"],
        name,
        texts.get("ce_subject", ""),
        texts.get("ce_observedvia", ""),
        texts.get("ce_causation"),
        orjson.loads(value or b"{}"),
        at,
    )


def expected_counts(sample: Sample) -> tuple[Counter[tuple[TopicRole, str]], Counter[tuple[TopicRole, str]]]:
    """What must be read of a sample, exactly so often, and what may be, so often at most."""
    events = sample.kind.events
    exactly = Counter({(TopicRole.LIFECYCLE, name): times for name, times in events.items()})
    exactly[TopicRole.CAPTURED, _CAPTURED] = events.get(_CAPTURED, 0)
    exactly[TopicRole.DEAD_LETTERS, DEAD_LETTER] = events.get(_FAILED, 0)
    ready = sample.kind.ready
    return +exactly, +Counter({(TopicRole.LIFECYCLE, _READY): ready, (TopicRole.READY, _READY): ready})


class State(Enum):
    """How a document stands."""

    #: Something must still come.
    UNDER_WAY = auto()
    #: All that must come was read.
    DONE = auto()
    #: Something was read that must not come; nothing heals that.
    WRONG = auto()


@dataclass(slots=True)
class DocumentStory:
    """One document: what was announced, and all that was read of it."""

    sample: Sample
    announced_at: float
    records: list[Record] = field(default_factory=list)
    annotations: set[int] = field(default_factory=set)
    done_at: float | None = None

    def take(self, record: Record) -> None:
        """One more record of this document."""
        self.records.append(record)
        self.annotations.update([record.annotation] if record.annotation is not None else [])
        self.annotations.update(record.data.get("children", ()), record.data.get("annotations", ()))
        if self.done_at is None and not self._lacking():
            self.done_at = record.at

    @property
    def counts(self) -> Counter[tuple[TopicRole, str]]:
        """How often each event was read, by topic."""
        return Counter((record.role, record.name) for record in self.records)

    @property
    def state(self) -> State:
        """How it stands."""
        if any(self.surplus()):
            return State.WRONG
        return State.UNDER_WAY if self.done_at is None else State.DONE

    @property
    def now(self) -> str:
        """Where the document is, in a word or two."""
        told = [record.name for record in self.records if record.role is TopicRole.LIFECYCLE]
        of_annotations = [name for name in told if not name.startswith("import.") or name == _FAILED]
        last = (of_annotations or told or [""])[-1]
        return _NOW.get(last, last) or "announced"

    @property
    def via(self) -> str:
        """How the newest fact about its annotations was learnt; empty while there is none."""
        vias = [record.via for record in self._of_annotations]
        return vias[-1] if vias else ""

    @property
    def _of_annotations(self) -> list[Record]:
        return [record for record in self.records if record.name.startswith("annotation.")]

    def _lacking(self) -> Counter[tuple[TopicRole, str]]:
        exactly, _ = expected_counts(self.sample)
        return exactly - self.counts

    def missing(self) -> Iterator[str]:
        """One sentence for each event that must still come."""
        exactly, _ = expected_counts(self.sample)
        for (role, name), times in self._lacking().items():
            wanted = exactly[role, name]
            found = f"read {wanted - times} times, expected {wanted}"
            yield f"{self.sample.document_id}: {name} is missing on the {_topic(role)} topic ({found})"

    def surplus(self) -> Iterator[str]:
        """One sentence for each event that came too often, should not have come, or was learnt in another way."""
        exactly, at_most = expected_counts(self.sample)
        counts, who = self.counts, self.sample.document_id
        for (role, name), times in (counts - (exactly | at_most)).items():
            allowed = exactly[role, name] or at_most[role, name]
            where = f"{who}: {name} was read {allowed + times} times on the {_topic(role)} topic"
            yield f"{where}, expected {allowed}" if allowed else f"{where}, where it is not expected"
        for record in self._of_annotations:
            if self.sample.kind.via not in (None, record.via):
                where = f"{who}: {record.name} on the {_topic(record.role)} topic"
                yield f"{where} was learnt by {record.via}, expected {self.sample.kind.via}"


class Story:
    """All documents, in the order announced."""

    def __init__(self) -> None:
        self.documents: dict[str, DocumentStory] = {}
        self.newest_captured: Record | None = None
        self.last_record_at = 0.0
        self.sweeps = 0
        self._by_cause: dict[str, DocumentStory] = {}
        self._ids: Counter[tuple[TopicRole, str, str]] = Counter()
        self._loose: list[Record] = []

    def announce(self, sample: Sample, at: float) -> None:
        """A sample is about to be written to the arrivals topic."""
        self.documents[sample.document_id] = DocumentStory(sample, at)

    def placed(self, document_id: str, causation: str) -> None:
        """An arrival of that sample is at `topic/partition/offset`."""
        self._by_cause[causation] = self.documents[document_id]
        self._settle()

    def take(self, record: Record) -> DocumentStory | None:
        """One more record; the document that it belongs to, as far as it is known."""
        if record.id is not None:
            self._ids[record.role, record.name, record.id] += 1
        if record.name == _SWEEP:
            self.sweeps += 1
            return None
        self.last_record_at = record.at
        if record.role is TopicRole.CAPTURED:
            self.newest_captured = record
        document = self._owner(record)
        if document is None:
            self._loose.append(record)
        else:
            document.take(record)
            self._settle()
        return document

    def _owner(self, record: Record) -> DocumentStory | None:
        """Whose record it is: by its key, by the arrival it goes back to, or by an annotation known by now."""
        found = self.documents.get(record.key) or self._by_cause.get(record.causation or "")
        if found is not None or record.annotation is None:
            return found
        return next((one for one in self.documents.values() if record.annotation in one.annotations), None)

    def _settle(self) -> None:
        """Give records that came before what explains them to their documents."""
        loose, self._loose = self._loose, []
        for record in loose:
            document = self._owner(record)
            if document is None:
                self._loose.append(record)
            else:
                document.take(record)

    @property
    def is_complete(self) -> bool:
        """Whether every document has all events that it must have."""
        return all(document.done_at is not None for document in self.documents.values())

    def missing(self) -> list[str]:
        """One sentence for each event that has not come."""
        found = [sentence for document in self.documents.values() for sentence in document.missing()]
        for document in self.documents.values():
            counts = document.counts
            if counts[TopicRole.LIFECYCLE, _READY] != counts[TopicRole.READY, _READY]:
                who = document.sample.document_id
                found.append(f"{who}: {_READY} was not read equally often on the lifecycle and the ready topic")
        return found

    def surplus(self) -> list[str]:
        """One sentence for each event that came twice, too often, or for nobody."""
        found = [sentence for document in self.documents.values() for sentence in document.surplus()]
        for (role, name, event_id), times in self._ids.items():
            if times > 1:
                found.append(f"ce_id {event_id} ({name}) was read {times} times on the {_topic(role)} topic")
        for record in self._loose:
            what = f"{record.name} of {record.subject or record.key} on the {_topic(record.role)} topic"
            found.append(f"{what} belongs to no document that was announced")
        return found

    def miscounted(self, imported: Mapping[str, int]) -> list[str]:
        """One sentence for each document that Rossum has not got as often as it must, by document id."""
        found = []
        for who, document in self.documents.items():
            times, expected = imported.get(who, 0), document.sample.kind.uploads
            if times != expected:
                found.append(f"{who}: Rossum has it {times} times, expected {expected}")
        return found


def _topic(role: TopicRole) -> str:
    return role.value.replace("_", "-")
