"""Reads single records by their coordinates, beside the consumers of the group."""

import asyncio
from collections.abc import Collection, Mapping, Sequence

from aiokafka import AIOKafkaConsumer
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import NoError, TopicAuthorizationFailedError, UnknownTopicOrPartitionError
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.structs import ConsumerRecord, TopicPartition

from connector.contracts.arrivals import ArrivalsLeft, Coordinates
from connector.contracts.catalogue import TopicRole
from connector.errors import KafkaForbids, KafkaUnavailable
from connector.kafka.connection import CALL_DEADLINE, KafkaConnection, abandon, let_go, within
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

    async def read(self, topic: str, partition: int, offset: int, *, beside: str | None = None) -> InnerRecord | None:
        """The record at exactly that offset; None when it was deleted.

        Where a topic that certainly exists is named `beside`, the whole topic may have been deleted too; else that
        counts as Kafka not answering.

        Raises:
            KafkaForbids: We may not see that topic.
            KafkaUnavailable: Kafka does not answer.
        """
        place = TopicPartition(topic, partition)
        async with self._one_at_a_time:
            try:
                consumer = await self._started()
                if beside is not None and await _is_gone(consumer, place, beside):
                    return None
                try:
                    return await self._read(consumer, place, offset)
                except KafkaUnavailable:
                    if beside is None or not await _is_gone(consumer, place, beside):
                        raise
                    # Deleted since we last heard of it; the consumer would go on asking for it.
                    await self._drop()
                    return None
            except BaseException:
                await self._drop()
                raise

    async def _read(self, consumer: AIOKafkaConsumer, place: TopicPartition, offset: int) -> InnerRecord | None:
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


async def _is_gone(consumer: AIOKafkaConsumer, place: TopicPartition, beside: str) -> bool:
    """Whether all brokers say that there is no such topic, or that it has no such partition.

    One that lags behind the others says so of what is there, so the word of one is no proof, nor is silence. Neither
    are the topics that aiokafka lists: those that we may not see are not among them.
    """
    if place.partition in (consumer.partitions_for_topic(place.topic) or ()):
        return False
    client = consumer._client  # noqa: SLF001 - aiokafka tells nowhere else why it does not know a topic
    asked = [asyncio.create_task(_denies(client, broker.nodeId, place, beside)) for broker in client.cluster.brokers()]
    try:
        for answer in asyncio.as_completed(asked):
            if not await answer:
                return False
        return bool(asked)
    finally:
        for task in asked:
            abandon(task)


async def _denies(client: AIOKafkaClient, node: int, place: TopicPartition, beside: str) -> bool:
    """Whether a broker that knows the topic `beside` says that there is no such place."""
    # By name: of a list of all topics those are left out that we may not see. And what was deleted must not come back.
    request = MetadataRequest([place.topic, beside], allow_auto_topic_creation=False)
    try:
        answer = await within(CALL_DEADLINE, client.send(node, request), "looking up a topic")
    except KafkaUnavailable:
        return False
    found = {topic: (code, [part[1] for part in parts]) for code, topic, _, parts in answer.topics}
    code, partitions = found[place.topic]
    if code == TopicAuthorizationFailedError.errno:
        raise KafkaForbids(f"Kafka does not allow looking up {place.topic}: it needs the ACL Describe or Read")
    if found[beside][0] != NoError.errno:
        return False
    return code == UnknownTopicOrPartitionError.errno or (code == NoError.errno and place.partition not in partitions)


async def read_arrival(lookup: RecordLookup, names: Names, at: Coordinates) -> InnerRecord | None:
    """The arrival at that place; None when it was deleted, or its whole topic was.

    Raises:
        KafkaForbids, KafkaUnavailable: See :meth:`RecordLookup.read`.
    """
    return await lookup.read(at.topic, at.partition, at.offset, beside=names.topics[TopicRole.IMPORTS])


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
