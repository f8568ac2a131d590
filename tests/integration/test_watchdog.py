"""A consumer that has silently stopped is noticed; one that has nothing to do is left alone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.structs import TopicPartition

from connector.errors import KafkaUnavailable
from connector.kafka.watchdog import LOOK_EVERY, UNASSIGNED_FOR, Watchdog
from tests.support.find_kafka import Kafka
from tests.support.virtual_clock import VirtualClock

pytestmark = pytest.mark.kafka


async def new_topic(kafka: Kafka, name: str) -> TopicPartition:
    """A topic of one partition."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers)
    await admin.start()
    await admin.create_topics([NewTopic(name, 1, 1)])
    await admin.close()
    return TopicPartition(name, 0)


async def write(kafka: Kafka, place: TopicPartition) -> None:
    """One more record."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap_servers)
    await producer.start()
    await producer.send_and_wait(place.topic, b"record", partition=0)
    await producer.stop()


@asynccontextmanager
async def reading(kafka: Kafka, place: TopicPartition) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer that has read everything there is."""
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka.bootstrap_servers, auto_offset_reset="earliest")
    await consumer.start()
    consumer.assign([place])
    end = (await consumer.end_offsets([place]))[place]
    while await consumer.position(place) < end:
        await consumer.getmany(place, timeout_ms=100)
    try:
        yield consumer
    finally:
        await consumer.stop()


async def look_twice(watchdog: Watchdog, clock: VirtualClock, consumer: AIOKafkaConsumer) -> None:
    """The two looks that it takes to call something a standstill."""
    for _ in range(2):
        await clock.advance(LOOK_EVERY)
        await watchdog.look(consumer, joined=True)


async def test_a_fetcher_that_died_is_noticed(kafka: Kafka, unique: str) -> None:
    """Records wait, the position stands still, nothing is raised: after two looks the watchdog says so."""
    place = await new_topic(kafka, unique + "topic")
    await write(kafka, place)
    clock = VirtualClock()
    async with reading(kafka, place) as consumer:
        await write(kafka, place)

        with pytest.raises(KafkaUnavailable, match="stands still at 1, and there is more"):
            await look_twice(Watchdog(clock), clock, consumer)


async def test_a_consumer_without_anything_to_read_is_left_alone(kafka: Kafka, unique: str) -> None:
    """At the end of its partition, and paused before the end, a consumer is healthy."""
    place = await new_topic(kafka, unique + "topic")
    await write(kafka, place)
    clock = VirtualClock()
    async with reading(kafka, place) as consumer:
        watchdog = Watchdog(clock)
        await look_twice(watchdog, clock, consumer)
        await write(kafka, place)
        consumer.pause(place)

        await look_twice(watchdog, clock, consumer)

        assert await consumer.position(place) == 1


async def test_a_join_that_never_ends_is_noticed(kafka: Kafka, unique: str) -> None:
    """A member that the group tells nothing is replaced; one that was told to read nothing is not."""
    place = await new_topic(kafka, unique + "topic")
    clock = VirtualClock()
    watchdog = Watchdog(clock)
    async with reading(kafka, place) as consumer:
        await clock.advance(UNASSIGNED_FOR)
        await watchdog.look(consumer, joined=True)
        await clock.advance(UNASSIGNED_FOR + 1)

        with pytest.raises(KafkaUnavailable, match="told this member nothing"):
            await watchdog.look(consumer, joined=False)
