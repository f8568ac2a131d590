"""The main job with real processes on real Kafka: what goes in comes out once, whatever is lost, late or killed."""

import random
import sys
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connector.domain.ids import format_clock
from connector.domain.readings import CLOCKS
from tests.support.deployment import DEFAULT_PARTITIONS, Deployment, deployment
from tests.support.find_kafka import Kafka
from tests.support.sources import sources
from tests.support.waiting import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]

#: Seconds until everything must have come out: fewer than until a task is asked about (`IMPORTS__TASK_AFTER`), which
#: would bring everything out without webhooks and without sweeps.
PATIENCE = 150
QUICK = ("--rate-limit", "0", "--processing", "0.3", "--review", "0.5")


@dataclass(frozen=True, slots=True)
class Mode:
    """One way in which the world is.

    Attributes:
        hooks: What the simulator does to webhooks; None = there is no hook at all.
        behaviour: Habits of the simulator.
        settings: Of the connector.
        alone: The only one of webhooks and sweeps that can tell of anything (`ce_observedvia`); None = both can.
    """

    name: str
    documents: int = 500
    hooks: dict[str, Any] | None = field(default_factory=dict)
    behaviour: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    alone: str | None = None


#: So that the first pass of each clock has a window, and is told when it is over.
AN_HOUR_AGO = format_clock(datetime.now(UTC) - timedelta(hours=1))
MODES = [
    Mode("webhooks and sweeps"),
    Mode("every webhook lost", hooks={"loss": 1.0}, alone="sweep"),
    Mode("webhooks alone", settings={"SWEEP__INTERVAL": "1h", "SWEEP__START": AN_HOUR_AGO}, alone="webhook"),
    Mode("webhooks doubled and reordered", hooks={"duplicate": 1.0, "reorder": 1.0}),
    # Habits of Rossum's lists: without webhooks, so that nothing but the sweeps can bring the documents out.
    Mode("lists lag 5 s", behaviour={"list_lag": 5}, hooks={"loss": 1.0}, alone="sweep"),
    Mode("clocks stay null", behaviour={"null_clocks": True}, hooks={"loss": 1.0}, alone="sweep"),
    Mode("250 share a clock", behaviour={"tied_clocks": 250}, hooks={"loss": 1.0}, alone="sweep"),
    Mode("filters cut seconds", behaviour={"filter_seconds": True}, hooks={"loss": 1.0}, alone="sweep"),
]


async def start(world: Deployment, mode: Mode, *, replicas: int) -> None:
    """Replicas, hooks to all of them, and the habits of the mode."""
    for _ in range(replicas):
        await world.start_replica()
    if mode.behaviour:
        await world.control("/behaviour", mode.behaviour)
    if mode.hooks is not None:
        for url in world.webhook_urls.values():
            await world.add_hook(url)
        await world.control("/hooks", mode.hooks)
    if mode.alone == "webhook":
        # Each clock has had its only sweep, so that none can be late enough to find something.
        await eventually(lambda: world.reader.passes().keys() >= set(CLOCKS), within=60)


async def more_accepted(world: Deployment, count: int, *, of: int) -> None:
    """Wait until the work has gone on by so many imports."""
    wanted = min(len(world.reader.named("import.accepted")) + count, of)
    await eventually(lambda: len(world.reader.named("import.accepted")) >= wanted, within=60)


async def judge(world: Deployment, documents: int, *, kills: int = 0) -> None:
    """Everything once: captured events, ids, imports; then a clean end of every replica."""
    wanted = {f"doc-{number}" for number in range(documents)}
    await eventually(
        lambda: (
            {event.key for event in world.reader.captured()} >= wanted
            and len(world.reader.named("import.completed")) >= documents
        ),
        within=PATIENCE,
    )
    roots = await world.root_documents()
    codes = await world.stop_replicas()
    await eventually(world.reader.caught_up, within=30)
    captured = [event.key for event in world.reader.captured()]
    duplicates = world.reader.duplicates()
    lost = len(wanted - set(captured))
    accepted = len(world.reader.named("import.accepted"))
    sys.stdout.write(
        f"accepted={accepted} captured={len(captured)} duplicates={len(duplicates)} lost={lost} kills={kills}\n"
    )

    assert duplicates == []
    assert sorted(captured) == sorted(wanted)
    assert accepted == documents
    assert set(roots.values()) == {1}
    assert len(roots) == documents
    assert set(codes) == {0}
    assert world.reader.letters == []


async def judge_observed(world: Deployment, mode: Mode) -> None:
    """Captured events were learnt as the mode allows, and no question about a task has brought them out.

    An annotation that has been open for a minute and a half is read again by itself (`read`), so that one or the
    other of a slow run may be found that way.
    """
    observed = Counter(event.headers["ce_observedvia"] for event in world.reader.captured())
    calls = await world.control("/counters")
    asked = sum(calls.get("GET /tasks/{id}", {}).values())
    sys.stdout.write(f"observed={dict(observed)} tasks asked={asked}\n")

    assert asked == 0
    if mode.alone is None:
        assert observed.keys() <= {"webhook", "sweep", "read"}
    else:
        assert observed.keys() <= {mode.alone, "read"}
        assert observed[mode.alone] > mode.documents / 2


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
async def test_what_goes_in_comes_out_once(kafka: Kafka, tmp_path: Path, mode: Mode) -> None:
    """Arrivals by https, file and inline through two replicas; a read_committed reader sees each captured once."""
    async with AsyncExitStack() as stack:
        documents = await stack.enter_async_context(sources(tmp_path))
        settings = {"ROSSUM__REQUESTS_PER_SECOND": "0"} | documents.settings | mode.settings | DEFAULT_PARTITIONS
        world = await stack.enter_async_context(
            deployment(kafka.bootstrap_servers, "main", tmp_path, simulator=QUICK, **settings)
        )
        await start(world, mode, replicas=2)

        await world.announce([documents.arrival(number) for number in range(mode.documents)])

        await judge(world, mode.documents)
        await judge_observed(world, mode)


async def test_replicas_killed_five_times(kafka: Kafka, tmp_path: Path) -> None:
    """Kill -9 in the middle, five times: nothing is lost, doubled or imported twice."""
    chance = random.Random(7)  # noqa: S311 - which replica dies is no secret
    mode = Mode("killed", settings={"IMPORTS__SETTLE": "15s", "IMPORTS__TASK_AFTER": "5s"})
    async with AsyncExitStack() as stack:
        documents = await stack.enter_async_context(sources(tmp_path))
        settings = {"ROSSUM__REQUESTS_PER_SECOND": "25"} | documents.settings | mode.settings | DEFAULT_PARTITIONS
        world = await stack.enter_async_context(
            deployment(kafka.bootstrap_servers, "main", tmp_path, simulator=QUICK, **settings)
        )
        await start(world, mode, replicas=2)
        await world.announce([documents.arrival(number) for number in range(500)])

        for _ in range(5):
            await more_accepted(world, 25, of=500)
            alive = [replica for replica in world.replicas if replica.process.returncode is None]
            victim = chance.choice(alive)
            victim.kill()
            await victim.process.wait()
            await world.start_replica()
            await world.add_hook(world.webhook_urls[len(world.replicas) - 1])

        await judge(world, 500, kills=5)
