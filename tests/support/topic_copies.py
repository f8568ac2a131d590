"""Copies of topics that lack a record, have one twice, or have lost their beginning."""

from collections.abc import Callable

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from aiokafka.structs import ConsumerRecord, TopicPartition

#: Partitions of the public topics as the product creates them.
PARTITIONS = 12
#: Kafka's word for it where records are deleted.
_THE_END = -1


async def all_records(bootstrap: str, topic: str) -> list[ConsumerRecord]:
    """Every committed record of a topic."""
    # Without a group it gets all partitions that there are.
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest", isolation_level="read_committed"
    )
    await consumer.start()
    try:
        places = consumer.assignment()
        ends = await consumer.end_offsets(places)
        found: list[ConsumerRecord] = []
        while any([await consumer.position(place) < ends[place] for place in places]):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                found += records
        return found
    finally:
        await consumer.stop()


async def make_copy(
    bootstrap: str, topic: str, copy: str, change: Callable[[list[ConsumerRecord]], list[ConsumerRecord]]
) -> None:
    """A topic like another, its records changed; partitions and timestamps stay."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(copy, PARTITIONS, 1)])
    await admin.close()
    await write(bootstrap, copy, change(await all_records(bootstrap, topic)))


async def write(bootstrap: str, topic: str, records: list[ConsumerRecord]) -> None:
    """Write records as they are to the same partitions of a topic."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    try:
        for record in records:
            await producer.send_and_wait(
                topic,
                record.value,
                key=record.key,
                partition=record.partition,
                timestamp_ms=record.timestamp,
                headers=list(record.headers),
            )
    finally:
        await producer.stop()


async def delete_all(bootstrap: str, topic: str) -> None:
    """Delete all records of a topic, and what lies behind the last: markers of transactions."""
    # Without a group it gets all partitions that there are.
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap)
    await consumer.start()
    try:
        places = consumer.assignment()
    finally:
        await consumer.stop()
    await delete_before(bootstrap, dict.fromkeys(places, _THE_END))


async def delete_before(bootstrap: str, offsets: dict[TopicPartition, int]) -> None:
    """Delete the heads of partitions."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.delete_records({place: RecordsToDelete(before_offset=o) for place, o in offsets.items()})
    finally:
        await admin.close()
