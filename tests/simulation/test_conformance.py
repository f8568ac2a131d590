"""The memory broker and a real one answer the same checks alike: what is simulated is Kafka."""

import asyncio
from random import Random
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.structs import TopicPartition

from connector.kafka.connection import KafkaConnection
from connector.settings_kafka import KafkaSettings
from connector.settings_load import load
from tests.simulation import conforming_readers, conforming_transactions
from tests.simulation.broker import Broker
from tests.simulation.clients import Wire
from tests.simulation.conformance import CHECKS, Bench, run_check
from tests.simulation.virtual_loop import VirtualLoop
from tests.simulation.world import MemoryConnection, run_in_virtual_time
from tests.support.find_kafka import Kafka
from tests.support.waiting import eventually

#: Seconds that a real cleaner takes at most: it looks every 15 s.
CLEANED_WITHIN = 240.0
#: Their checks are registered by being imported.
_MODULES = (conforming_readers, conforming_transactions)


def _in_memory(name: str) -> Any:
    async def main(loop: VirtualLoop) -> Any:
        broker = Broker(loop, Random(1))  # noqa: S311 - the same run every time

        async def make_topic(topic: str, partitions: int, configs: dict[str, str]) -> None:
            broker.create(topic, partitions, configs)

        async def clean(place: TopicPartition, _most: int) -> None:
            broker.log(place).compact()

        connection = MemoryConnection(load(None, {}), Wire(broker))
        return await run_check(name, Bench(connection, make_topic, clean, "t."))

    return run_in_virtual_time(main)


async def _on_real_kafka(name: str, kafka: Kafka, prefix: str) -> Any:
    # aiokafka leaves the errors of a fenced producer in futures that nobody asks.
    asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
    connection = KafkaConnection(KafkaSettings(bootstrap_servers=kafka.bootstrap_servers))

    async def make_topic(topic: str, partitions: int, configs: dict[str, str]) -> None:
        async with connection.admin() as admin:
            await admin.create_topics([NewTopic(topic, partitions, 1, topic_configs=configs)])
            await eventually(lambda: _is_there(admin, topic), within=30)

    bench: Bench

    async def clean(place: TopicPartition, most: int) -> None:
        # Not until there are fewer than now: it may have done all or a part of it before.
        await eventually(lambda: _is_cleaned(bench, place.topic, most), within=CLEANED_WITHIN, every=1.0)

    bench = Bench(connection, make_topic, clean, prefix)
    async with connection.admin() as admin:
        # The first group of a new broker has to wait until the topic of all offsets is made.
        await eventually(lambda: _has_coordinator(admin, prefix + "any"), within=30)
    return await run_check(name, bench)


async def _is_there(admin: AIOKafkaAdminClient, topic: str) -> bool:
    return not (await admin.describe_topics([topic]))[0]["error_code"]


async def _has_coordinator(admin: AIOKafkaAdminClient, group: str) -> bool:
    return await admin.list_consumer_group_offsets(group) is not None


async def _is_cleaned(bench: Bench, topic: str, most: int) -> bool:
    return len(await bench.read(topic)) <= most


@pytest.mark.parametrize("name", CHECKS)
def test_the_memory_broker(name: str) -> None:
    """The memory broker does what the check says."""
    seen = _in_memory(name)

    assert seen == CHECKS[name][1]


@pytest.mark.kafka
@pytest.mark.timeout(CLEANED_WITHIN + 60)
@pytest.mark.parametrize("name", CHECKS)
async def test_a_real_broker(name: str, kafka: Kafka, unique: str) -> None:
    """A real broker does the same."""
    seen = await _on_real_kafka(name, kafka, unique)

    assert seen == CHECKS[name][1]
