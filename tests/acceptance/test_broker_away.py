"""Kafka stops and comes back: nothing is acknowledged meanwhile, and everything arrives after."""

import asyncio
import hashlib
import hmac
import sys
from collections import Counter
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from connector import assembly
from connector.domain.hook_plan import body_of
from connector.domain.messages import Hint, decode_work
from connector.settings_load import load
from tests.support.deployment import PARTITIONS, SECRET, Deployment, deployment, inline
from tests.support.kafka_broker import DURABLE_VERSION, LocalKafka
from tests.support.waiting import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]

QUICK = ("--rate-limit", "0", "--processing", "0.3", "--review", "0.5")
FAST = {"ROSSUM__REQUESTS_PER_SECOND": "0", "IMPORTS__SETTLE": "10s", "IMPORTS__TASK_AFTER": "5s"}
#: Looks at an export while Kafka stands still: 6 seconds, in which nothing gives up.
FROZEN_LOOKS = 30


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


async def hinted(world: Deployment, *, status: str | None = None) -> set[int]:
    """The annotations of all hints on the inner topic, or of those that tell of a status."""
    topic = world.prefix + "rossum.connector.work"
    consumer = AIOKafkaConsumer(bootstrap_servers=world.bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        places = [TopicPartition(topic, partition) for partition in range(PARTITIONS)]
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        ends = await consumer.end_offsets(places)
        found: set[int] = set()
        while any([await consumer.position(place) < ends[place] for place in places]):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                for record in records:
                    hints = [message for message in decode_work(record.value) if isinstance(message, Hint)]
                    found |= {hint.annotation for hint in hints if status is None or hint.status == status}
        return found
    finally:
        await consumer.stop()


async def status_of(world: Deployment, path: str) -> int:
    """What the ops port answers."""
    async with world.http.get(world.ops_urls[0] + path) as response:
        return response.status


async def add_gated(world: Deployment, count: int) -> list[int]:
    """Annotations of the receipts, whose exports the deployment gates as `hooks apply` arranges it; their ids."""
    gate = {
        "CONNECTOR_WEBHOOK__GATE": "true",
        "CONNECTOR_WEBHOOK__PUBLIC_URL": world.webhook_urls[0],
        "CONNECTOR_ROSSUM__QUEUES": '{"receipts": 8199}',
        "CONNECTOR_ROSSUM__DEFAULT_QUEUE": "receipts",
    }
    wanted = assembly.wanted_hook(load(None, world.settings | gate))
    await world.api("POST", "/hooks", body_of(wanted, None, base_url=world.base_url))
    await world.control("/behaviour", {"hook_pause": 0.1})
    made = await world.control("/annotations", {"count": count, "queue": 8199, "status": "to_review"})
    return list(range(made["ids"][0], made["ids"][0] + count))


async def export(world: Deployment, annotation: int) -> None:
    """Have Rossum export it, for the first time or again, as a person would."""
    await world.api("PATCH", f"/annotations/{annotation}", {"status": "exporting"})


async def rossum_status(world: Deployment, annotation: int) -> str:
    """What people see in Rossum."""
    status: str = (await world.api("GET", f"/annotations/{annotation}"))["status"]
    return status


def captured_of(world: Deployment, annotation: int) -> int:
    """How often its data has come out."""
    return sum(event.data["annotation"]["id"] == annotation for event in world.reader.captured())


async def test_kafka_stops_and_comes_back(own_kafka: Callable[..., LocalKafka], tmp_path: Path) -> None:
    """Webhooks get 503, gated exports fail, the process lives and is not ready; then all documents come out once."""
    broker = own_kafka(DURABLE_VERSION)
    async with deployment(broker.bootstrap_servers, "away", tmp_path, simulator=QUICK, **FAST) as world:
        await world.start_replica()
        await world.add_hook(world.webhook_urls[0])
        (gated,) = await add_gated(world, 1)
        await world.announce([inline(number) for number in range(60)])
        await eventually(lambda: len(world.reader.named("import.accepted")) > 20, within=30)

        await asyncio.to_thread(broker.stop)
        await export(world, gated)
        answers = await asyncio.gather(*(send(world, 9_000_000 + number) for number in range(5)))
        await eventually(lambda: _is(status_of(world, "/readyz"), 503), within=60)
        alive = await status_of(world, "/livez")
        await eventually(lambda: _is(rossum_status(world, gated), "failed_export"), within=60)
        await asyncio.to_thread(broker.start)

        await eventually(lambda: len(world.reader.captured()) >= 60, within=150)
        await eventually(lambda: len(world.reader.named("import.completed")) >= 60, within=60)
        await eventually(lambda: len(world.reader.named("annotation.export_failed")) == 1, within=60)
        before = captured_of(world, gated)
        await export(world, gated)
        await eventually(lambda: captured_of(world, gated), within=60)
        sys.stdout.write(f"captured={len(world.reader.captured())} duplicates={len(world.reader.duplicates())}\n")
        assert set(answers) == {503}
        assert alive == 200
        assert (before, captured_of(world, gated)) == (0, 1)
        assert world.reader.duplicates() == []
        times = Counter(event.key for event in world.reader.captured())
        assert [event for event in world.reader.captured() if times[event.key] > 1] == []
        assert len(times) == 61
        assert set((await world.root_documents()).values()) == {1}


async def test_a_gated_export_waits_for_kafka(own_kafka: Callable[..., LocalKafka], tmp_path: Path) -> None:
    """Rossum ends an export when Kafka has it: while Kafka stands still so does the export, then both go on."""
    broker = own_kafka()
    async with deployment(broker.bootstrap_servers, "gate", tmp_path, simulator=QUICK, **FAST) as world:
        await world.start_replica()
        first, second = await add_gated(world, 2)
        await export(world, first)
        await eventually(lambda: captured_of(world, first), within=30)

        frozen: list[str] = []

        async def look() -> bool:
            frozen.append(await rossum_status(world, second))
            return len(frozen) == FROZEN_LOOKS

        await asyncio.to_thread(broker.pause)
        try:
            await export(world, second)
            await eventually(look, within=60, every=0.2)
        finally:
            broker.resume()
        await eventually(lambda: _is(rossum_status(world, second), "exported"), within=60, every=0.02)
        told = await hinted(world, status="exporting")
        await eventually(lambda: captured_of(world, second), within=60)

        sys.stdout.write(f"while Kafka stood still: {dict(Counter(frozen))}\n")
        assert set(frozen) == {"exporting"}
        assert told == {first, second}
        assert [captured_of(world, annotation) for annotation in (first, second)] == [1, 1]
        assert world.reader.named("annotation.export_failed") == []
        assert world.reader.duplicates() == []


async def test_every_acknowledged_webhook_is_stored(own_kafka: Callable[..., LocalKafka], tmp_path: Path) -> None:
    """2,000 webhooks and more while the broker bounces: each one that got its 200 is on the inner topic."""
    broker = own_kafka(DURABLE_VERSION)
    async with deployment(broker.bootstrap_servers, "load", tmp_path, simulator=QUICK, **FAST) as world:
        await world.start_replica()
        numbers = count(1)
        answers: dict[int, int] = {}
        bounced = asyncio.Event()

        async def client() -> None:
            # Until the broker is back and takes some: else all may have been sent before it went.
            while (number := next(numbers)) <= 2_000 or not bounced.is_set():
                answers[number] = await send(world, number)

        def taken() -> set[int]:
            return {number for number, status in answers.items() if status == 200}

        clients = [asyncio.create_task(client()) for _ in range(20)]
        await eventually(lambda: len(taken()) > 500, within=60)
        await asyncio.to_thread(broker.stop)
        # Those who wait when it comes back soon enough get their 200 late.
        await eventually(lambda: 503 in answers.values(), within=60)
        await asyncio.to_thread(broker.start)
        before = len(taken())
        await eventually(lambda: len(taken()) > before + 500, within=60)
        bounced.set()
        await asyncio.gather(*clients)

        acknowledged = taken()
        stored = await hinted(world)
        sys.stdout.write(f"sent={len(answers)} acknowledged={len(acknowledged)} missing={len(acknowledged - stored)}\n")
        assert set(answers.values()) == {200, 503}
        assert acknowledged <= stored


async def _is(answer: Any, wanted: int | str) -> bool:
    return bool(await answer == wanted)
