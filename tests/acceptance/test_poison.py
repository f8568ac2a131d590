"""One arrival or one record that can't be right never stops the others."""

import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiokafka import AIOKafkaProducer

from tests.support.deployment import ARRIVED, Deployment, deployment, inline
from tests.support.find_kafka import Kafka
from tests.support.waiting import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]

QUICK = ("--rate-limit", "0", "--processing", "0.2", "--review", "0.3")
#: Kafka's own limit of a record (bytes); an arrival just below it.
NEARLY_A_MEGABYTE = 1_048_588 - 200


async def announce_one(world: Deployment, arrival: dict[str, Any]) -> None:
    """A single arrival, which may be large."""
    producer = AIOKafkaProducer(bootstrap_servers=world.bootstrap, acks="all", max_request_size=2_000_000)
    await producer.start()
    await producer.send_and_wait(world.prefix + ARRIVED, json.dumps(arrival, separators=(",", ":")).encode())
    await producer.stop()


def swollen(number: int) -> dict[str, Any]:
    """An arrival whose metadata alone nearly fills a record."""
    arrival = {**inline(number), "metadata": {"a": ""}}
    arrival["metadata"] = {"a": "x" * (NEARLY_A_MEGABYTE - len(orjson.dumps(arrival)))}
    return arrival


async def test_poison_arrivals_end_as_letters_and_the_others_go_on(kafka: Kafka, tmp_path: Path) -> None:
    """A queue of 20 digits, a megabyte of metadata, nonsense: each a letter with its event; 40 others captured."""
    settings = {"ROSSUM__REQUESTS_PER_SECOND": "0"}
    async with deployment(kafka.bootstrap_servers, "poison", tmp_path, simulator=QUICK, **settings) as world:
        await world.start_replica()
        await world.add_hook(world.webhook_urls[0])

        await announce_one(world, {**inline(1000), "queue": "9" * 20})
        await announce_one(world, {**inline(1001), "queue": 10**20})
        await announce_one(world, {**inline(1002), "queue": f"{world.base_url}/queues/{'9' * 30}"})
        await announce_one(world, swollen(1003))
        await announce_one(world, {"source": "nonsense"})
        await world.announce([inline(number) for number in range(40)])
        await eventually(lambda: len(world.reader.captured()) == 40, within=60)
        await eventually(lambda: len(world.reader.letters) == 5, within=60)
        await eventually(lambda: len(world.reader.named("import.failed")) >= 5, within=60)

        log = world.replicas[0].log.read_text()
        assert len(world.reader.named("import.failed")) == 5
        assert world.reader.duplicates() == []
        assert "unexpected_error" not in log
        assert "partition_ended" not in log
