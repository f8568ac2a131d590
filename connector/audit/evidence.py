"""What was gathered about one entity from the ledger, the topics and Rossum, and what judgement rests on."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from connector.contracts.catalogue import TopicRole
from connector.contracts.published import Published
from connector.domain.floor import FloorRow, floor_key
from connector.domain.identity import Identity
from connector.domain.ids import partition_of
from connector.domain.rows import AnyRow

#: Milliseconds by which a record that was deleted may be younger than the first one kept: clocks of two producers.
CLOCK_MARGIN_MS = 5_000


@dataclass(frozen=True, slots=True)
class Sighting:
    """One record of a public topic."""

    role: TopicRole
    event: Published
    partition: int
    offset: int
    timestamp_ms: int


@dataclass(frozen=True, slots=True)
class Listed:
    """An annotation as a listing by one clock showed it.

    Attributes:
        value: The clock (text); None when a later read showed that it is not so any more.
    """

    clock: str
    value: str | None
    queue: int


@dataclass(slots=True)
class Entry:
    """Everything gathered about one entity.

    Attributes:
        letters: When its dead letters were written (milliseconds).
        hinted: Whether a hint about it waits in `work`.
        copied: Whether a copy of its announcement waits in `imports`.
        listed: What Rossum shows, by clock.
        linked: Imports whose rows name this annotation, and since when (clock text) Rossum has had them.
        documents: When Rossum says that a root document was created; None where it is none or gone.
    """

    entity: str
    row: AnyRow | None = None
    sightings: list[Sighting] = field(default_factory=list)
    letters: list[int] = field(default_factory=list)
    hinted: bool = False
    copied: bool = False
    listed: dict[str, Listed] = field(default_factory=dict)
    linked: dict[str, str] = field(default_factory=dict)
    documents: dict[int, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Head:
    """The beginning of a partition whose older records are gone.

    Attributes:
        first_ms: Timestamp of the first kept record; None where none is kept.
    """

    role: TopicRole
    partition: int
    offset: int
    first_ms: int | None

    def hides(self, at_ms: int | None) -> bool:
        """Whether a record written at that moment, or at an unknown one, may be among those that are gone."""
        return self.first_ms is None or at_ms is None or at_ms <= self.first_ms + CLOCK_MARGIN_MS


@dataclass(frozen=True, slots=True)
class Heads:
    """Which partitions of the public topics have lost their beginning."""

    partitions: Mapping[TopicRole, int] = field(default_factory=dict)
    cut: tuple[Head, ...] = ()

    def hides(self, role: TopicRole, key: str, at_ms: int | None) -> bool:
        """Whether a record with that key may be gone."""
        partition = partition_of(key, self.partitions[role]) if self.cut else None
        return any(h.role is role and h.partition == partition and h.hides(at_ms) for h in self.cut)

    def hides_anywhere(self, role: TopicRole, at_ms: int | None) -> bool:
        """The same for a record whose key is not known."""
        return any(head.role is role and head.hides(at_ms) for head in self.cut)


@dataclass(frozen=True, slots=True)
class Swept:
    """How far one clock's sweep promises to have seen everything.

    Attributes:
        until: Clock text; facts after it may still be found by the next deep pass.
    """

    until: str
    queues: frozenset[int]


@dataclass(frozen=True, slots=True)
class Grounds:
    """What every judgement rests on beside the entity itself.

    Attributes:
        capture: Statuses whose clock makes a captured revision.
        horizon: Facts before this clock text are published only by a replay.
        floors: What each partition of the ledger has forgotten, by the key of its row.
        partitions: How many the ledger has.
        starts: Clock texts at which sweeps began without an event.
        settled: By topic and partition the offset up to which the ledger was read after the events.
        swept: By clock.
        topics: Names, for sentences.
    """

    identity: Identity
    capture: tuple[str, ...]
    horizon: str
    topics: Mapping[TopicRole, str]
    floors: Mapping[str, FloorRow] = field(default_factory=dict)
    partitions: int = 1
    starts: frozenset[str] = frozenset()
    swept: Mapping[str, Swept] = field(default_factory=dict)
    heads: Heads = field(default_factory=Heads)
    settled: Mapping[tuple[TopicRole, int], int] = field(default_factory=dict)
    exactly_once: bool = True

    def is_settled(self, sighting: Sighting) -> bool:
        """Whether an event's row was there to be read: the event was written before the ledger was read."""
        return sighting.offset < self.settled.get((sighting.role, sighting.partition), sighting.offset + 1)

    def may_be_forgotten(self, entity: str, clock: str) -> bool:
        """Whether the row of an entity may be gone that ended at or after this clock text."""
        floor = self.floors.get(floor_key(partition_of(entity, self.partitions)))
        return floor is not None and clock <= floor.until
