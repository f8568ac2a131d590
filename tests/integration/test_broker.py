"""What the connector relies on, asked of real brokers: the oldest and the newest Apache Kafka that we promise."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from aiokafka.errors import InvalidProducerEpoch, ProducerFenced
from aiokafka.structs import OffsetAndMetadata, TopicPartition

from tests.support.find_kafka import Kafka
from tests.support.kafka_broker import LocalKafka
from tests.support.kafka_settings import SOON_BACK
from tests.support.waiting import eventually

VERSIONS = ["3.9.2", "4.4.0"]
#: Seconds that a broker gets for whatever it has to do: nothing here is about its speed.
PATIENCE = 60.0


@pytest.fixture(params=VERSIONS)
def bootstrap(request: pytest.FixtureRequest, kafka_of_version: Callable[[str], Kafka]) -> str:
    """Each promised version in turn."""
    return kafka_of_version(request.param).bootstrap_servers


@asynccontextmanager
async def admin(bootstrap: str) -> AsyncIterator[AIOKafkaAdminClient]:
    """An admin client, started."""
    client = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await client.start()
    try:
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def producer(bootstrap: str, transactional_id: str | None = None, **more: Any) -> AsyncIterator[AIOKafkaProducer]:
    """A producer, started."""
    client = AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", transactional_id=transactional_id, retry_backoff_ms=20, **more
    )
    await client.start()
    try:
        yield client
    finally:
        await client.stop()


async def new_topic(bootstrap: str, name: str) -> TopicPartition:
    """The one partition of a new topic, once its leader is known."""
    async with admin(bootstrap) as client:
        await client.create_topics([NewTopic(name, num_partitions=1, replication_factor=1)])
        await eventually(lambda: _led(client, name), within=PATIENCE)
    return TopicPartition(name, 0)


async def read(bootstrap: str, place: TopicPartition, isolation: str = "read_committed") -> list[bytes]:
    """All values that a consumer of that isolation level sees up to the end that it is shown."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, isolation_level=isolation, auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign([place])
        end = (await consumer.end_offsets([place]))[place]
        values: list[bytes] = []
        async with asyncio.timeout(PATIENCE):
            while await consumer.position(place) < end:
                values += [record.value for record in (await consumer.getmany(timeout_ms=100)).get(place, [])]
        return values
    finally:
        await consumer.stop()


async def _led(client: AIOKafkaAdminClient, name: str) -> bool:
    [described] = await client.describe_topics([name])
    return bool(described["partitions"]) and all(p["leader"] >= 0 for p in described["partitions"])


async def test_what_was_acknowledged_is_read_in_order(bootstrap: str, unique: str) -> None:
    """A consumer sees every acknowledged record of a partition, in the order of the sends."""
    place = await new_topic(bootstrap, f"{unique}topic")

    async with producer(bootstrap) as client:
        for number in range(20):
            await client.send_and_wait(place.topic, b"%d" % number)

    assert await read(bootstrap, place) == [b"%d" % number for number in range(20)]


async def test_a_zombie_is_fenced(bootstrap: str, unique: str) -> None:
    """A second producer with the id ends the open transaction of the first, whose commit then fails for good."""
    place = await new_topic(bootstrap, f"{unique}topic")
    zombie = AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id=f"{unique}id")
    await zombie.start()
    await zombie.begin_transaction()
    await zombie.send_and_wait(place.topic, b"of the zombie")

    async with producer(bootstrap, f"{unique}id") as successor, successor.transaction():
        await successor.send_and_wait(place.topic, b"of the successor")

    with pytest.raises(ProducerFenced):
        await zombie.commit_transaction()
    await zombie.stop()
    assert await read(bootstrap, place) == [b"of the successor"]


async def test_an_offset_carries_its_metadata_through_a_transaction(bootstrap: str, unique: str) -> None:
    """The string committed with an offset is there for the next owner once the transaction is, and not before."""
    place, group = await new_topic(bootstrap, f"{unique}topic"), f"{unique}group"
    stamp = '{"incarnation":"é","ledger_end":41}'

    async with admin(bootstrap) as client, producer(bootstrap, f"{unique}id") as owner:
        await owner.begin_transaction()
        await owner.send_offsets_to_transaction({place: OffsetAndMetadata(7, stamp)}, group)
        before = await client.list_consumer_group_offsets(group, partitions=[place])
        await owner.commit_transaction()
        after = await eventually(lambda: _committed(client, group, place), within=PATIENCE)

    assert before[place].offset == -1
    assert after == OffsetAndMetadata(7, stamp)


