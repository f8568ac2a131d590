"""The messages of the two inner logs, and how they are written.

`work` carries one JSON array a record, each element one message, so that hints of one short interval and one
partition share a record. The first item of an element tells its kind.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

import orjson

from connector.domain.floor import floor_key
from connector.domain.ids import (
    AnnotationId,
    DocumentId,
    ImportId,
    QueueId,
    annotation_entity,
    import_entity,
    sweep_entity,
)


class Via(StrEnum):
    """How a fact was learnt (`ce_observedvia`)."""

    WEBHOOK = "webhook"
    SWEEP = "sweep"
    READ = "read"
    REPLAY = "replay"


@dataclass(frozen=True, slots=True)
class Hint:
    """A wish to look at this annotation: says what somebody saw, decides nothing.

    Attributes:
        clocks: Clocks that the observer saw, normalised text; the owner reads until Rossum shows at least these.
        replay: Id of the replay that wants facts published although they lie beyond the horizon.
    """

    annotation: AnnotationId
    via: Via
    status: str | None = None
    queue: QueueId | None = None
    clocks: Mapping[str, str] = field(default_factory=dict)
    replay: str | None = None

    @property
    def entity(self) -> str:
        """The annotation."""
        return annotation_entity(self.annotation)


@dataclass(frozen=True, slots=True)
class MarkSeen:
    """To an import: this annotation is yours (it carries your mark, or your upload object named it).

    Attributes:
        root: Whether its document has no parent (children of archives and splits are not roots).
        status: What the annotation was when the link was made; an import completes when none is `importing`.
    """

    import_id: ImportId
    annotation: AnnotationId
    status: str
    document: DocumentId | None = None
    root: bool = True
    created_at: str | None = None
    queue: QueueId | None = None

    @property
    def entity(self) -> str:
        """The import."""
        return import_entity(self.import_id)


@dataclass(frozen=True, slots=True)
class Linked:
    """To an annotation: you came from this import (learnt from its upload object or a split, not from a mark).

    Attributes:
        root: For a child of a split: the annotation that was split.
        origin: Of the arrival: causation, traceparent, tracestate, as far as known.
        claim: It only looks as if: who links wants to know when the annotation belongs to another import.
    """

    annotation: AnnotationId
    import_id: ImportId | None
    document_key: str
    queue: QueueId | None = None
    root: AnnotationId | None = None
    origin: Mapping[str, str] = field(default_factory=dict)
    claim: bool = False

    @property
    def entity(self) -> str:
        """The annotation."""
        return annotation_entity(self.annotation)


@dataclass(frozen=True, slots=True)
class NotYours:
    """To an import that claimed an annotation: it belongs to another one."""

    import_id: ImportId
    annotation: AnnotationId

    @property
    def entity(self) -> str:
        """The import."""
        return import_entity(self.import_id)


@dataclass(frozen=True, slots=True)
class TwinOf:
    """To an annotation: you are a twin of that one."""

    annotation: AnnotationId
    original: AnnotationId

    @property
    def entity(self) -> str:
        """The annotation."""
        return annotation_entity(self.annotation)


@dataclass(frozen=True, slots=True)
class SweepNow:
    """To a sweep: start a pass at once; `deep` with the long overlap."""

    clock: str
    deep: bool = False

    @property
    def entity(self) -> str:
        """The sweep."""
        return sweep_entity(self.clock)


@dataclass(frozen=True, slots=True)
class Recovered:
    """To a sweep: a fact was published that only sweeps had announced. Counted for people, nothing rests on it."""

    clock: str
    count: int = 1

    @property
    def entity(self) -> str:
        """The sweep."""
        return sweep_entity(self.clock)


@dataclass(frozen=True, slots=True)
class Swept:
    """To each partition: what this clock told up to `until` has been hinted before this message.

    Attributes:
        until: Clock text.
    """

    partition: int
    clock: str
    until: str

    @property
    def entity(self) -> str:
        """The floor of that partition."""
        return floor_key(self.partition)


WorkMessage = Hint | MarkSeen | Linked | NotYours | TwinOf | SweepNow | Recovered | Swept


def together(messages: Iterable[WorkMessage]) -> list[WorkMessage]:
    """The same in fewer messages: what a sweep alone had announced is one count a sweep."""
    found: list[WorkMessage] = []
    counts: Counter[str] = Counter()
    for message in messages:
        if isinstance(message, Recovered):
            counts[message.clock] += message.count
        else:
            found.append(message)
    return [*found, *(Recovered(clock, count) for clock, count in counts.items())]


def encode_work(messages: Iterable[WorkMessage]) -> bytes:
    """One record's value for messages of one partition."""
    return orjson.dumps([_element(message) for message in messages])


def _element(message: WorkMessage) -> list[Any]:
    kind, names = _WRITTEN[type(message)]
    return [kind, *(getattr(message, name) for name in names)]


def decode_work(value: bytes) -> list[WorkMessage]:
    """The messages of one record of `work`; elements of kinds that a later version added are left out.

    Raises:
        ValueError: The record was not written by this product.
    """
    try:
        elements = orjson.loads(value)
        if not isinstance(elements, list):
            raise TypeError(value)  # noqa: TRY301 - one error for every way of being foreign
        return [_DECODERS[element[0]](element) for element in elements if element and element[0] in _DECODERS]
    except (TypeError, IndexError, KeyError, ValueError) as error:
        msg = "not a record of the work topic"
        raise ValueError(msg) from error


#: The first item of each message's element; the others are its fields in their order, to which later ones are added.
_KINDS: dict[type[Any], str] = {
    Hint: "hint",
    MarkSeen: "mark",
    Linked: "linked",
    NotYours: "not-yours",
    TwinOf: "twin",
    SweepNow: "sweep",
    Recovered: "recovered",
    Swept: "swept",
}
_WRITTEN = {kind: (name, tuple(field.name for field in fields(kind))) for kind, name in _KINDS.items()}
_DECODERS: dict[str, Any] = {
    "hint": lambda e: Hint(AnnotationId(e[1]), Via(e[2]), *e[3:7]),
    "mark": lambda e: MarkSeen(ImportId(e[1]), AnnotationId(e[2]), *e[3:8]),
    "linked": lambda e: Linked(AnnotationId(e[1]), *e[2:8]),
    "not-yours": lambda e: NotYours(ImportId(e[1]), AnnotationId(e[2])),
    "twin": lambda e: TwinOf(AnnotationId(e[1]), AnnotationId(e[2])),
    "sweep": lambda e: SweepNow(e[1], e[2]),
    "recovered": lambda e: Recovered(e[1], e[2]),
    "swept": lambda e: Swept(e[1], e[2], e[3]),
}
