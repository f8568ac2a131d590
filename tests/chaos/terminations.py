"""The long form of `test_termination.py`: SIGTERM many times, at random moments of starts and of work under load."""

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil  # type: ignore[import-untyped] # it has no types

from connector.clock import SystemClock
from tests.chaos.ending import audited, compared, not_in_order
from tests.chaos.rounds import SETTINGS, SIMULATOR, Feed, Outcome, Tell
from tests.chaos.verdict import Tally, audit_figure, audit_problems, never_happened
from tests.support.deployment import deployment
from tests.support.fleet import Berth, Fleet, fleet
from tests.support.sources import sources
from tests.support.waiting import eventually

#: Seconds from the signal to the end of the process.
DRAINED_WITHIN = 45.0
#: One of them keeps its place in the group while it is away.
REPLICAS, STATIC = 2, 1
#: Documents that are announced at once, as often as half of them are accepted.
AT_ONCE = 60
#: Seconds that the answer to each upload takes: at any moment of the work many are on their way.
SLOW = 1.0
#: Seconds of work before a signal, at most, and until a replica has taken up some of it.
WORKED, TAKEN_UP = 4.0, 30.0
#: Seconds of a start before its signal, at most, one time in two; the other time as long as starts take.
SOON = 0.2
#: What a replica answers that is ready: until then it is in its start.
READY = 200
#: The share of starts that are broken off, and of signals that are repeated until the process has ended.
BROKEN_OFF, REPEATED = 0.5, 0.3
#: Seconds between two of those: also in the last moments there must be none that is deadly.
BETWEEN = 0.01
#: Seconds until all is published after the last signal.
PUBLISHED_WITHIN = 90.0
#: How many documents there can be at most: as many as the time allows.
MANY = 1_000_000

IN_A_START, UNDER_LOAD, AGAIN = "in_a_start", "under_load", "again"


@dataclass(slots=True)
class Terminations:
    """Ends replicas as an operator does.

    Attributes:
        seconds: How long each that ended in order took.
        moments: How many signals came in a start, in the middle of uploads, and again and again.
        problems: Whoever did not end in order, in words.
    """

    ships: Fleet
    chance: random.Random
    tell: Tell
    seconds: list[float] = field(default_factory=list)
    moments: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    _sent: int = 0
    _start: float = WORKED

    async def signal(self, times: int) -> None:
        """Send that many signals; all replicas are ready before and afterwards."""
        while self._sent < times:
            berth = self.chance.choice(self.ships.berths)
            await self._in_the_middle_of_work(berth)
            await berth.launch()
            while self._sent < times and self.chance.random() < BROKEN_OFF:
                await self._in_the_middle_of_a_start(berth)
                await berth.launch()
            began = asyncio.get_running_loop().time()
            await berth.ready()
            self._start = asyncio.get_running_loop().time() - began

    async def _in_the_middle_of_work(self, berth: Berth) -> None:
        await eventually(lambda: _uploads(berth), within=TAKEN_UP)
        await SystemClock().sleep(self.chance.uniform(0, WORKED))
        uploads = await _uploads(berth)
        self.moments[UNDER_LOAD] += uploads > 0
        await self.end(berth, f"{uploads:g} open imports")

    async def _in_the_middle_of_a_start(self, berth: Berth) -> None:
        """From the first connection on: before its loop runs a process has begun nothing, and hears nothing."""
        process = psutil.Process(berth.pid)
        await eventually(process.net_connections, within=TAKEN_UP, every=0.01)
        await SystemClock().sleep(self.chance.uniform(0, self.chance.choice((SOON, self._start))))
        is_start = await berth.status("/readyz") != READY
        self.moments[IN_A_START] += is_start
        await self.end(berth, "in a start" if is_start else "just started")

    async def end(self, berth: Berth, when: str) -> None:
        """One signal, or many until it has ended, and what comes of it."""
        loop = asyncio.get_running_loop()
        self._sent += 1
        signalled = loop.time()
        stopping = asyncio.create_task(berth.stop())
        if self.chance.random() < REPEATED:
            self.moments[AGAIN] += 1
            await _repeated(berth, stopping)
        try:
            code = await stopping
        except TimeoutError:
            self.problems.append(f"replica {berth.number} did not end within {DRAINED_WITHIN:g} s ({when})")
            await berth.kill()
            return
        seconds = loop.time() - signalled
        self.tell(f"{self._sent} replica {berth.number}, {when}: {seconds:.1f} s, code {code}")
        if code == 0 and seconds <= DRAINED_WITHIN:
            self.seconds.append(seconds)
        else:
            self.problems.append(f"replica {berth.number} ended after {seconds:.1f} s with code {code} ({when})")


