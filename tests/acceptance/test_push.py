"""The push workflow: the hook is made, repaired, watched, given another secret under traffic; its loss is noticed."""

import asyncio
import sys
from collections import defaultdict
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import orjson
import pytest

from tests.support.deployment import SECRET, Deployment, deployment, inline, spawn
from tests.support.find_kafka import Kafka
from tests.support.kafka_settings import free_ports
from tests.support.proxy import Proxy, proxied
from tests.support.reader import Seen
from tests.support.waiting import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]

QUICK = ("--rate-limit", "0", "--processing", "0.2", "--review", "0.3")
CALM = ("--rate-limit", "0", "--processing", "0.2", "--review", "1")
NEW_SECRET = "the next secret of the hook"
BOTH = {"WEBHOOK__SECRETS": orjson.dumps([NEW_SECRET, SECRET]).decode()}
#: Sweeps that see nothing of what happens in a test: only webhooks tell.
BLIND = {"ROSSUM__REQUESTS_PER_SECOND": "0", "SWEEP__INTERVAL": "3600", "SWEEP__LAG": "3600"}
#: Documents on their way at any time.
FEW = 3
#: What Rossum tells of each of them: importing, to_review, exporting, exported.
STEPS = 4
#: Lines that Rossum's log of calls shows at once.
SHOWN = 100
#: What a webhook that was not taken is counted as.
TROUBLES = ("forged", "unavailable", "unreadable", "failed", "cut_off", "slow")


async def hooks(world: Deployment, command: str, **settings: str) -> tuple[int, str]:
    """`rossum-connector hooks …`: exit code, and what it says on stdout."""
    environment = world.settings | {f"CONNECTOR_{name}": value for name, value in settings.items()}
    async with AsyncExitStack() as stack:
        arguments = ["-m", "connector.cli.main", "hooks", *command.split()]
        process = await spawn(arguments, world.folder / "hooks.log", environment, stack)
        assert process.process.stdout is not None
        said = (await process.process.stdout.read()).decode()
        return await process.process.wait(), said


@dataclass
class Traffic:
    """Documents that are announced all along: another few whenever most of them have come out.

    Attributes:
        announced: How many.
        stopped: Set when it is enough.
    """

    world: Deployment
    announced: int = 0
    stopped: asyncio.Event = field(default_factory=asyncio.Event)

    def flows(self) -> bool:
        """Whether most have come out."""
        return self.announced - len(self.world.reader.captured()) < FEW

    async def run(self) -> None:
        """Until stopped."""
        while not self.stopped.is_set():
            await self.world.announce([inline(self.announced + more) for more in range(FEW)])
            self.announced += FEW
            await eventually(self.flows, within=90)

    async def end(self, running: asyncio.Task[None]) -> None:
        """Stop when more has come out than is announced now, and wait until all has."""
        mark = self.announced
        await eventually(lambda: len(self.world.reader.captured()) > mark, within=60)
        self.stopped.set()
        await running
        await eventually(lambda: len(self.world.reader.captured()) >= self.announced, within=60)


async def counted(world: Deployment, *outcomes: str) -> list[float]:
    """The webhooks that all replicas answered so far, by outcome."""
    running = [number for number, replica in enumerate(world.replicas) if replica.process.returncode is None]
    return [
        sum([await world.metric(number, rf'hooks_total\{{outcome="{outcome}"\}}') for number in running])
        for outcome in outcomes
    ]


async def replace_by_one_without_the_old_secret(world: Deployment, balancer: Proxy, port: int) -> None:
    """The last step of a rotation, as an orchestrator does it: the first replica goes when the next is ready."""
    await world.start_replica(WEBHOOK__PORT=str(port), WEBHOOK__SECRETS=orjson.dumps([NEW_SECRET]).decode())
    balancer.target = port
    assert await counted(world, *TROUBLES) == [0] * len(TROUBLES)
    assert await world.replicas[0].stop() == 0


