"""Rossum in trouble: whatever it answers, nothing is lost and no arrival is imported twice."""

import asyncio
import math
import random
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connector.domain.ids import format_clock
from connector.domain.readings import CLOCKS
from tests.support.deployment import Deployment, deployment, inline
from tests.support.find_kafka import Kafka
from tests.support.stalls import Stalls, stalls
from tests.support.waiting import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(200)]

QUICK = ("--rate-limit", "0", "--processing", "0.3", "--review", "0.5")
FAST = {"ROSSUM__REQUESTS_PER_SECOND": "0", "IMPORTS__SETTLE": "8s", "IMPORTS__TASK_AFTER": "4s"}
DOCUMENTS = 100
#: Seconds that only a document would need that waits behind others.
STARVED = 10
#: Documents that people export beside a backlog, and the seconds in which they do it.
PEOPLE, WORKDAY = 100, 60
#: Refusals (429) that a machine may cause which was seen to stand still, one each time: the calls of two processes that
#: were due meanwhile start together then. Without a budget there are hundreds.
STALLS = 2

UPLOADS = {"method": "POST", "path": "/uploads"}
ANYTHING = {"method": "GET", "path": ".*"}
TROUBLES: dict[str, tuple[list[dict[str, Any]], dict[str, Any]]] = {
    "429": (
        [{**UPLOADS, "action": "retry-after:1", "times": 20}, {**ANYTHING, "action": "retry-after:1", "times": 5}],
        {},
    ),
    "503": ([{**UPLOADS, "action": "status:503", "times": 10}, {**ANYTHING, "action": "status:503", "times": 10}], {}),
    "uploads accepted, answers swallowed": ([{**UPLOADS, "action": "drop-after", "times": 25}], {}),
    "uploads dropped": ([{**UPLOADS, "action": "drop-before", "times": 10}], {}),
    "tasks slower than the settle time": ([], {"task_delay": 12}),
    "slow tasks and metadata overwritten": ([], {"task_delay": 15, "overwrite_metadata": True}),
    "metadata overwritten": ([], {"overwrite_metadata": True}),
    "garbage and half answers": (
        [{**ANYTHING, "action": "garbage", "times": 4}, {**ANYTHING, "action": "truncate", "times": 4}],
        {},
    ),
}


async def accepted_and_captured(world: Deployment, documents: int, *, within: float = 120) -> None:
    """Each document captured once and completed, each import one root document."""
    await eventually(
        lambda: len(world.reader.captured()) >= documents and len(world.reader.named("import.completed")) >= documents,
        within=within,
    )
    subjects = [event.headers["ce_subject"] for event in world.reader.captured()]
    documents_of = await world.control("/documents")
    marks = [d["metadata"]["rossum_kafka_connector"]["import_id"] for d in documents_of if d["parent"] is None]
    sys.stdout.write(f"captured={len(subjects)} imported={len(marks)} duplicates={len(world.reader.duplicates())}\n")

    assert world.reader.duplicates() == []
    assert len(subjects) == len(set(subjects)) == documents
    assert len(marks) == len(set(marks)) == documents
    assert world.reader.letters == []


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_trouble_loses_and_doubles_nothing(kafka: Kafka, tmp_path: Path, trouble: str) -> None:
    """Each alone: everything comes out once in the end."""
    faults, behaviour = TROUBLES[trouble]
    async with deployment(kafka.bootstrap_servers, "trouble", tmp_path, simulator=QUICK, **FAST) as world:
        await world.start_replica()
        await world.add_hook(world.webhook_urls[0])
        for fault in faults:
            await world.control("/faults", fault)
        await world.control("/behaviour", behaviour)

        await world.announce([inline(number) for number in range(DOCUMENTS)])

        await accepted_and_captured(world, DOCUMENTS)


