"""Queues in confirmed state: what is on Kafka is taken out of Rossum's queue, and only that."""

from pathlib import Path

import pytest

from tests.support.deployment import QUEUE, Deployment, deployment, inline
from tests.support.find_kafka import Kafka
from tests.support.waiting import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]

SIMULATOR = ("--rate-limit", "0", "--processing", "0.2", "--review", "-1")
SETTINGS = {
    "ROSSUM__REQUESTS_PER_SECOND": "0",
    "CAPTURE__STATUSES": '["confirmed"]',
    "CAPTURE__CLAIM_QUEUES": f"[{QUEUE}]",
    "SWEEP__INTERVAL": "2s",
    "SWEEP__LAG": "1s",
}
DOCUMENTS = 30


async def confirmed(world: Deployment) -> None:
    """A person confirms all documents, once they are ready."""
    await world.announce([inline(number) for number in range(DOCUMENTS)])
    await eventually(lambda: len(world.reader.named("annotation.ready")) == DOCUMENTS, within=60)
    ids = [int(event.headers["ce_subject"].partition("/")[2]) for event in world.reader.named("annotation.ready")]
    for annotation in ids:
        await world.control(f"/annotations/{annotation}/status", {"status": "confirmed"})


async def statuses(world: Deployment) -> set[str]:
    """Those that Rossum shows."""
    answer = await world.api("GET", f"/annotations?queue={QUEUE}&page_size=100")
    return {annotation["status"] for annotation in answer["results"]}


async def test_confirmed_annotations_are_claimed_once_they_are_on_kafka(kafka: Kafka, tmp_path: Path) -> None:
    """Each is captured once, then exported in Rossum; claims fail for a while and the replica dies in between."""
    async with deployment(kafka.bootstrap_servers, "claiming", tmp_path, simulator=SIMULATOR, **SETTINGS) as world:
        replica = await world.start_replica()
        await world.control("/faults", {"method": "POST", "path": "/export", "action": "status:503", "times": 0})
        await confirmed(world)
        await eventually(lambda: len(world.reader.captured()) == DOCUMENTS, within=60)
        before = await statuses(world)
        replica.kill()
        await replica.process.wait()

        await world.control("/faults", method="DELETE")
        await world.start_replica()
        await eventually(lambda: _all_exported(world), within=180)

        assert before == {"confirmed"}
        assert len(world.reader.captured()) == DOCUMENTS
        assert world.reader.duplicates() == []
        # Rossum has moved them before the replica has its answer.
        await eventually(lambda: _claimed(world), within=60)


async def test_nothing_is_claimed_before_it_is_on_kafka(kafka: Kafka, tmp_path: Path) -> None:
    """While the captured data can't be read, the annotations stay confirmed."""
    async with deployment(kafka.bootstrap_servers, "unclaimed", tmp_path, simulator=SIMULATOR, **SETTINGS) as world:
        await world.start_replica()
        await world.control("/faults", {"method": "GET", "path": "/export", "action": "status:503", "times": 0})
        await confirmed(world)
        await eventually(lambda: _failed_reads(world), within=60)
        unread = await statuses(world)

        await world.control("/faults", method="DELETE")
        await eventually(lambda: _all_exported(world), within=180)

        assert unread == {"confirmed"}
        assert len(world.reader.captured()) == DOCUMENTS
        assert world.reader.duplicates() == []


async def _claimed(world: Deployment) -> bool:
    return await world.metric(1, r'claims_total\{outcome="claimed"\}') == DOCUMENTS


async def _all_exported(world: Deployment) -> bool:
    return await statuses(world) == {"exported"}


async def _failed_reads(world: Deployment) -> bool:
    counters = await world.control("/counters")
    return int(counters.get("GET /queues/{id}/export", {}).get("503", 0)) >= 3
