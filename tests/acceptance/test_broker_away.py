"""Kafka stops and comes back: nothing is acknowledged meanwhile, and everything arrives after."""

import asyncio
import hashlib
import hmac
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from connector.domain.messages import Hint, decode_work
from tests.support.deployment import SECRET, Deployment, deployment, inline
from tests.support.kafka_broker import DURABLE_VERSION, LocalKafka
from tests.support.waiting import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]

QUICK = ("--rate-limit", "0", "--processing", "0.3", "--review", "0.5")
FAST = {"ROSSUM__REQUESTS_PER_SECOND": "0", "IMPORTS__SETTLE": "10s", "IMPORTS__TASK_AFTER": "5s"}


def webhook(annotation: int, base_url: str) -> tuple[bytes, dict[str, str]]:
    """A signed webhook about an annotation, as Rossum sends it."""
    body = {
        "request_id": str(annotation),
        "event": "annotation_status",
        "action": "changed",
        "annotation": {
            "id": annotation,
            "url": f"{base_url}/annotations/{annotation}",
            "queue": f"{base_url}/queues/8198",
            "status": "to_review",
            "previous_status": "importing",
        },
    }
    raw = orjson.dumps(body)
    signature = hmac.new(SECRET.encode(), raw, hashlib.sha256).hexdigest()
    return raw, {"X-Rossum-Signature-SHA256": f"sha256={signature}", "Content-Type": "application/json"}


async def send(world: Deployment, annotation: int) -> int:
    """Deliver one webhook; the status of the answer, 0 for none."""
    body, headers = webhook(annotation, world.base_url)
    try:
        async with world.http.post(world.webhook_urls[0], data=body, headers=headers) as response:
            return response.status
    except aiohttp.ClientError:
        return 0


async def hinted(world: Deployment) -> set[int]:
    """The annotations of all hints on the inner topic."""
    topic = world.prefix + "rossum.connector.work"
    consumer = AIOKafkaConsumer(bootstrap_servers=world.bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        places = [TopicPartition(topic, partition) for partition in range(12)]
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        ends = await consumer.end_offsets(places)
        found: set[int] = set()
        while any([await consumer.position(place) < ends[place] for place in places]):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                for record in records:
                    found |= {m.annotation for m in decode_work(record.value) if isinstance(m, Hint)}
        return found
    finally:
        await consumer.stop()


async def status_of(world: Deployment, path: str) -> int:
    """What the ops port answers."""
    async with world.http.get(world.ops_urls[0] + path) as response:
        return response.status


async def test_kafka_stops_and_comes_back(own_kafka: Callable[..., LocalKafka], tmp_path: Path) -> None:
    """Webhooks get 503, the process lives and is not ready; then all documents come out once."""
    broker = own_kafka(DURABLE_VERSION)
    async with deployment(broker.bootstrap_servers, "away", tmp_path, simulator=QUICK, **FAST) as world:
        await world.start_replica()
        await world.add_hook(world.webhook_urls[0])
        await world.announce([inline(number) for number in range(60)])
        await eventually(lambda: len(world.reader.named("import.accepted")) > 20, within=30)

        await asyncio.to_thread(broker.stop)
        answers = await asyncio.gather(*(send(world, 9_000_000 + number) for number in range(5)))
        await eventually(lambda: _is(status_of(world, "/readyz"), 503), within=60)
        alive = await status_of(world, "/livez")
        await asyncio.to_thread(broker.start)

        await eventually(lambda: len(world.reader.captured()) >= 60, within=150)
        await eventually(lambda: len(world.reader.named("import.completed")) >= 60, within=60)
        sys.stdout.write(f"captured={len(world.reader.captured())} duplicates={len(world.reader.duplicates())}\n")
        assert set(answers) == {503}
        assert alive == 200
        assert world.reader.duplicates() == []
        times = Counter(event.key for event in world.reader.captured())
        assert [event for event in world.reader.captured() if times[event.key] > 1] == []
        assert len(times) == 60
        assert set((await world.root_documents()).values()) == {1}


async def test_every_acknowledged_webhook_is_stored(own_kafka: Callable[..., LocalKafka], tmp_path: Path) -> None:
    """2,000 webhooks while the broker bounces: each one that got its 200 is on the inner topic."""
    broker = own_kafka(DURABLE_VERSION)
    async with deployment(broker.bootstrap_servers, "load", tmp_path, simulator=QUICK, **FAST) as world:
        await world.start_replica()
        numbers = iter(range(1, 2_001))
        answers: dict[int, int] = {}

        async def client() -> None:
            for number in numbers:
                answers[number] = await send(world, number)

        clients = [asyncio.create_task(client()) for _ in range(20)]
        await eventually(lambda: len(answers) > 500, within=60)
        await asyncio.to_thread(broker.restart)
        await asyncio.gather(*clients)

        acknowledged = {number for number, status in answers.items() if status == 200}
        stored = await hinted(world)
        sys.stdout.write(f"sent={len(answers)} acknowledged={len(acknowledged)} missing={len(acknowledged - stored)}\n")
        assert set(answers.values()) <= {200, 503}
        assert len(acknowledged) > 500
        assert acknowledged <= stored


async def _is(answer: Any, wanted: int) -> bool:
    return bool(await answer == wanted)
