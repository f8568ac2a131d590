"""A replica that is frozen for longer than the session timeout while another works its partitions, and then goes on."""

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.chaos.ending import audited
from tests.chaos.verdict import audit_problems
from tests.support.deployment import PARTITIONS, deployment, inline, pdf
from tests.support.fleet import Fleet, at_work
from tests.support.kafka_broker import LocalKafka
from tests.support.kafka_requests import END_TXN, FENCED
from tests.support.waiting import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]

QUICK = ("--rate-limit", "0", "--processing", "3", "--review", "0.3")
SETTINGS = {"ROSSUM__REQUESTS_PER_SECOND": "0", "IMPORTS__SETTLE": "4s", "IMPORTS__TASK_AFTER": "4s"}
#: Seconds that a reader may wait for an open transaction: its timeout, and as many as a machine may stand still for.
#: Half of what clients ask for by default, 60.
LONGEST_WAIT = 20 + 10
#: Seconds: it was an open transaction indeed that was left behind.
HELD_UP = 5
#: Bytes of several small uploads.
SOME_UPLOADS = 5_000
#: Bytes of a document that fits into no buffer between a replica and Rossum.
LARGE = 24_000_000


@asynccontextmanager
async def two_replicas(broker: LocalKafka, folder: Path, **settings: str) -> AsyncIterator[Fleet]:
    """The first behind a door, the second at the broker itself; both at work."""
    deploying = deployment(broker.bootstrap_servers, "zombie", folder, simulator=QUICK, **(SETTINGS | settings))
    async with at_work(deploying, 2, doors=broker.doors) as both:
        await eventually(lambda: _shared(both), within=40)
        yield both


async def _shared(both: Fleet) -> bool:
    counts = await both.partitions()
    return sum(counts) == PARTITIONS and min(counts) > 0


async def taken_over(both: Fleet) -> None:
    """Wait until the second has every partition."""
    await eventually(lambda: _all_are_ready(both), within=60)


async def _all_are_ready(both: Fleet) -> bool:
    return await both[1].metric("partitions_ready") == PARTITIONS


async def judge(both: Fleet, documents: int) -> None:
    """Everything once, one import each, both processes at work again by themselves, nobody held up for long."""
    world = both.world
    await eventually(
        lambda: len(world.reader.captured()) >= documents and len(world.reader.named("import.completed")) >= documents,
        within=60,
    )
    await eventually(lambda: _shared(both), within=60)
    await eventually(world.reader.caught_up, within=30)
    subjects = [event.headers["ce_subject"] for event in world.reader.captured() if not event.data.get("duplicate_of")]
    roots = await world.root_documents()
    refused = await both[0].metric("transactions_total", 'outcome="failed"')
    sys.stdout.write(
        f"captured={len(subjects)} duplicates={len(world.reader.duplicates())} imports={len(roots)} "
        f"uploads={roots.total()} refused={refused:g} longest wait={world.reader.longest_wait:.1f} s\n"
    )

    assert world.reader.duplicates() == []
    assert len(subjects) == len(set(subjects)) == documents
    assert len(roots) == documents
    assert set(roots.values()) == {1}
    assert world.reader.letters == []
    assert world.reader.longest_wait < LONGEST_WAIT
    assert [berth.lives for berth in both.berths] == [1, 1]
    assert set(await both.stop()) == {0}
    assert audit_problems(await audited(both)) == []


async def test_frozen_while_idle(own_kafka: Callable[..., LocalKafka], tmp_path: Path) -> None:
    """It finds its partitions gone, takes nothing it has no right to, and joins again by itself."""
    broker = own_kafka(doors=1)
    async with two_replicas(broker, tmp_path) as both:
        both[0].freeze()
        await both.world.announce([inline(number) for number in range(40)])
        await taken_over(both)
        await eventually(lambda: len(both.world.reader.captured()) >= 40, within=60)
        both[0].thaw()

        await eventually(lambda: both[0].said("circuit_open", reason="rejoin"), within=30)
        await judge(both, 40)


async def test_frozen_inside_a_transaction(own_kafka: Callable[..., LocalKafka], tmp_path: Path) -> None:
    """Its transaction is aborted by whoever takes over; the commit that comes late is refused."""
    broker = own_kafka(doors=1)
    async with two_replicas(broker, tmp_path) as both:
        await both.world.announce([inline(number) for number in range(40)])
        await eventually(lambda: len(both.world.reader.named("import.accepted")) >= 40, within=30)
        # What comes now holds public events, so that the reader can tell how long it waits for them.
        both[0].requests.hold(END_TXN)
        await eventually(lambda: both[0].requests.held >= 3, within=30)
        both[0].freeze()
        await taken_over(both)
        await eventually(lambda: len(both.world.reader.captured()) >= 40, within=60)
        late = both[0].requests.held
        both[0].requests.release()
        await eventually(lambda: len(both[0].requests.codes) >= late, within=30)
        both[0].thaw()

        await eventually(lambda: both[0].said("transaction_failed"), within=30)
        await judge(both, 40)
        assert set(both[0].requests.codes) <= FENCED
        assert both.world.reader.longest_wait > HELD_UP


async def test_frozen_before_the_answer_to_an_upload(own_kafka: Callable[..., LocalKafka], tmp_path: Path) -> None:
    """Another adopts what it has uploaded; the late answer is of no use: the replica finds that out and rejoins."""
    broker = own_kafka(doors=1)
    async with two_replicas(broker, tmp_path) as both:
        slow = {"method": "POST", "path": "^/uploads", "action": "delay:2", "times": 0}
        await both.world.control("/faults", slow)
        sent = both[0].rossum.to_server.passed
        await both.world.announce([inline(number) for number in range(40)])
        await eventually(lambda: both[0].rossum.to_server.passed > sent + SOME_UPLOADS, within=30)
        both[0].freeze()
        await taken_over(both)
        await eventually(lambda: len(both.world.reader.captured()) >= 40, within=60)
        both[0].thaw()

        # It is refused at its next commit, or has noticed before that it stood still.
        await eventually(lambda: both[0].said("circuit_open", reason="rejoin"), within=30)
        await judge(both, 40)


async def test_frozen_inside_an_upload(own_kafka: Callable[..., LocalKafka], tmp_path: Path) -> None:
    """Half of a document is on its way; the rest never makes a second import of what another has imported."""
    broker = own_kafka(doors=1)
    files = tmp_path / "files"
    files.mkdir()
    arrivals = []
    for number in range(6):
        path = files / f"{number}.pdf"
        path.write_bytes(pdf(f"document {number}").ljust(LARGE, b"%"))
        arrivals.append(inline(number) | {"source": {"kind": "file", "path": str(path)}})
    async with two_replicas(broker, tmp_path, IMPORTS__FILE_ROOTS=f'["{files}"]') as both:
        both[0].rossum.to_server.bytes_per_s = 2_000_000
        await both.world.announce(arrivals)
        await eventually(lambda: both[0].rossum.to_server.passed > 500_000, within=30)
        both[0].rossum.to_server.hold()
        both[0].freeze()
        await taken_over(both)
        await eventually(lambda: len(both.world.reader.captured()) >= len(arrivals), within=60)
        both[0].rossum.to_server.bytes_per_s = None
        both[0].rossum.to_server.release()
        both[0].thaw()

        await eventually(lambda: both[0].said("partition_ended"), within=30)
        await judge(both, len(arrivals))
