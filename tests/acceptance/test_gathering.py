"""Documents that go up together, with real processes on real Kafka: each keeps its identity, events and outcome."""

import sys
from collections import Counter
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from connector.domain.ids import import_id_from_document
from tests.support.deployment import Deployment, deployment, inline
from tests.support.find_kafka import Kafka
from tests.support.marks import gathers_of
from tests.support.sources import sources
from tests.support.waiting import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]

QUICK = ("--rate-limit", "0", "--processing", "0.3", "--review", "0.5")
GATHERED = {
    "KAFKA__WORK_PARTITIONS": "2",
    "ROSSUM__REQUESTS_PER_SECOND": "0",
    "IMPORTS__GATHER__ENABLED": "true",
    "IMPORTS__GATHER__MAX_COUNT": "10",
    "IMPORTS__GATHER__WAIT": "1s",
    "IMPORTS__TASK_AFTER": "5s",
    "IMPORTS__SETTLE": "10s",
}
#: Documents that Rossum takes, and those with one name among them.
GOOD, NAMESAKES = 90, 10
PATIENCE = 120


async def uploads(world: Deployment) -> int:
    """How many uploads Rossum has accepted."""
    counters = await world.control("/counters")
    return int(counters.get("POST /uploads", {}).get("202", 0))


async def completed_and_captured(world: Deployment, keys: set[str]) -> None:
    """Wait until all of them are."""
    await eventually(
        lambda: (
            {event.key for event in world.reader.captured()} >= keys
            and {event.key for event in world.reader.named("import.completed")} >= keys
        ),
        within=PATIENCE,
    )


def bad_ones(folder: Path) -> list[dict[str, Any]]:
    """Arrivals that can't be imported, each for a reason of its own, alike in queue and metadata to all others."""
    large = folder / "large.pdf"
    large.write_bytes(b"%PDF-1.4\n" + b"x" * 300_000)
    empty = folder / "empty.pdf"
    empty.touch()
    return [
        inline(1000) | {"source": {"kind": "file", "path": str(folder / "missing.pdf")}},
        inline(1001) | {"source": {"kind": "file", "path": str(large)}},
        inline(1002) | {"source": {"kind": "file", "path": str(empty)}},
        inline(1003) | {"source": "nonsense"},
    ]


async def test_members_keep_their_identity_and_outcome(kafka: Kafka, tmp_path: Path) -> None:
    """Ninety good documents share a few uploads, one as soon as its source is back; four bad ones fail alone."""
    async with AsyncExitStack() as stack:
        documents = await stack.enter_async_context(sources(tmp_path))
        settings = GATHERED | documents.settings | {"IMPORTS__MAX_BYTES": "200000"}
        world = await stack.enter_async_context(
            deployment(kafka.bootstrap_servers, "gather", tmp_path, simulator=QUICK, **settings)
        )
        await world.start_replica()
        await world.add_hook(world.webhook_urls[0])
        documents.unavailable.add(31)
        arrivals = [documents.arrival(number) for number in range(GOOD)]
        for arrival in arrivals[:NAMESAKES]:
            arrival["file_name"] = "invoice.pdf"
        for arrival in arrivals:
            arrival["metadata"] = {"site": "Brno", "po": f"po of {arrival['document_id']}"}
        bad = bad_ones(documents.folder)
        good = {arrival["document_id"] for arrival in arrivals}

        await world.announce([*arrivals[:45], *bad, *arrivals[45:]])
        await completed_and_captured(world, good - {"doc-31"})
        documents.unavailable.clear()
        await completed_and_captured(world, good)
        await eventually(lambda: len(world.reader.named("import.failed")) >= len(bad), within=60)
        await eventually(lambda: len(world.reader.letters) >= len(bad), within=60)

        shown = await world.control("/documents")
        roots, calls, sizes = await world.root_documents(), await uploads(world), gathers_of(shown)
        failed = Counter(event.headers["ce_importid"] for event in world.reader.named("import.failed"))
        sys.stdout.write(f"documents={len(roots)} uploads={calls} gathers={sorted(sizes.values())}\n")
        completed = world.reader.named("import.completed")
        assert world.reader.duplicates() == []
        assert Counter(event.key for event in world.reader.captured()) == Counter(good)
        assert Counter(event.key for event in completed) == Counter(good)
        for event in world.reader.captured():
            assert event.data["metadata"] == {"site": "Brno", "po": f"po of {event.key}"}
        assert {len(event.data["annotations"]) for event in completed} == {1}
        assert len({event.data["annotations"][0] for event in completed}) == GOOD
        assert failed == Counter(import_id_from_document(arrival["document_id"]) for arrival in bad)
        assert len(world.reader.letters) == len(bad)
        assert set(roots.values()) == {1}
        assert len(roots) == GOOD
        assert max(sizes.values()) <= 10
        assert calls <= GOOD / 2


async def test_killed_and_unanswered_uploads_of_many(kafka: Kafka, tmp_path: Path) -> None:
    """Rossum took uploads without an answer, and two replicas die by kill -9 in theirs: each document comes once."""
    async with deployment(kafka.bootstrap_servers, "gather", tmp_path, simulator=QUICK, **GATHERED) as world:
        # A static member takes its partitions back as soon as it is there again.
        await world.start_replica(KAFKA__INSTANCE_ID="gathering")
        await world.add_hook(world.webhook_urls[0])
        arrivals = [inline(number) for number in range(120)]
        keys = {arrival["document_id"] for arrival in arrivals}
        fault = {"method": "POST", "path": "/uploads"}
        await world.control("/faults", fault | {"action": "drop-after", "times": 2})
        await world.announce(arrivals[:60])
        await completed_and_captured(world, {arrival["document_id"] for arrival in arrivals[:60]})
        unanswered = await world.metric(0, r"uploads_total\{outcome=\"unknown\"\}")
        await world.control("/faults", fault | {"action": "delay:2", "times": 20})

        for kill, batch in enumerate((arrivals[60:90], arrivals[90:])):
            seen = len(await world.root_documents())
            await world.announce(batch)
            await eventually(partial(more_documents, world, seen), within=60)
            world.replicas[kill].kill()
            await world.replicas[kill].process.wait()
            await world.start_replica(KAFKA__INSTANCE_ID="gathering")
            await world.add_hook(world.webhook_urls[kill + 1])
        await world.control("/faults", method="DELETE")
        await completed_and_captured(world, keys)

        roots, sizes = await world.root_documents(), gathers_of(await world.control("/documents"))
        sys.stdout.write(f"documents={len(roots)} gathers={sorted(sizes.values())} unanswered={unanswered:g}\n")
        assert world.reader.duplicates() == []
        assert Counter(event.key for event in world.reader.captured()) == Counter(keys)
        assert len(roots) == len(arrivals)
        assert set(roots.values()) == {1}
        assert world.reader.letters == []
        assert max(sizes.values()) > 1
        assert unanswered >= 2


async def more_documents(world: Deployment, seen: int) -> bool:
    """Whether Rossum has taken another upload; its answer is still to come."""
    return len(await world.root_documents()) > seen
