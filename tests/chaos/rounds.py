"""One round of chaos: documents go in while faults go on, then everything must be there, once."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.ending import audited, compared, not_in_order
from tests.chaos.nemesis import Nemesis
from tests.chaos.plan import Plan, Stroke
from tests.chaos.verdict import audit_figure, audit_problems, never_happened
from tests.support.deployment import DEFAULT_PARTITIONS, Deployment, deployment
from tests.support.fleet import Fleet, fleet
from tests.support.kafka_broker import LocalKafka
from tests.support.sources import Sources, sources
from tests.support.stalls import HELD_UP, stalls
from tests.support.waiting import eventually

#: Seconds from the end of the last fault until everything must have been published.
RECOVERED_WITHIN = 60.0
#: Seconds that a stroke waits for the work of the one before to get going.
PROGRESS_WITHIN = 8.0
#: Documents that may wait for their import at any time.
BACKLOG = 150
#: Accepted imports that lie between two strokes, at most.
AT_MOST = 30
#: Seconds until the end of a round that has failed its deadline is given up.
GIVEN_UP_AFTER = 240.0
SIMULATOR = ("--rate-limit", "0", "--processing", "0.3", "--review", "0.5")
SETTINGS = {
    "ROSSUM__REQUESTS_PER_SECOND": "0",
    "IMPORTS__SETTLE": "15s",
    "IMPORTS__TASK_AFTER": "5s",
    "SWEEP__INTERVAL": "3",
}
HOOKS = {"loss": 0.3, "duplicate": 0.2, "reorder": 0.2}

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a round came to.

    Attributes:
        line: The figures of the run in one line.
        problems: Everything that must not be; empty when all is well.
    """

    line: str
    problems: list[str]


async def round_of_chaos(
    broker: LocalKafka, plan: Plan, folder: Path, tell: Tell, *, held_up: float = RECOVERED_WITHIN
) -> Outcome:
    """Run a plan; the logs of all processes are in `folder` afterwards.

    Args:
        broker: Has a door for each replica.
        plan: What to do.
        folder: Empty.
        tell: Is told what goes on.
        held_up: Seconds instead of `RECOVERED_WITHIN` where the machine itself stood still meanwhile.
    """
    async with AsyncExitStack() as stack:
        documents = await stack.enter_async_context(sources(folder))
        settings = SETTINGS | documents.settings | DEFAULT_PARTITIONS
        world = await stack.enter_async_context(
            deployment(broker.bootstrap_servers, "chaos", folder, simulator=SIMULATOR, **settings)
        )
        ships = await stack.enter_async_context(fleet(world, plan.replicas, doors=broker.doors, static=plan.static))
        await ships.start()
        await world.control("/hooks", HOOKS)
        nemesis = Nemesis(ships, broker, plan)
        feed = Feed(world, documents, plan.documents)
        await _suffer(feed, nemesis, plan, tell)
        await nemesis.heal(lambda: feed.accepted >= plan.documents)
        healed_at = asyncio.get_running_loop().time()
        with stalls() as felt, suppress(AssertionError):
            await eventually(lambda: _all_there(world, plan), within=GIVEN_UP_AFTER, every=0.2)
        recovery = asyncio.get_running_loop().time() - healed_at
        outcome = await _ended(ships, nemesis, plan, recovery, tell)
        allowed = RECOVERED_WITHIN if felt.longest < HELD_UP else held_up
        if recovery > allowed:
            late = f"everything was published {recovery:.1f} s after the last fault, not within {allowed:g}"
            outcome.problems.append(late)
        return outcome


class Feed:
    """Announces documents, never many more than are taken in: what a fault broke is judged, not a backlog."""

    def __init__(self, world: Deployment, documents: Sources, total: int) -> None:
        self._world = world
        self._documents = documents
        self._total = total
        self.announced = 0

    @property
    def accepted(self) -> int:
        """Imports that Rossum has accepted."""
        return len(self._world.reader.named("import.accepted"))

    async def up_to(self, share: int) -> None:
        """Announce up to so many, as far as the backlog allows."""
        until = max(self.announced, min(share, self.accepted + BACKLOG))
        await self._world.announce([self._documents.arrival(one) for one in range(self.announced, until)])
        self.announced = until

    async def progress(self, count: int) -> None:
        """Wait until some more are accepted, or all, or nothing moves just now."""
        wanted = min(self.accepted + count, self.announced)
        with suppress(AssertionError):
            await eventually(lambda: self.accepted >= wanted, within=PROGRESS_WITHIN)

    async def rest(self) -> None:
        """Announce whatever is left, as it is taken in."""
        while self.announced < self._total:
            await self.up_to(self._total)
            await self.progress(BACKLOG // 2)


async def _suffer(feed: Feed, nemesis: Nemesis, plan: Plan, tell: Tell) -> None:
    """Announce some documents before each stroke, and strike in the middle of them."""
    strokes = plan.strokes()
    for number, stroke in enumerate(strokes, start=1):
        await feed.up_to(plan.documents * number // len(strokes))
        if number == len(strokes):
            await feed.rest()
        await feed.progress(nemesis.below(AT_MOST))
        tell(f"{number}/{len(strokes)} {feed.accepted} of {feed.announced} accepted: {stroke}")
        await nemesis.strike(stroke)


def _all_there(world: Deployment, plan: Plan) -> bool:
    keys = {event.key for event in world.reader.captured()}
    return len(keys) >= plan.documents and len(world.reader.named("import.completed")) >= plan.documents


async def _ended(ships: Fleet, nemesis: Nemesis, plan: Plan, recovery: float, tell: Tell) -> Outcome:
    await asyncio.gather(*(berth.ready() for berth in ships.berths))
    codes = await ships.stop()
    verdict = await compared(ships, plan.documents)
    audit = await audited(ships)
    for told in audit.out.splitlines():
        tell(f"audit: {told}")
    line = (
        f"{verdict.line()} kills={nemesis.done[Stroke.KILL]} bounces={nemesis.bounces} zombies={nemesis.zombies} "
        f"swallowed={nemesis.swallowed} audit={audit_figure(audit)} seed={plan.seed} recovered={recovery:.1f}s"
    )
    others = not_in_order(ships, verdict, plan.documents, codes)
    idle = never_happened({"zombies": nemesis.zombies, "swallowed": nemesis.swallowed})
    return Outcome(line, [*verdict.problems, *audit_problems(audit), *nemesis.crashed, *others, *idle])
