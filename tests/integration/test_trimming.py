"""What the trimmer deletes from a real broker, and what it leaves."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.structs import OffsetAndMetadata, TopicPartition

from connector.clock import SystemClock
from connector.kafka.connection import KafkaConnection
from connector.kafka.names import Names
from connector.kafka.trimming import Trimmer
from connector.settings_kafka import KafkaSettings
from connector.telemetry import Telemetry
from tests.support.find_kafka import Kafka

pytestmark = pytest.mark.kafka


class Log:
    """A topic of 20 records a partition, a group, and a trimmer for them."""

    def __init__(self, bootstrap: str, name: str) -> None:
        self._bootstrap = bootstrap
        self._settings = KafkaSettings(bootstrap_servers=bootstrap, group_id=f"{name}group")
        self.places = [TopicPartition(f"{name}work", partition) for partition in range(3)]

    @asynccontextmanager
    async def consumer(self) -> AsyncIterator[AIOKafkaConsumer]:
        """A member of the group that commits by hand."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap, group_id=self._settings.group_id, enable_auto_commit=False
        )
        await consumer.start()
        consumer.assign(self.places)
        try:
            yield consumer
        finally:
            await consumer.stop()

    async def fill(self, committed: Mapping[int, int]) -> None:
        """Write the records, and commit offsets by partition."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self._bootstrap)
        await admin.start()
        await admin.create_topics([NewTopic(self.places[0].topic, len(self.places), 1)])
        await admin.close()
        producer = AIOKafkaProducer(bootstrap_servers=self._bootstrap)
        await producer.start()
        for place in self.places:
            for _ in range(20):
                await producer.send_and_wait(place.topic, b"record", partition=place.partition)
        await producer.stop()
        async with self.consumer() as consumer:
            await consumer.commit({self.places[p]: OffsetAndMetadata(offset, "") for p, offset in committed.items()})

    async def starts(self) -> list[int]:
        """The first kept offset of each partition."""
        async with self.consumer() as consumer:
            starts = await consumer.beginning_offsets(self.places)
            return [starts[place] for place in self.places]

    def trimmer(self, trimmable: Mapping[int, int]) -> Trimmer:
        """A trimmer whose owners need nothing below these offsets."""
        wanted = {self.places[partition]: offset for partition, offset in trimmable.items()}
        return Trimmer(
            KafkaConnection(self._settings),
            Names.from_settings(self._settings, partitions=len(self.places)),
            trimmable=lambda: wanted,
            telemetry=Telemetry(),
            clock=SystemClock(),
        )


async def test_the_lower_of_own_and_committed_offset_is_kept(kafka: Kafka, unique: str) -> None:
    """Nothing at or above what the owner committed, or what the broker knows as committed, is deleted."""
    log = Log(kafka.bootstrap_servers, unique)
    await log.fill(committed={0: 10, 1: 10})

    await log.trimmer({0: 15, 1: 5, 2: 5}).trim()

    assert await log.starts() == [10, 5, 0]


async def test_trimming_again_goes_on(kafka: Kafka, unique: str) -> None:
    """A second trimming with a lower wish changes nothing, with a higher one it goes on."""
    log = Log(kafka.bootstrap_servers, unique)
    await log.fill(committed={0: 20})
    wish = {0: 8}
    trimmer = log.trimmer(wish)
    await trimmer.trim()

    await log.trimmer({0: 3}).trim()
    after_lower = await log.starts()
    await log.trimmer({0: 12}).trim()

    assert after_lower == [8, 0, 0]
    assert await log.starts() == [12, 0, 0]