@dataclass
class Calls:
    """All calls of Rossum's own log, which shows the newest hundred: read so often that none is missed.

    Attributes:
        taken: Request ids of those that were taken, by annotation.
        failed: Request ids of those that were not, at some attempt.
        stopped: Set when it is enough.
    """

    world: Deployment
    taken: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    failed: set[str] = field(default_factory=set)
    known: set[tuple[str, str]] = field(default_factory=set)
    stopped: asyncio.Event = field(default_factory=asyncio.Event)

    async def read(self) -> None:
        """Note what is new."""
        lines = (await self.world.api("GET", "/hooks/logs"))["results"]
        shown = {(line["request_id"], line["timestamp"]) for line in lines}
        assert len(shown) < SHOWN or shown & self.known, "the log went by unseen"
        self.known |= shown
        for line in lines:
            if line["status"] == "completed":
                self.taken[line["annotation_id"]].add(line["request_id"])
            elif line["status"] == "failed":
                self.failed.add(line["request_id"])

    async def run(self) -> None:
        """Until stopped."""
        await eventually(self._read_to_the_end, within=240, every=0.2)

    async def _read_to_the_end(self) -> bool:
        await self.read()
        return self.stopped.is_set()

    def never_taken(self) -> set[str]:
        """Failed calls that no later attempt made good."""
        return self.failed.difference(*self.taken.values())

    async def are_all_taken(self, documents: int) -> bool:
        """Whether each step of each document was told to somebody who took it."""
        await self.read()
        return len(self.taken) == documents and {len(calls) for calls in self.taken.values()} == {STEPS}


def judge_said(said: list[tuple[int, str]], *, hidden: bool) -> None:
    """What plan, apply, plan, apply and plan said of a hook that was absent, then drifted, then repaired."""
    assert [code for code, _ in said] == [3, 0, 3, 0, 0]
    assert "+ hook" in said[0][1]
    assert "config.secret" in said[2][1]
    assert "config.url" in said[2][1]
    assert ("Rossum does not show it" if hidden else "as it should be") in said[4][1]
    assert not any(secret in text for secret in (SECRET, NEW_SECRET) for _, text in said)


async def change_by_hand(world: Deployment, *, hidden: bool) -> None:
    """Give the hook another URL, which leads to the same place; Rossum may hide the secret from then on."""
    (hook,) = (await world.api("GET", "/hooks"))["results"]
    await world.api("PATCH", f"/hooks/{hook['id']}", {"config": {"url": hook["config"]["url"] + "?by=hand"}})
    await world.control("/behaviour", {"hook_secret_hidden": hidden})


@pytest.mark.parametrize("hidden", [False, True], ids=["shown", "hidden"])
async def test_the_hook_is_made_repaired_and_its_secret_changed_under_traffic(
    kafka: Kafka, tmp_path: Path, *, hidden: bool
) -> None:
    """Documents flow all along; drift raises the alarm, the repair takes it away, and every webhook is taken.

    Sweeps stay an hour behind, so that what a lost webhook would have told never comes out. Where Rossum hides the
    secret nobody can compare it: the alarm is about the URL alone, and the repair sends the secret all the same.
    """
    public, first, second = free_ports(3)
    settings = BLIND | {"WEBHOOK__PUBLIC_URL": f"http://127.0.0.1:{public}/hooks/rossum"}
    async with (
        deployment(kafka.bootstrap_servers, "push", tmp_path, simulator=CALM, **settings) as world,
        proxied(first, public) as balancer,
        asyncio.TaskGroup() as group,
    ):
        said = [await hooks(world, "plan"), await hooks(world, "apply --yes")]
        await change_by_hand(world, hidden=hidden)
        traffic, calls = Traffic(world), Calls(world)
        announcing, noting = group.create_task(traffic.run()), group.create_task(calls.run())
        await world.start_replica(WEBHOOK__PORT=str(first), **BOTH)
        await eventually(lambda: len(world.reader.captured()) > FEW, within=60)
        await eventually(lambda: _is(world.metric(0, r'hook_drift\{kind="(?:secret|url)"\}'), 2.0 - hidden), within=90)

        said.append(await hooks(world, "plan", **BOTH))
        (before,) = await counted(world, "accepted")
        said.append(await hooks(world, "apply --yes", **BOTH))
        await eventually(lambda: _exceeds(counted(world, "accepted"), before), within=60)
        await eventually(lambda: _is(world.metric(0, r"hook_drift\{.*\}"), 0.0), within=90)
        said.append(await hooks(world, "plan", **BOTH))
        taken, lost = [await world.metric(0, rf'hook_calls_total\{{outcome="{how}"\}}') for how in ("taken", "lost")]
        troubles = await counted(world, *TROUBLES)

        await replace_by_one_without_the_old_secret(world, balancer, second)
        await traffic.end(announcing)
        troubles += await counted(world, *TROUBLES)
        await eventually(lambda: calls.are_all_taken(traffic.announced), within=30)
        calls.stopped.set()
        await noting

        sys.stdout.write(f"documents={traffic.announced} calls={len(calls.known)} failed={len(calls.failed)}\n")
        judge_said(said, hidden=hidden)
        assert taken > 0
        assert (lost, set(troubles)) == (0, {0})
        assert calls.never_taken() == set()
        assert len(world.reader.captured()) == traffic.announced
        assert world.reader.duplicates() == []


