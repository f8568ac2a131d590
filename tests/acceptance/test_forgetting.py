"""What ended long ago leaves the ledger, and whatever is said about it later publishes nothing."""

import hashlib
import hmac
from pathlib import Path

import orjson
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.structs import ConsumerRecord

from tests.support.commands import command
from tests.support.deployment import ARRIVED, SECRET, Deployment, deployment, inline
from tests.support.find_kafka import Kafka
from tests.support.topic_copies import all_records, delete_all
from tests.support.waiting import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]

QUICK = ("--rate-limit", "0", "--processing", "0.2", "--review", "0.3")
DOCUMENTS = 3
#: Retention must not be shorter than sweeps look back.
FORGETFUL = {
    "ROSSUM__REQUESTS_PER_SECOND": "0",
    "STATE__RETENTION": "6s",
    "SWEEP__INTERVAL": "1",
    "SWEEP__OVERLAP": "2",
    "SWEEP__DEEP_OVERLAP": "2",
    "SWEEP__DEEP_INTERVAL": "5",
}


async def keep_arrivals(world: Deployment) -> None:
    """For ever, until the test deletes them: the usual week would be longer than the ledger remembers."""
    admin = AIOKafkaAdminClient(bootstrap_servers=world.bootstrap)
    await admin.start()
    configs = {"retention.ms": "-1"}
    await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, world.prefix + ARRIVED, configs)])
    await admin.close()


async def rows(world: Deployment) -> set[str]:
    """Entities that have a row."""
    newest = {record.key: record.value for record in await all_records(world.bootstrap, _ledger(world))}
    kept = {key.decode() for key, value in newest.items() if value is not None}
    return {key for key in kept if key.startswith(("import/", "annotation/"))}


def _ledger(world: Deployment) -> str:
    return f"{world.prefix}rossum.connector.ledger"


async def send_hooks_again(world: Deployment, number: int) -> None:
    """The webhooks of all exports, as Rossum once sent them."""
    for event in world.reader.captured():
        annotation = await world.api("GET", f"/annotations/{event.data['annotation']['id']}")
        body = {"action": "status", "event": "annotation_status", "annotation": annotation}
        raw = orjson.dumps(body)
        signature = hmac.new(SECRET.encode(), raw, hashlib.sha256).hexdigest()
        headers = {"X-Rossum-Signature-SHA256": f"sha256={signature}", "Content-Type": "application/json"}
        async with world.http.post(world.webhook_urls[number], data=raw, headers=headers) as answer:
            assert answer.status in (200, 204), await answer.text()


async def copy_again(world: Deployment, copies: list[ConsumerRecord]) -> None:
    """As an intake does that was frozen between copying and committing."""
    producer = AIOKafkaProducer(bootstrap_servers=world.bootstrap)
    await producer.start()
    for copy in copies:
        place = {"partition": copy.partition, "headers": list(copy.headers)}
        await producer.send_and_wait(copy.topic, copy.value, copy.key, **place)
    await producer.stop()


async def test_the_forgotten_is_never_told_again(kafka: Kafka, tmp_path: Path) -> None:
    """Rows vanish; a longer retention, a late webhook and an arrival that is copied again bring nothing back."""
    state = {"STATE__DIRECTORY": str(tmp_path / "state")}
    async with deployment(kafka.bootstrap_servers, "forget", tmp_path, simulator=QUICK, **FORGETFUL, **state) as world:
        await keep_arrivals(world)
        replica = await world.start_replica()
        await world.announce([inline(number) for number in range(DOCUMENTS)])
        copies: dict[tuple[int, int], ConsumerRecord] = {}

        async def copied() -> bool:
            found = await all_records(world.bootstrap, f"{world.prefix}rossum.connector.imports")
            copies.update({(record.partition, record.offset): record for record in found})
            return len(copies) == DOCUMENTS

        await eventually(copied, within=60)
        await eventually(lambda: len(world.reader.captured()) == DOCUMENTS, within=60)
        await eventually(lambda: len(world.reader.named("import.completed")) == DOCUMENTS, within=60)
        await eventually(lambda: _forgotten(world, "annotation"), within=90)
        imports = await rows(world)
        await delete_all(world.bootstrap, world.prefix + ARRIVED)
        await eventually(lambda: _none_left(world), within=90)
        events = len(world.reader.events)
        await replica.stop()

        # The floor is a fact of the ledger: other settings, and a state rebuilt from the topic, know it too.
        await world.start_replica(STATE__RETENTION="400d", STATE__DIRECTORY=str(tmp_path / "another state"))
        await send_hooks_again(world, 1)
        await copy_again(world, list(copies.values()))
        await eventually(lambda: _dropped(world), within=60)
        audited = await command(world.settings, "audit")

        assert len(imports) == DOCUMENTS, "while the arrivals are there, the rows of their imports stay"
        assert await rows(world) == set()
        assert len([e for e in world.reader.events if e.name != "sweep.completed"]) == events_of(world, events)
        assert world.reader.duplicates() == []
        assert set((await world.root_documents()).values()) == {1}
        assert audited.code == 0, audited.out
        assert f"the ledger has forgotten {DOCUMENTS} annotations and {DOCUMENTS} imports" in audited.out


def events_of(world: Deployment, count: int) -> int:
    """How many of the first so many events are no rhythm of the sweeps."""
    return sum(event.name != "sweep.completed" for event in world.reader.events[:count])


async def _forgotten(world: Deployment, kind: str) -> bool:
    return await world.metric(0, rf'ledger_rows_forgotten_total\{{kind="{kind}"\}}') == DOCUMENTS


async def _none_left(world: Deployment) -> bool:
    return await rows(world) == set()


async def _dropped(world: Deployment) -> bool:
    late = await world.metric(1, r'hints_finished_total\{how="horizon",via="webhook"\}')
    again = await world.metric(1, r'arrivals_total\{outcome="forgotten"\}')
    return late >= DOCUMENTS and again == DOCUMENTS
