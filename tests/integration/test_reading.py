"""Reading whole topics on a real broker: to the ends as they were, waiting for transactions that were open then."""

import asyncio
from contextlib import aclosing

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from aiokafka.structs import TopicPartition

from connector.errors import Refused
from connector.kafka.connection import KafkaConnection
from connector.kafka.reading import Stretch, TopicRecord, after, records, stretches
from connector.settings_kafka import KafkaSettings
from tests.support.find_kafka import Kafka

pytestmark = pytest.mark.kafka


async def all_of(connection: KafkaConnection, wanted: list[Stretch]) -> list[TopicRecord]:
    """Every record of some stretches."""
    async with aclosing(records(connection, wanted)) as batches:
        return [record async for batch in batches for record in batch]


async def make_topic(kafka: Kafka, topic: str, partitions: int) -> None:
    """A topic."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers)
    await admin.start()
    await admin.create_topics([NewTopic(topic, partitions, 1)])
    await admin.close()


async def write(kafka: Kafka, topic: str, values: list[bytes], partition: int = 0) -> None:
    """Some records."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap_servers)
    await producer.start()
    for value in values:
        await producer.send_and_wait(topic, value, partition=partition)
    await producer.stop()


def connection_of(kafka: Kafka) -> KafkaConnection:
    """To the broker of the tests."""
    return KafkaConnection(KafkaSettings(bootstrap_servers=kafka.bootstrap_servers))


async def test_a_topic_is_read_to_the_ends_that_it_had(kafka: Kafka, unique: str) -> None:
    """What is written later belongs to the next reading, and nothing to both."""
    topic, connection = unique + "topic", connection_of(kafka)
    await make_topic(kafka, topic, 2)
    await write(kafka, topic, [b"a", b"b"], partition=0)
    await write(kafka, topic, [b"c"], partition=1)
    before = await stretches(connection, [topic])
    await write(kafka, topic, [b"later"], partition=1)

    first = await all_of(connection, before)
    second = await all_of(connection, after(before, await stretches(connection, [topic])))

    assert sorted(record.value or b"" for record in first) == [b"a", b"b", b"c"]
    assert [(record.value, record.partition, record.offset) for record in second] == [(b"later", 1, 1)]


async def test_a_deleted_head_shows_in_the_start(kafka: Kafka, unique: str) -> None:
    """And what is left is read."""
    topic, connection = unique + "topic", connection_of(kafka)
    await make_topic(kafka, topic, 1)
    await write(kafka, topic, [b"a", b"b", b"c"])
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers)
    await admin.start()
    await admin.delete_records({TopicPartition(topic, 0): RecordsToDelete(before_offset=2)})
    await admin.close()

    (stretch,) = await stretches(connection, [topic])
    left = await all_of(connection, [stretch])

    assert (stretch.start, stretch.end) == (2, 3)
    assert [record.value for record in left] == [b"c"]


async def test_a_transaction_that_was_open_is_waited_for(kafka: Kafka, unique: str) -> None:
    """Its records are there if it commits, though it does so only after the bounds were taken."""
    topic, connection = unique + "topic", connection_of(kafka)
    await make_topic(kafka, topic, 1)
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap_servers, transactional_id=unique)
    await producer.start()
    await producer.begin_transaction()
    await producer.send_and_wait(topic, b"in flight", partition=0)
    before = await stretches(connection, [topic])

    reading = asyncio.create_task(all_of(connection, before))
    done, _ = await asyncio.wait({reading}, timeout=1.0)
    await producer.commit_transaction()
    found = await reading

    await producer.stop()
    assert not done
    assert [record.value for record in found] == [b"in flight"]


async def test_an_unknown_topic_is_refused_in_a_sentence(kafka: Kafka, unique: str) -> None:
    """With its name."""
    with pytest.raises(Refused, match=f"topic {unique}nowhere does not exist"):
        await stretches(connection_of(kafka), [unique + "nowhere"])
