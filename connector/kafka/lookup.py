"""Reads single records by their coordinates, beside the consumers of the group."""

import asyncio
from collections.abc import Collection, Mapping, Sequence

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import ConsumerRecord, TopicPartition

from connector.contracts.arrivals import ArrivalsLeft
from connector.contracts.catalogue import TopicRole
from connector.errors import KafkaUnavailable
from connector.kafka.connection import CALL_DEADLINE, KafkaConnection, let_go, within
from connector.kafka.names import Names
from connector.ports import InnerRecord

#: Seconds to wait for one record that exists.
FETCH_DEADLINE = 5.0


def inner_record(record: ConsumerRecord) -> InnerRecord:
    """A record of aiokafka's as the engine sees it."""
    return InnerRecord(
        record.offset,
        record.key,
        record.value,
        tuple((name, value or b"") for name, value in record.headers),
        record.timestamp,
    )


class RecordLookup:
    """A consumer without a group; one look-up at a time."""

    def __init__(self, connection: KafkaConnection) -> None:
        self._connection = connection
        self._consumer: AIOKafkaConsumer | None = None
        self._one_at_a_time = asyncio.Lock()

    async def read(self, topic: str, partition: int, offset: int) -> InnerRecord | None:
        """The record at exactly that offset; None when it was deleted.

        Raises:
            KafkaUnavailable: Kafka does not answer.
        """
        async with self._one_at_a_time:
            try:
                return await self._read(TopicPartition(topic, partition), offset)
            except BaseException:
                await self._drop()
                raise

    async def _read(self, place: TopicPartition, offset: int) -> InnerRecord | None:
        consumer = await self._started()
        consumer.assign([place])
        starts = await within(CALL_DEADLINE, consumer.beginning_offsets([place]), "looking up a record")
        ends = await within(CALL_DEADLINE, consumer.end_offsets([place]), "looking up a record")
        if not starts[place] <= offset < ends[place]:
            return None
        consumer.seek(place, offset)
        found: dict[TopicPartition, Sequence[ConsumerRecord]] = await within(
            CALL_DEADLINE,
            consumer.getmany(place, timeout_ms=int(FETCH_DEADLINE * 1000), max_records=1),
            "looking up a record",
        )
        records = found.get(place, ())
        if not records:
            position = await within(CALL_DEADLINE, consumer.position(place), "looking up a record")
            if position > offset:
                return None
            # A broker that is slow or frozen gives nothing, which is no proof that there is nothing.
            msg = f"Kafka gave no record of {place.topic}[{place.partition}] within {FETCH_DEADLINE:g} s"
            raise KafkaUnavailable(msg)
        return inner_record(records[0]) if records[0].offset == offset else None

    async def bounds(
        self, places: Collection[TopicPartition], log: TopicPartition
    ) -> tuple[Mapping[TopicPartition, int], int]:
        """The first offsets that `places` still hold, those of topics that are gone left out; then the end of `log`.

        Raises:
            KafkaUnavailable: Kafka does not answer.
        """
        async with self._one_at_a_time:
            try:
                consumer = await self._started()
                topics = await _topics(consumer, log.topic)
                there = [place for place in places if place.topic in topics]
                consumer.assign([*there, log])
                starts = await within(CALL_DEADLINE, consumer.beginning_offsets(there), "reading offsets")
                ends = await within(CALL_DEADLINE, consumer.end_offsets([log]), "reading offsets")
                return starts, ends[log]
            except BaseException:
                await self._drop()
                raise

    async def first_with_key(self, place: TopicPartition, key: bytes) -> InnerRecord | None:
        """The first record with that key in a partition; None when it has none.

        Raises:
            KafkaUnavailable: Kafka does not answer.
        """
        async with self._one_at_a_time:
            try:
                return await self._search(place, key)
            except BaseException:
                await self._drop()
                raise

    async def _search(self, place: TopicPartition, key: bytes) -> InnerRecord | None:
        consumer = await self._started()
        consumer.assign([place])
        starts = await within(CALL_DEADLINE, consumer.beginning_offsets([place]), "searching a record")
        ends = await within(CALL_DEADLINE, consumer.end_offsets([place]), "searching a record")
        consumer.seek(place, starts[place])
        while await within(CALL_DEADLINE, consumer.position(place), "searching a record") < ends[place]:
            found: dict[TopicPartition, Sequence[ConsumerRecord]] = await within(
                CALL_DEADLINE, consumer.getmany(place, timeout_ms=500), "searching a record"
            )
            for record in found.get(place, ()):
                if record.key == key:
                    return inner_record(record)
        return None

    async def _started(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            consumer = self._connection.consumer()
            await within(CALL_DEADLINE, consumer.start(), self._connection.connecting)
            self._consumer = consumer
        return self._consumer

    async def _drop(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await let_go(consumer.stop())

    async def close(self) -> None:
        """Let go of the consumer."""
        await self._drop()


async def _topics(consumer: AIOKafkaConsumer, needed: str) -> set[str]:
    """All topics, once the broker knows `needed`: one that has just started may not know of any yet."""
    topics: set[str] = await within(CALL_DEADLINE, consumer.topics(), "reading offsets")
    if needed not in topics:
        raise KafkaUnavailable(f"the broker does not tell of {needed} now")
    return topics


async def left_of_arrivals(lookup: RecordLookup, names: Names, places: Collection[str], partition: int) -> ArrivalsLeft:
    """See :class:`connector.ports.PartitionLog`, for the owner of `partition`."""
    wanted = {place: _arrivals_at(place, names) for place in places}
    imports = TopicPartition(names.topics[TopicRole.IMPORTS], partition)
    starts, end = await lookup.bounds({*wanted.values()}, imports)
    return ArrivalsLeft({place: starts.get(at) for place, at in wanted.items()}, end)


def _arrivals_at(place: str, names: Names) -> TopicPartition:
    """The partition that a row names; rows of earlier versions mean the topic of the settings."""
    topic, _, number = place.rpartition("/")
    return TopicPartition(topic or names.topics[TopicRole.ARRIVED], int(number))
