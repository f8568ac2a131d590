"""Captured events that are too large for Kafka, with a claim store that is down at first."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from moto.server import ThreadedMotoServer

from tests.support.deployment import Deployment, deployment
from tests.support.find_kafka import Kafka
from tests.support.kafka_settings import free_ports
from tests.support.reader import CAPTURED
from tests.support.waiting import eventually
from tests.wire.documents.object_site import BUCKET, environment

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]

#: Bytes of the captured topic's records; framing takes 8,192 of them.
SMALL = 10_000


@pytest.fixture
def store_port() -> int:
    """Where the store will be."""
    return free_ports(1)[0]


@pytest.fixture
async def world(
    kafka: Kafka, tmp_path: Path, store_port: int, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Deployment]:
    """One replica, a captured topic that takes small records only, and nobody behind the store's port."""
    for name, value in environment(f"http://127.0.0.1:{store_port}").items():
        monkeypatch.setenv(name, value)
    claims = f"s3://{BUCKET}/claims"
    async with deployment(kafka.bootstrap_servers, "claims", tmp_path, CAPTURE__CLAIM_STORE=claims) as running:
        await shrink_topic(running)
        await running.start_replica()
        yield running


async def shrink_topic(world: Deployment) -> None:
    """Give the captured topic its small limit."""
    admin = AIOKafkaAdminClient(bootstrap_servers=world.bootstrap)
    await admin.start()
    try:
        limit = {"max.message.bytes": str(SMALL)}
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, world.prefix + CAPTURED, limit)])
    finally:
        await admin.close()


def body_at(client: Any, url: str) -> bytes:
    """What the store has at a URL of an event."""
    stored = client.get_object(Bucket=BUCKET, Key=url.removeprefix(f"s3://{BUCKET}/"))
    return bytes(stored["Body"].read())


async def test_a_large_event_waits_for_its_store_and_is_whole_there(world: Deployment, store_port: int) -> None:
    """While the store is down nothing is published; then one event that refers to the whole of it."""
    await world.make_exported(datetime.now(UTC))
    log = world.replicas[0].log
    await eventually(lambda: asyncio.to_thread(lambda: '"claim_store"' in log.read_text()), within=30)
    before = world.reader.captured()
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=store_port, verbose=False)

    await asyncio.to_thread(server.start)
    client = boto3.client("s3")
    await asyncio.to_thread(client.create_bucket, Bucket=BUCKET)
    await eventually(world.reader.captured, within=60)

    [event] = world.reader.captured()
    claim = event.data["claim"]
    body = await asyncio.to_thread(body_at, client, claim["url"])
    client.close()
    await asyncio.to_thread(server.stop)
    assert before == []
    assert event.headers["ce_dataref"] == claim["url"]
    assert claim["url"].startswith(f"s3://{BUCKET}/claims/{event.headers['ce_id']}/")
    assert (claim["size"], claim["sha256"]) == (len(body), hashlib.sha256(body).hexdigest())
    whole = json.loads(body)
    assert set(event.data["omitted"]) <= {"content", "tables", "fields"}
    assert whole["content"]
    assert whole["fields"]
    assert whole["annotation"] == event.data["annotation"]