async def _committed(client: AIOKafkaAdminClient, group: str, place: TopicPartition) -> OffsetAndMetadata | None:
    """The broker answers the commit before the marker has reached the offsets topic."""
    offset = (await client.list_consumer_group_offsets(group, partitions=[place]))[place]
    return offset if offset.offset >= 0 else None


async def test_an_aborted_offset_is_not_committed(bootstrap: str, unique: str) -> None:
    """An offset in an aborted transaction leaves the earlier one in force."""
    place, group = await new_topic(bootstrap, f"{unique}topic"), f"{unique}group"

    async with admin(bootstrap) as client, producer(bootstrap, f"{unique}id") as owner:
        async with owner.transaction():
            await owner.send_offsets_to_transaction({place: OffsetAndMetadata(3, "kept")}, group)
        await owner.begin_transaction()
        await owner.send_offsets_to_transaction({place: OffsetAndMetadata(9, "dropped")}, group)
        await owner.abort_transaction()
        after = await eventually(lambda: _committed(client, group, place), within=PATIENCE)

    assert after == OffsetAndMetadata(3, "kept")


async def test_an_aborted_record_is_seen_by_nobody_who_reads_committed(bootstrap: str, unique: str) -> None:
    """`read_committed` passes over an aborted record; the record itself is in the log."""
    place = await new_topic(bootstrap, f"{unique}topic")

    async with producer(bootstrap, f"{unique}id") as client:
        await client.begin_transaction()
        await client.send_and_wait(place.topic, b"aborted")
        await client.abort_transaction()
        async with client.transaction():
            await client.send_and_wait(place.topic, b"committed")

    assert await read(bootstrap, place) == [b"committed"]
    assert await read(bootstrap, place, "read_uncommitted") == [b"aborted", b"committed"]


async def test_a_frozen_owner_holds_readers_back_no_longer_than_its_timeout(bootstrap: str, unique: str) -> None:
    """The broker aborts a transaction that nobody ends, and what came after it becomes visible."""
    place = await new_topic(bootstrap, f"{unique}topic")
    # Long enough to look at what is held back before it is over, also where this test gets no time for seconds.
    frozen = AIOKafkaProducer(
        bootstrap_servers=bootstrap, transactional_id=f"{unique}frozen", transaction_timeout_ms=10_000
    )
    await frozen.start()

    async with producer(bootstrap) as other:
        await frozen.begin_transaction()
        await frozen.send_and_wait(place.topic, b"of the frozen owner")
        await other.send_and_wait(place.topic, b"after it")
        held_back = await read(bootstrap, place)
        seen = await eventually(lambda: read(bootstrap, place), within=PATIENCE, every=0.2)

    assert held_back == []
    assert seen == [b"after it"]
    with pytest.raises((ProducerFenced, InvalidProducerEpoch)):
        await frozen.commit_transaction()
    await frozen.stop()


async def test_deleted_records_are_gone_and_the_rest_keeps_its_offsets(bootstrap: str, unique: str) -> None:
    """DeleteRecords moves the beginning of a partition and touches nothing behind it."""
    place = await new_topic(bootstrap, f"{unique}topic")
    async with producer(bootstrap) as client:
        for number in range(5):
            await client.send_and_wait(place.topic, b"%d" % number)

    async with admin(bootstrap) as client:
        low = await client.delete_records({place: RecordsToDelete(before_offset=3)})

    assert low == {place: 3}
    assert await read(bootstrap, place) == [b"3", b"4"]


@pytest.mark.timeout(300)
async def test_a_frozen_and_a_killed_broker_lose_nothing(own_kafka: Callable[..., LocalKafka], unique: str) -> None:
    """A send waits while the broker is frozen or gone and completes when it is back, behind what was acknowledged."""
    broker = own_kafka(properties=SOON_BACK)
    place = await new_topic(broker.bootstrap_servers, f"{unique}topic")
    # The client's own patience is longer than ours.
    async with producer(broker.bootstrap_servers, request_timeout_ms=120_000) as client:
        await client.send_and_wait(place.topic, b"before")

        broker.pause()
        while_frozen = asyncio.create_task(client.send_and_wait(place.topic, b"while frozen"))
        done, _ = await asyncio.wait([while_frozen], timeout=0.5)
        broker.resume()
        await asyncio.wait_for(while_frozen, PATIENCE)
        await asyncio.to_thread(broker.kill)
        while_gone = asyncio.create_task(client.send_and_wait(place.topic, b"while gone"))
        await asyncio.to_thread(broker.start)
        await asyncio.wait_for(while_gone, PATIENCE)

    assert not done
    assert await read(broker.bootstrap_servers, place) == [b"before", b"while frozen", b"while gone"]
