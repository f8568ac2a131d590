"""Reads whole topics between bounds that were fixed first: no group, no offsets, nothing written.

The end of a stretch is the end of all records, committed or not: a transaction that was open when the bounds were
taken is waited for, so that what was true then is read whatever its markers take.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import ConsumerRecord, TopicPartition

from connector.errors import Refused
from connector.kafka.connection import CALL_DEADLINE, KafkaConnection, let_go, standing_still, within
from connector.kafka.restore import Restored, RowSink, restore

#: Records of one step.
RECORDS_AT_ONCE = 2_000
#: Seconds without progress after which the broker counts as gone; an open transaction ends well before.
STALLED = 60.0
#: Seconds that one poll waits for records.
POLL = 0.2
_DOING = "reading topics"


@dataclass(frozen=True, slots=True)
class Stretch:
    """What one partition holds, or the part of it that is wanted.

    Attributes:
        start: First offset: of the first record that was kept; above 0 where older ones are gone.
        end: Offset after the last record of all.
    """

    topic: str
    partition: int
    start: int
    end: int

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to read."""
        return self.start >= self.end


@dataclass(frozen=True, slots=True)
class TopicRecord:
    """A committed record and its place."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = field(default=())


async def stretches(connection: KafkaConnection, topics: Iterable[str]) -> list[Stretch]:
    """What every partition of these topics holds now.

    Raises:
        Refused: One does not exist.
        KafkaUnavailable: Kafka does not answer.
    """
    found: list[Stretch] = []
    wanted = list(topics)
    await _check_that_exist(connection, wanted)
    for topic in wanted:
        async with _started(connection, [topic], isolation_level="read_uncommitted") as consumer:
            places = sorted(consumer.assignment())
            starts = await within(CALL_DEADLINE, consumer.beginning_offsets(places), _DOING)
            ends = await within(CALL_DEADLINE, consumer.end_offsets(places), _DOING)
            found += [Stretch(topic, place.partition, starts[place], ends[place]) for place in places]
    return found


def after(earlier: Iterable[Stretch], now: Iterable[Stretch]) -> list[Stretch]:
    """What has come since the bounds were taken last."""
    ends = {(stretch.topic, stretch.partition): stretch.end for stretch in earlier}
    return [replace(s, start=max(s.start, ends.get((s.topic, s.partition), s.start))) for s in now]


async def fold(
    connection: KafkaConnection, ledger: str, partition: int, sink: RowSink, owner: str | None = None
) -> Restored:
    """Read a partition of the ledger into `sink`, from where that stands; see `restore`."""
    return await restore(connection, TopicPartition(ledger, partition), sink, owner)


async def unfinished(
    connection: KafkaConnection, group: str, wanted: Iterable[Stretch]
) -> tuple[list[Stretch], list[Stretch]]:
    """What a group has not finished of these stretches, and what was deleted before them that it had not read.

    Of a partition without a committed offset nothing counts.

    Raises:
        KafkaUnavailable: Kafka does not answer.
    """
    async with _started(connection, group_id=group) as consumer:
        left, lost = [], []
        for stretch in wanted:
            place = TopicPartition(stretch.topic, stretch.partition)
            offset = await within(CALL_DEADLINE, consumer.committed(place), "reading committed offsets")
            left.append(replace(stretch, start=stretch.end if offset is None else max(offset, stretch.start)))
            if offset is not None and offset < stretch.start:
                lost.append(replace(stretch, start=offset, end=stretch.start))
        return left, lost


async def _check_that_exist(connection: KafkaConnection, topics: Iterable[str]) -> None:
    """Subscribing to an unknown topic would look for it for ten seconds."""
    async with _started(connection) as consumer:
        known: set[str] = await within(CALL_DEADLINE, consumer.topics(), _DOING)
    for topic in topics:
        if topic not in known:
            raise Refused(f"topic {topic} does not exist, or this user may not see it")


@asynccontextmanager
async def _started(
    connection: KafkaConnection, topics: Sequence[str] = (), **more: Any
) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer; of topics that are named it gets all partitions as it starts, since it has no group."""
    consumer = connection.consumer(**more)
    if topics:
        consumer.subscribe(topics)
    try:
        await within(CALL_DEADLINE, consumer.start(), connection.connecting)
        yield consumer
    finally:
        await let_go(consumer.stop())


async def records(connection: KafkaConnection, wanted: Iterable[Stretch]) -> AsyncGenerator[list[TopicRecord], None]:
    """The committed records of these stretches, some at a time, in offset order within a partition.

    Raises:
        KafkaUnavailable: Kafka does not answer, or one partition stands still.
    """
    ends = {TopicPartition(s.topic, s.partition): s for s in wanted if not s.is_empty}
    if not ends:
        return
    async with _started(connection) as consumer:
        consumer.assign(list(ends))
        for place, stretch in ends.items():
            consumer.seek(place, stretch.start)
        async for batch in _to_the_ends(consumer, ends):
            yield batch


async def _to_the_ends(
    consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, Stretch]
) -> AsyncIterator[list[TopicRecord]]:
    positions = {place: stretch.start for place, stretch in ends.items()}
    idle = 0.0
    while positions:
        found: dict[TopicPartition, list[ConsumerRecord]] = await within(
            CALL_DEADLINE,
            consumer.getmany(*positions, timeout_ms=int(POLL * 1000), max_records=RECORDS_AT_ONCE),
            _DOING,
        )
        if batch := [_record(r) for place, some in found.items() for r in some if r.offset < ends[place].end]:
            yield batch
        reached = {place: await within(CALL_DEADLINE, consumer.position(place), _DOING) for place in positions}
        idle = 0.0 if reached != positions else idle + POLL
        if idle > STALLED:
            raise standing_still("reading", *next(iter(reached.items())))
        positions = {place: position for place, position in reached.items() if position < ends[place].end}


def _record(record: ConsumerRecord) -> TopicRecord:
    return TopicRecord(
        record.topic,
        record.partition,
        record.offset,
        record.timestamp,
        record.key,
        record.value,
        tuple((name, value or b"") for name, value in record.headers),
    )
