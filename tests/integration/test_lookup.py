"""Looking up one record by its place on a real broker."""

from collections.abc import Callable
from time import monotonic

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from aiokafka.structs import TopicPartition

from connector.errors import KafkaForbids, KafkaUnavailable
from connector.kafka.connection import KafkaConnection
from connector.kafka.lookup import RecordLookup
from connector.settings_kafka import KafkaSettings
from tests.acceptance.test_rights import BY_THE_DOOR, SECURED
from tests.support.kafka_broker import DURABLE_VERSION, LocalKafka
from tests.support.proxy import proxied
from tests.support.waiting import eventually

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
            await lookup.read("topic", 0, 2, beside="imports")
    finally:
        broker.resume()
        await lookup.close()

    assert there is not None
    assert there.value == b"1"
    assert deleted is None
    assert never is None


async def deleted(broker: LocalKafka, topic: str) -> None:
    """The topic is gone, and the broker says so."""
    async with KafkaConnection(KafkaSettings(bootstrap_servers=broker.bootstrap_servers)).admin() as admin:
        await admin.delete_topics([topic])

        async def is_gone() -> bool:
            return topic not in await admin.list_topics()

        await eventually(is_gone, within=10)


async def made(broker: LocalKafka, topic: str, partitions: int) -> None:
    """There is such a topic, with nothing in it."""
    async with KafkaConnection(KafkaSettings(bootstrap_servers=broker.bootstrap_servers)).admin() as admin:
        await admin.create_topics([NewTopic(topic, partitions, 1)])

        async def is_there() -> bool:
            return topic in await admin.list_topics()

        await eventually(is_there, within=10)


async def test_a_record_is_gone_with_its_topic(own_kafka: Callable[..., LocalKafka]) -> None:
    """At once where it was deleted before, and where it came back smaller; and the look brings nothing back."""
    broker = own_kafka()
    lookup = await filled(broker)
    await made(broker, "imports", 1)
    try:
        there = await lookup.read("topic", 0, 1, beside="imports")
        await deleted(broker, "topic")
        just_now = await lookup.read("topic", 0, 1, beside="imports")
        began = monotonic()
        before = [await lookup.read("topic", 0, 1, beside="imports") for _ in range(3)]
        took = monotonic() - began
        async with KafkaConnection(KafkaSettings(bootstrap_servers=broker.bootstrap_servers)).admin() as admin:
            came_back = "topic" in await admin.list_topics()
        await made(broker, "topic", 1)
        smaller = await lookup.read("topic", 1, 1, beside="imports")
        anew = await lookup.read("topic", 0, 1, beside="imports")
    finally:
        await lookup.close()

    assert there is not None
    assert just_now is None
    assert before == [None] * 3
    assert took < 3
    assert not came_back
    assert smaller is None
    assert anew is None


async def test_a_topic_that_we_may_not_see_is_not_gone(own_kafka: Callable[..., LocalKafka]) -> None:
    """A broker leaves it out of the list of all topics, as if it were not there."""
    broker = own_kafka(DURABLE_VERSION, doors=1, properties=SECURED)
    (door,) = broker.doors
    await (await filled(broker)).close()
    await made(broker, "imports", 1)
    broker.tool(
        "kafka.admin.AclCommand",
        *("--bootstrap-server", broker.bootstrap_servers, "--add", "--allow-principal", "User:connector"),
        *("--topic", "imports", "--operation", "Read"),
    )
    settings = {name.removeprefix("KAFKA__").lower(): value for name, value in BY_THE_DOOR.items()}
    async with proxied(door.inside, door.outside):
        connection = KafkaConnection(
            KafkaSettings.model_validate(settings | {"bootstrap_servers": f"127.0.0.1:{door.outside}"})
        )
        lookup = RecordLookup(connection)
        try:
            seen = await lookup.read("imports", 0, 0, beside="imports")
            with pytest.raises(KafkaForbids, match="looking up topic: it needs the ACL"):
                await lookup.read("topic", 0, 1, beside="imports")
        finally:
            await lookup.close()

    assert seen is None