async def test_sweeps_tighten_while_push_is_down_and_relax_after(kafka: Kafka, tmp_path: Path) -> None:
    """The circuit `push` opens when webhooks stop coming, documents come out by faster sweeps, and it closes again."""
    settings = {"ROSSUM__REQUESTS_PER_SECOND": "0", "SWEEP__INTERVAL": "30"}
    async with deployment(kafka.bootstrap_servers, "loss", tmp_path, simulator=QUICK, **settings) as world:
        await world.start_replica()
        await world.add_hook(world.webhook_urls[0])
        await world.announce([inline(number) for number in range(10)])
        await eventually(lambda: len(world.reader.captured()) == 10, within=60)

        await world.control("/hooks", {"loss": 1.0})
        await world.announce([inline(number) for number in range(10, 40)])
        await eventually(lambda: _is(world.metric(0, r'circuit_open\{circuit="push"\}'), 1.0), within=90)
        await eventually(lambda: len(world.reader.captured()) == 40, within=60)
        await world.control("/hooks", {"loss": 0.0})
        await world.announce([inline(number) for number in range(40, 80)])
        await eventually(lambda: len(world.reader.captured()) == 80, within=60)
        await eventually(lambda: _is(world.metric(0, r'circuit_open\{circuit="push"\}'), 0.0), within=60)
        await eventually(lambda: told_in_all(world, "new") >= 30 and told_in_all(world, "recovered") > 0, within=90)

        passes = passes_of_exports(world)
        assert {tuple(told.data["queues"]) for told in passes} == {(8198, 8199)}
        assert all(told.data["new"] <= told.data["seen"] for told in passes)
        windows = [(told.data["window"]["after"], told.data["window"]["before"]) for told in passes]
        assert all(after < before for after, before in windows)
        assert all(after <= before for (_, before), (after, _) in pairwise(windows))
        assert [before for _, before in windows] == [told.headers["ce_time"] for told in passes]
        assert world.reader.duplicates() == []


def passes_of_exports(world: Deployment) -> list[Seen]:
    """What was published of the complete passes by `exported_at`, in order."""
    return [told for told in world.reader.named("sweep.completed") if told.data["clock"] == "exported_at"]


def told_in_all(world: Deployment, count: str) -> int:
    """The sum of one of their counts."""
    return sum(told.data[count] for told in passes_of_exports(world))


async def _exceeds(counts: Awaitable[list[float]], mark: float) -> bool:
    return (await counts)[0] > mark


async def _is(answer: object, wanted: float) -> bool:
    return bool(await answer == wanted)  # type: ignore[misc] # an awaitable of a number
