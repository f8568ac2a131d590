"""Arrivals of dead letters, read on a real broker where they were announced."""

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from aiokafka.structs import TopicPartition

from connector.contracts.arrivals import Coordinates
from connector.contracts.catalogue import TopicRole
from connector.domain.ids import ImportId
from connector.kafka.connection import KafkaConnection
from connector.kafka.names import Names
from connector.redrive.letters import Content, DeadLetter
from connector.redrive.reading import arrivals
from connector.settings_kafka import KafkaSettings
from tests.support.find_kafka import Kafka

pytestmark = pytest.mark.kafka


def letter_of(topic: str, offset: int) -> DeadLetter:
    """A letter of the arrival at that place."""
    at = Coordinates("cluster", topic, 0, offset, 5)
    return DeadLetter(0, 2, 9, at, ImportId("one"), None, None, 0, "fetch", "gone", 1, "", 0, left_out=0, unread=True)


async def filled(kafka: Kafka, topic: str, imports: str) -> None:
    """A topic of two arrivals, of which the first was deleted, and an inner log."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers)
    await admin.start()
    await admin.create_topics([NewTopic(topic, 1, 1), NewTopic(imports, 1, 1)])
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap_servers)
    await producer.start()
    for number in range(2):
        await producer.send_and_wait(topic, b"%d" % number, key=b"k", headers=[("theirs", b"1")])
    await producer.stop()
    await admin.delete_records({TopicPartition(topic, 0): RecordsToDelete(1)})
    await admin.close()


async def test_what_is_left_of_arrivals_is_read(kafka: Kafka, unique: str) -> None:
    """One that was deleted or never was is None, and so is one whose whole topic is gone."""
    settings = KafkaSettings(bootstrap_servers=kafka.bootstrap_servers, topic_prefix=unique)
    names = Names.from_settings(settings, partitions=1)
    topic = names.topics[TopicRole.ARRIVED]
    await filled(kafka, topic, names.topics[TopicRole.IMPORTS])

    async with arrivals(KafkaConnection(settings), names) as read:
        there = await read(letter_of(topic, 1))
        others = [await read(letter_of(*place)) for place in ((topic, 0), (topic, 2), (unique + "gone", 0))]

    assert there == Content(b"k", b"1", (("theirs", b"1"),))
    assert others == [None, None, None]
