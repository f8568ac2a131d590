"""The inner logs do not grow: what is finished goes, what a waiting import still needs stays."""

from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from tests.support.deployment import PARTITIONS, Deployment, deployment
from tests.support.find_kafka import Kafka
from tests.support.sources import sources
from tests.support.waiting import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]

QUICK = ("--rate-limit", "0", "--processing", "0.3", "--review", "0.5")


async def kept(world: Deployment, log: str) -> tuple[int, int]:
    """How many records an inner log holds, and how many were ever written to it."""
    places = [TopicPartition(f"{world.prefix}rossum.connector.{log}", partition) for partition in range(PARTITIONS)]
    consumer = AIOKafkaConsumer(bootstrap_servers=world.bootstrap)
    await consumer.start()
    try:
        starts = await consumer.beginning_offsets(places)
        ends = await consumer.end_offsets(places)
        return sum(ends[place] - starts[place] for place in places), sum(ends.values())
    finally:
        await consumer.stop()


async def test_finished_records_go_and_a_waiting_copy_stays(kafka: Kafka, tmp_path: Path) -> None:
    """After 60 documents the logs are nearly empty; one whose source is away is imported from its copy later."""
    async with sources(tmp_path) as documents:
        settings = {"ROSSUM__REQUESTS_PER_SECOND": "0"} | documents.settings
        async with deployment(kafka.bootstrap_servers, "trim", tmp_path, simulator=QUICK, **settings) as world:
            documents.unavailable.add(1)
            replica = await world.start_replica()

            await world.announce([documents.arrival(number) for number in range(1, 62)])
            await eventually(lambda: len(world.reader.captured()) == 60, within=90)
            await eventually(lambda: _trimmed(world, waiting=1), within=90)
            documents.unavailable.clear()
            await replica.stop()
            await world.start_replica()
            await eventually(lambda: len(world.reader.captured()) == 61, within=90)

            assert world.reader.duplicates() == []
            assert set((await world.root_documents()).values()) == {1}


async def _trimmed(world: Deployment, *, waiting: int) -> bool:
    imports, work = await kept(world, "imports"), await kept(world, "work")
    return imports[1] >= 61 and waiting <= imports[0] < 20 and work[0] < work[1] / 2
