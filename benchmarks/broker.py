"""The broker of a run: topics of its own, made before and deleted after; what stands on them."""

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from benchmarks.hook_bodies import QUEUE, SECRET
from connector.contracts.catalogue import TopicRole
from connector.domain.messages import Hint, decode_work
from connector.errors import KafkaUnavailable
from connector.kafka.connection import CALL_DEADLINE, KafkaConnection, within
from connector.kafka.names import Names
from connector.kafka.topics import create_missing
from connector.settings import Settings
from connector.settings_load import load


@dataclass(frozen=True, slots=True)
class Topics:
    """One deployment's topics."""

    bootstrap: str
    prefix: str
    names: Names
    connection: KafkaConnection

    async def stored(self) -> Counter[int]:
        """How many hints of each annotation `work` holds, counted up to its present end."""
        topic = self.names.topics[TopicRole.WORK]
        consumer = self.connection.consumer(group_id=None)
        await consumer.start()
        try:
            partitions = [TopicPartition(topic, number) for number in range(self.names.partitions)]
            consumer.assign(partitions)
            ends = await consumer.end_offsets(partitions)
            counts: Counter[int] = Counter()
            while any([await consumer.position(place) < end for place, end in ends.items()]):
                for records in (await consumer.getmany(timeout_ms=500)).values():
                    counts.update(m.annotation for r in records for m in decode_work(r.value) if isinstance(m, Hint))
            return counts
        finally:
            await consumer.stop()


def settings_for(bootstrap: str, prefix: str) -> Settings:
    """The settings of a connector that has no Rossum yet."""
    return load(
        None,
        {
            "CONNECTOR_KAFKA__BOOTSTRAP_SERVERS": bootstrap,
            "CONNECTOR_KAFKA__TOPIC_PREFIX": prefix,
            "CONNECTOR_KAFKA__GROUP_ID": f"{prefix}group",
            "CONNECTOR_ROSSUM__QUEUES": f'{{"invoices": {QUEUE}}}',
            "CONNECTOR_WEBHOOK__SECRETS": f'["{SECRET}"]',
        },
    )


@asynccontextmanager
async def topics(bootstrap: str) -> AsyncIterator[Topics]:
    """Topics under a prefix that nobody else has; they are deleted at the end."""
    prefix = f"bench-{uuid.uuid4().hex[:8]}."
    settings = settings_for(bootstrap, prefix).kafka
    names = Names.from_settings(settings, partitions=settings.work_partitions)
    connection = KafkaConnection(settings)
    async with connection.admin() as admin:
        made = await create_missing(admin, names, {}, replication=None)
    try:
        yield Topics(bootstrap, prefix, names, connection)
    finally:
        await _delete(connection, made)


async def _delete(connection: KafkaConnection, names: list[str]) -> None:
    """Best effort: a broker that forbids it keeps them, and the figures are printed all the same."""
    try:
        async with connection.admin() as admin:
            await within(CALL_DEADLINE, admin.delete_topics(names), "deleting the benchmark's topics")
    except (KafkaError, KafkaUnavailable, asyncio.CancelledError) as error:
        print(f"the topics {names[0]} and so on stay on the broker: {error}")