async def test_the_budget_keeps_two_replicas_below_the_limit(kafka: Kafka, tmp_path: Path) -> None:
    """Under Rossum's limit of 10 requests a second and the default budget there is no 429 unless the machine stalls."""
    simulator = ("--rate-limit", "10", "--processing", "0.3", "--review", "0.5")
    async with deployment(kafka.bootstrap_servers, "budget", tmp_path, simulator=simulator) as world:
        await world.start_replica()
        await world.start_replica()
        await world.add_hook(world.webhook_urls[0])

        with stalls() as felt:
            await world.announce([inline(number) for number in range(150)])

            await accepted_and_captured(world, 150)
        assert await refusals(world, felt) <= min(felt.seen, STALLS)


async def test_a_backlog_does_not_hold_up_what_a_person_exports(kafka: Kafka, tmp_path: Path) -> None:
    """5,000 arrivals wait for the API; documents that people export meanwhile are captured within 3 s; sweeps go on.

    People export at moments that have nothing to do with when the connector reads; before it ends every other of their
    exports Rossum asks the hook (`WEBHOOK__GATE`).
    """
    waiting, chance = 5_000, random.Random(5)  # noqa: S311 - when a person works is no secret
    simulator = ("--rate-limit", "10", "--processing", "0.5", "--review", "-1")
    settings = {"SWEEP__INTERVAL": "15s", "SWEEP__START": format_clock(datetime.now(UTC) - timedelta(hours=2))}
    async with deployment(kafka.bootstrap_servers, "backlog", tmp_path, simulator=simulator, **settings) as world:
        made = await world.control("/annotations", {"count": PEOPLE, "queue": 8198, "status": "to_review"})
        await world.start_replica()
        await world.add_hook(world.webhook_urls[0], gate=True)
        await eventually(lambda: len(world.reader.named("annotation.ready")) == PEOPLE, within=60)
        await world.announce([inline(number) for number in range(waiting)])
        await eventually(lambda: len(world.reader.named("import.accepted")) > 20, within=60)
        swept = Counter(event.key for event in world.reader.named("sweep.completed"))

        moments = [chance.uniform(0, WORKDAY) for _ in range(PEOPLE)]
        with stalls() as felt:
            first, steps = made["ids"][0], ("exported", "exporting")
            exports = (_exported(world, first + n, at, steps[n % 2]) for n, at in enumerate(moments))
            taken = await asyncio.gather(*exports)

        accepted = len(world.reader.named("import.accepted"))
        more = Counter(event.key for event in world.reader.named("sweep.completed")) - swept
        for how, seconds in (("exported", taken[::2]), ("gated", taken[1::2]), ("all", taken)):
            p50, p99, slowest = (sorted(seconds)[math.ceil(len(seconds) * part) - 1] for part in (0.5, 0.99, 1))
            sys.stdout.write(f"{how}: p50={p50:.2f} s p99={p99:.2f} s max={slowest:.2f} s\n")
        sys.stdout.write(f"accepted meanwhile={accepted} sweeps meanwhile={dict(more)}\n")
        # The figure is what counts and is printed; behind the backlog it would be minutes.
        assert max(taken) < STARVED
        assert accepted < waiting
        assert set(more) == set(CLOCKS)
        assert await refusals(world, felt) <= min(felt.seen, STALLS)


async def refusals(world: Deployment, felt: Stalls) -> int:
    """How many calls were answered 429."""
    counters = await world.control("/counters")
    calls = sum(sum(statuses.values()) for statuses in counters.values())
    refused: int = sum(statuses.get("429", 0) for statuses in counters.values())
    sys.stdout.write(f"calls={calls} refused={refused} stalls={felt.seen} longest={felt.longest:.2f} s\n")
    return refused


async def _exported(world: Deployment, annotation: int, at: float, status: str) -> float:
    """Seconds from when a person sets the `status`, `at` seconds from now, to the captured event."""
    loop = asyncio.get_running_loop()
    subject, due = f"annotations/{annotation}", loop.time() + at
    await eventually(lambda: loop.time() >= due, within=at + 30)
    await world.control(f"/annotations/{annotation}/status", {"status": status})
    started = loop.time()
    await eventually(
        lambda: any(event.headers["ce_subject"] == subject for event in world.reader.captured()),
        within=30,
        every=0.02,
    )
    return loop.time() - started
