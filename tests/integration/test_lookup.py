"""Looking up one record by its place on a real broker."""

from collections.abc import Callable

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from aiokafka.structs import TopicPartition

from connector.errors import KafkaUnavailable
from connector.kafka.connection import KafkaConnection
from connector.kafka.lookup import RecordLookup
from connector.settings_kafka import KafkaSettings
from tests.support.kafka_broker import LocalKafka

pytestmark = pytest.mark.kafka


async def filled(broker: LocalKafka) -> RecordLookup:
    """A look-up in a topic of three records, of which the first was deleted."""
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap_servers)
    await admin.start()
    await admin.create_topics([NewTopic("topic", 1, 1)])
    producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap_servers)
    await producer.start()
    for number in range(3):
        await producer.send_and_wait("topic", b"%d" % number, partition=0)
    await producer.stop()
    await admin.delete_records({TopicPartition("topic", 0): RecordsToDelete(1)})
    await admin.close()
    return RecordLookup(KafkaConnection(KafkaSettings(bootstrap_servers=broker.bootstrap_servers)))


async def test_only_what_is_gone_is_told_as_gone(own_kafka: Callable[..., LocalKafka]) -> None:
    """A record that is there is read, one that was deleted or never was is None, and a frozen broker proves nothing."""
    broker = own_kafka()
    lookup = await filled(broker)
    there = await lookup.read("topic", 0, 1)
    deleted = await lookup.read("topic", 0, 0)
    never = await lookup.read("topic", 0, 3)
    consumer = lookup._consumer
    assert consumer is not None
    ends_of = consumer.end_offsets

    async def ends_before_the_freeze(places: list[TopicPartition]) -> dict[TopicPartition, int]:
        """The last answer of the broker: there is such a record."""
        ends: dict[TopicPartition, int] = await ends_of(places)
        broker.pause()
        return ends

    consumer.end_offsets = ends_before_the_freeze
    try:
        with pytest.raises(KafkaUnavailable, match="gave no record"):
            await lookup.read("topic", 0, 2)
    finally:
        broker.resume()
        await lookup.close()

    assert there is not None
    assert there.value == b"1"
    assert deleted is None
    assert never is None