async def round_of_terminations(bootstrap: str, times: int, folder: Path, tell: Tell, *, seed: int) -> Outcome:
    """Send that many signals while documents go through; the logs of all processes are in `folder` afterwards."""
    async with AsyncExitStack() as stack:
        documents = await stack.enter_async_context(sources(folder))
        settings = SETTINGS | documents.settings
        deploying = deployment(bootstrap, "sigterm", folder, simulator=SIMULATOR, **settings)
        world = await stack.enter_async_context(deploying)
        ships = await stack.enter_async_context(fleet(world, REPLICAS, static=STATIC))
        await ships.start()
        await world.control("/faults", {"method": "POST", "path": "^/uploads", "action": f"delay:{SLOW}", "times": 0})
        feed = Feed(world, documents, MANY)
        chance = random.Random(seed)  # noqa: S311 - when a signal comes is no secret
        terminations = Terminations(ships, chance, tell)
        async with _fed(feed):
            await terminations.signal(times)
        reader = world.reader
        with suppress(AssertionError):
            await eventually(
                lambda: min(len(reader.captured()), len(reader.named("import.completed"))) >= feed.announced,
                within=PUBLISHED_WITHIN,
            )
        return await _judged(terminations, times, feed.announced, seed)


@asynccontextmanager
async def _fed(feed: Feed) -> AsyncIterator[None]:
    """Documents come all the time; none is announced by halves when it is over."""
    is_over = asyncio.Event()

    async def go_on() -> None:
        while not is_over.is_set():
            await feed.up_to(feed.announced + AT_ONCE)
            await feed.progress(AT_ONCE // 2)

    feeding = asyncio.create_task(go_on())
    try:
        yield
    finally:
        is_over.set()
        await feeding


async def _repeated(berth: Berth, stopping: asyncio.Task[int]) -> None:
    """Signal until it has ended, or was waited for in vain."""
    while berth.alive and not stopping.done():
        # Not by the process object: it looks first whether the process has ended, and keeps the code to itself.
        with suppress(ProcessLookupError):
            os.kill(berth.pid, signal.SIGTERM)
        await SystemClock().sleep(BETWEEN)


async def _uploads(berth: Berth) -> float:
    """How many imports it has taken up and not seen the end of."""
    return await berth.metric("open_entities", 'kind="import"')


async def _judged(terminations: Terminations, times: int, documents: int, seed: int) -> Outcome:
    ships = terminations.ships
    codes = await ships.stop()
    verdict = await compared(ships, documents)
    audit = await audited(ships)
    uploads: Mapping[str, int] = (await ships.world.control("/counters"))["POST /uploads"]
    found = len(ships.said("upload_resolved", how="found"))
    moments = {name: Tally(terminations.moments[name], times) for name in (IN_A_START, UNDER_LOAD, AGAIN)}
    told = " ".join(f"{name}={tally.happened}" for name, tally in moments.items())
    line = (
        f"sigterm={len(terminations.seconds)}/{times} {told} longest={max(terminations.seconds, default=0.0):.1f}s "
        f"{verdict.line()} looked_for={found} audit={audit_figure(audit)} seed={seed}"
    )
    problems = [*terminations.problems, *verdict.problems, *audit_problems(audit), *never_happened(moments)]
    problems += not_in_order(ships, verdict, documents, codes)
    if uploads != {"202": documents}:
        problems.append(f"uploads that were made again: {uploads} of {documents} documents")
    return Outcome(line, problems)
