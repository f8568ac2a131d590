"""Does to a fleet what a plan says, and puts everything right again."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress

from connector.clock import SystemClock
from tests.chaos.damage import DAMAGES
from tests.chaos.plan import BOUNCES, FREEZES, SWALLOWED_AT_ONCE, Plan, Stroke
from tests.chaos.verdict import Tally, swallowed_answers
from tests.chaos.zombies import Freeze, worked_by
from tests.support.fleet import Berth, Fleet
from tests.support.kafka_broker import LocalKafka
from tests.support.kafka_requests import END_TXN
from tests.support.waiting import eventually

#: Seconds of a freeze: longer than the session timeout, so that others take over meanwhile. Some more where they are
#: slow to, as after a restart of the broker, which waits for the whole session timeout again.
FROZEN, MORE = 18.0, 60.0
#: Seconds until some replica must work partitions again after what was done to them before.
OWNED = 60.0
#: Seconds until all ordered answers must have been swallowed, as far as there are uploads.
SWALLOWED = 30.0
#: Seconds of a fault of the network, at least and at most.
BROKEN = (1.0, 6.0)
#: Seconds until a replica must have come to the moment in which it is to be frozen; it may have nothing to do.
MOMENT = 5.0
#: How a replica begins what it says when it can't start, because Kafka or Rossum is away.
A_SENTENCE = "rossum-connector: "
#: Requests that Rossum refuses in one stroke.
REFUSED = 15


class Nemesis:
    """See the module; the broker may be missing where the plan bounces none.

    Attributes:
        done: How often each stroke was made.
        swallowed: Upload answers that were swallowed, as the simulator had counted them when all was healed.
        crashed: Last words of replicas that ended by themselves, other than at their start for want of Kafka or Rossum.
    """

    def __init__(self, fleet: Fleet, broker: LocalKafka | None, plan: Plan) -> None:
        self.done: Counter[Stroke] = Counter()
        self.swallowed = Tally(0, 0)
        self.crashed: list[str] = []
        self._fleet = fleet
        self._broker = broker
        self._plan = plan
        self._left = plan.swallowed
        self._taken_over = 0
        self._chance = random.Random(plan.seed)  # noqa: S311 - which replica suffers is no secret
        self._frozen: set[int] = set()
        self._undone: set[asyncio.Task[None]] = set()

    async def strike(self, stroke: Stroke) -> None:
        """Make one stroke; what has to be put right is so by itself, seconds later."""
        await self._supervise()
        if stroke in DAMAGES:
            await self._damage(stroke)
        elif stroke in FREEZES:
            await self._freeze(stroke)
        else:
            await self._others(stroke)
        self.done[stroke] += 1

    async def _others(self, stroke: Stroke) -> None:
        match stroke:
            case Stroke.KILL:
                await self._kill()
            case Stroke.STOP_BROKER:
                await self._bounce(LocalKafka.stop)
            case Stroke.KILL_BROKER:
                await self._bounce(LocalKafka.kill)
            case Stroke.SWALLOW:
                await self._swallow()
            case Stroke.THROTTLED:
                await self._order("*", "", "retry-after:1", REFUSED)
            case Stroke.UNAVAILABLE:
                await self._order("*", "", "status:503", REFUSED)

    def below(self, count: int) -> int:
        """A number from 0, by the seed."""
        return self._chance.randrange(max(count, 1))

    async def heal(self, is_all_uploaded: Callable[[], bool]) -> None:
        """End every fault and start whoever is down.

        Args:
            is_all_uploaded: Whether no upload will come whose answer could be swallowed.
        """
        await asyncio.gather(*self._undone)
        with suppress(AssertionError):
            await eventually(lambda: self._has_swallowed_all(is_all_uploaded), within=SWALLOWED, every=0.2)
        await self._fleet.world.control("/faults", method="DELETE")
        self.swallowed = await self._count_swallowed()
        await self._supervise()

    async def _has_swallowed_all(self, is_all_uploaded: Callable[[], bool]) -> bool:
        now = await self._count_swallowed()
        return now.happened >= now.ordered or is_all_uploaded()

    async def _count_swallowed(self) -> Tally:
        met = await self._fleet.world.control("/faults")
        return Tally(swallowed_answers(met), self._plan.swallowed)

    async def _supervise(self) -> None:
        """Start again who has ended by itself, as any supervisor does."""
        for berth in self._fleet.berths:
            if not berth.alive:
                if berth.said_in_this_life("started") or not berth.last_words().startswith(A_SENTENCE):
                    self.crashed.append(f"replica {berth.number} ended by itself: {berth.last_words()}")
                await berth.launch()

    @property
    def bounces(self) -> int:
        """Restarts of the broker."""
        return sum(self.done[stroke] for stroke in BOUNCES)

    @property
    def zombies(self) -> Tally:
        """Replicas that were frozen while others took over, of all that were frozen."""
        return Tally(self._taken_over, sum(self.done[stroke] for stroke in FREEZES))

    def _victim(self) -> Berth:
        """A replica that runs."""
        return self._chance.choice(self._running())

    async def _owner(self) -> Berth:
        """A replica that works some partitions; any that runs where none does for long."""
        with suppress(AssertionError):
            await eventually(lambda: any(map(worked_by, self._running())), within=OWNED, every=0.5)
        running = self._running()
        return self._chance.choice([berth for berth in running if worked_by(berth)] or running)

    def _running(self) -> list[Berth]:
        return [berth for berth in self._fleet.berths if berth.alive and berth.number not in self._frozen]

    def _afterwards(self, seconds: float, undo: Callable[[], Awaitable[None]]) -> None:
        async def wait() -> None:
            await SystemClock().sleep(seconds)
            await undo()

        task = asyncio.create_task(wait())
        self._undone.add(task)
        task.add_done_callback(self._undone.discard)

    async def _kill(self) -> None:
        victim = self._victim()
        await victim.kill()
        await victim.launch()

    async def _bounce(self, end: Callable[[LocalKafka], None]) -> None:
        assert self._broker is not None, "there is no broker to bounce"
        await asyncio.to_thread(end, self._broker)
        await asyncio.to_thread(self._broker.start)

    async def _freeze(self, stroke: Stroke) -> None:
        # One goes on in any case: a fleet that is frozen as a whole proves nothing.
        await eventually(lambda: len(self._frozen) + 1 < len(self._fleet.berths), within=2 * (FROZEN + MORE))
        victim = await self._owner()
        with suppress(AssertionError):
            await self._moment(victim, stroke)
        victim.freeze()
        freeze = Freeze(victim.number, worked_by(victim), SystemClock().now())
        self._frozen.add(victim.number)
        self._afterwards(FROZEN, lambda: self._thaw(victim, freeze))

    async def _moment(self, victim: Berth, stroke: Stroke) -> None:
        """Wait until it is where it is to be frozen."""
        if stroke is Stroke.FREEZE_IN_TRANSACTION:
            victim.requests.hold(END_TXN)
            await eventually(lambda: victim.requests.held, within=MOMENT)
        elif stroke is Stroke.FREEZE_IN_UPLOAD:
            sent = victim.rossum.to_server.passed
            await self._order("POST", "^/uploads", "delay:3", SWALLOWED_AT_ONCE)
            await eventually(lambda: victim.rossum.to_server.passed > sent, within=MOMENT)

    async def _thaw(self, victim: Berth, freeze: Freeze) -> None:
        if freeze.held:
            with suppress(AssertionError):
                await eventually(lambda: freeze.has_successor(self._fleet.berths), within=MORE, every=0.5)
                self._taken_over += 1
        victim.requests.release()
        victim.thaw()
        self._frozen.discard(victim.number)

    async def _damage(self, stroke: Stroke) -> None:
        damage = DAMAGES[stroke]
        wire = damage.wire(self._victim())
        await damage.begin(wire)
        self._afterwards(self._chance.uniform(*BROKEN), lambda: damage.end(wire))

    async def _swallow(self) -> None:
        count = min(SWALLOWED_AT_ONCE, self._left)
        self._left -= count
        await self._order("POST", "^/uploads", "drop-after", count)

    async def _order(self, method: str, path: str, action: str, times: int) -> None:
        await self._fleet.world.control("/faults", {"method": method, "path": path, "action": action, "times": times})
