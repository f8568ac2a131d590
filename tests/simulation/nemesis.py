"""What goes wrong in a simulated world, and when: chosen by the seed, undone at the end."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from tests.simulation.network import Trouble
from tests.simulation.virtual_loop import pause
from tests.simulation.world import FIRST_WEBHOOK_PORT, Replica, World

Fault = Callable[["Nemesis"], Coroutine[Any, Any, None]]
_FAULTS: list[Fault] = []
#: Rossum at its best, and each of its nasty habits.
CALM = {
    "list_lag": 0.0,
    "task_delay": 0.2,
    "overwrite_metadata": False,
    "null_clocks": False,
    "clock_delay": 0.0,
    "tied_clocks": 0,
    "filter_seconds": False,
    "bounds_inclusive": False,
    "rename_files": False,
}
HABITS: list[dict[str, float]] = [
    {"list_lag": 3.0},
    {"list_lag": 3.0},
    {"task_delay": 5.0},
    {"overwrite_metadata": True},
    {"null_clocks": True},
    {"clock_delay": 3.0},
    {"tied_clocks": 3},
    {"filter_seconds": True},
    {"bounds_inclusive": True},
    {"rename_files": True},
]


def fault(often: int = 1) -> Callable[[Fault], Fault]:
    """Register a kind of fault, `often` times as likely as the rarest."""

    def register(function: Fault) -> Fault:
        _FAULTS.extend([function] * often)
        return function

    return register


@dataclass(slots=True)
class Nemesis:
    """Does harm; counts what it did."""

    world: World
    places: int
    done: dict[str, int] = field(default_factory=dict)

    async def rage(self, count: int, seconds: float) -> None:
        """So many faults over so long a time, then heal everything."""
        loop = self.world.loop
        tasks: list[asyncio.Task[None]] = []
        for _ in range(count):
            await pause(self.world.random.uniform(0, 2 * seconds / count))
            chosen = self.world.random.choice(_FAULTS)
            self.done[chosen.__name__] = self.done.get(chosen.__name__, 0) + 1
            self.world.say(f"fault {chosen.__name__}")
            tasks.append(loop.create_task(chosen(self)))
        for task in tasks:
            await task
        await self.heal()

    async def heal(self) -> None:
        """All is well again."""
        world = self.world
        world.broker.is_up, world.broker.markers_late = True, 0.0
        world.wire.lost_requests = world.wire.lost_answers = world.wire.late_commits = 0.0
        world.wire.slow = 1.0
        world.wire.cut_off.clear()
        world.network.trouble.clear()
        for name in list(world.loop.frozen):
            world.loop.thaw(name)
        for place in range(self.places):
            if all(replica.index != place for replica in world.replicas):
                world.start_replica(place)
        await world.control("/faults", method="DELETE")
        await world.control("/hooks", {"loss": 0.0, "duplicate": 0.0, "reorder": 0.0, "delay": 0.0})
        await world.control("/behaviour", CALM)
        world.say("healed")

    def victim(self) -> Replica | None:
        """A replica that runs."""
        running = [replica for replica in self.world.replicas if self.world.loop.runs(replica.name)]
        return self.world.random.choice(running) if running else None

    def lasting(self, most: float) -> float:
        """Seconds that a fault lasts: short ones are more likely."""
        return self.world.random.random() ** 2 * most


@fault(often=4)
async def kill(nemesis: Nemesis) -> None:
    """Kill -9; an orchestrator starts another soon."""
    victim = nemesis.victim()
    if victim is None:
        return
    nemesis.world.kill(victim)
    await pause(nemesis.world.random.uniform(0.2, 3.0))
    if all(replica.index != victim.index for replica in nemesis.world.replicas):
        nemesis.world.start_replica(victim.index)


@fault(often=3)
async def freeze(nemesis: Nemesis) -> None:
    """SIGSTOP, often longer than the session timeout, then SIGCONT."""
    victim = nemesis.victim()
    if victim is None:
        return
    nemesis.world.say(f"freeze {victim.name}")
    nemesis.world.loop.freeze(victim.name)
    await pause(nemesis.world.random.choice([0.5, 3.0, 17.0, 25.0]))
    nemesis.world.say(f"thaw {victim.name}")
    nemesis.world.loop.thaw(victim.name)


@fault()
async def restart(nemesis: Nemesis) -> None:
    """SIGTERM and a new start, as in a rollout."""
    victim = nemesis.victim()
    if victim is None:
        return
    victim.stop.set()
    await pause(nemesis.world.random.uniform(1.0, 6.0))
    if victim in nemesis.world.replicas:
        nemesis.world.kill(victim)
    if all(replica.index != victim.index for replica in nemesis.world.replicas):
        nemesis.world.start_replica(victim.index)


@fault(often=2)
async def broker_away(nemesis: Nemesis) -> None:
    """Nobody reaches the broker."""
    nemesis.world.broker.is_up = False
    await pause(nemesis.lasting(20.0))
    nemesis.world.broker.is_up = True


@fault(often=2)
async def calls_lost(nemesis: Nemesis) -> None:
    """Sends and commits get lost before or after they took effect."""
    wire = nemesis.world.wire
    wire.lost_requests, wire.lost_answers = 0.05, 0.05
    await pause(nemesis.lasting(5.0))
    wire.lost_requests = wire.lost_answers = 0.0


@fault(often=2)
async def markers_late(nemesis: Nemesis) -> None:
    """Transactions are decided long before readers hear of it."""
    nemesis.world.broker.markers_late = 2.0
    await pause(nemesis.lasting(10.0))
    nemesis.world.broker.markers_late = 0.0


@fault()
async def ledger_compacted(nemesis: Nemesis) -> None:
    """The cleaner runs."""
    broker = nemesis.world.broker
    for place in broker.logs:
        if place.topic.endswith("ledger"):
            broker.clean(place)


@fault(often=2)
async def way_to_rossum(nemesis: Nemesis) -> None:
    """Bytes to and from Rossum are late, swallowed, or the connection is reset."""
    world = nemesis.world
    port = int(world.simulator.base_url.split(":")[2].split("/")[0])
    world.network.trouble[port] = world.random.choice(
        [Trouble(delay=1.0), Trouble(reset=0.1), Trouble(swallow=0.05), Trouble(reset=0.3)]
    )
    await pause(nemesis.lasting(8.0))
    world.network.trouble.pop(port, None)


@fault()
async def way_to_us(nemesis: Nemesis) -> None:
    """Webhooks have the same trouble."""
    world = nemesis.world
    port = FIRST_WEBHOOK_PORT + world.random.randrange(nemesis.places)
    world.network.trouble[port] = world.random.choice([Trouble(delay=2.0), Trouble(reset=0.5), Trouble(swallow=0.5)])
    await pause(nemesis.lasting(10.0))
    world.network.trouble.pop(port, None)


@fault(often=4)
async def uploads_fail(nemesis: Nemesis) -> None:
    """Rossum takes an upload and does not say so, or says no for now, or breaks it off."""
    random = nemesis.world.random
    action = random.choice(["drop-after", "drop-after", "drop-before", "status:503", "status:500", "retry-after:2"])
    body = {"method": "POST", "path": "/uploads", "action": action, "times": random.randint(1, 3)}
    await nemesis.world.control("/faults", body)


@fault(often=2)
async def reads_fail(nemesis: Nemesis) -> None:
    """Answers to reads make no sense or do not come."""
    random = nemesis.world.random
    action = random.choice(
        ["status:503", "status:502", "garbage", "truncate", "drop-after", "delay:3", "retry-after:1"]
    )
    path = random.choice(["/annotations", "/documents", "/queues/.*/export", "/tasks/.*", ".*"])
    body = {"method": "GET", "path": path, "action": action, "times": random.randint(1, 4)}
    await nemesis.world.control("/faults", body)


@fault(often=2)
async def hooks_fail(nemesis: Nemesis) -> None:
    """Webhooks are lost, doubled, reordered."""
    random = nemesis.world.random
    await nemesis.world.control("/hooks", {"loss": random.choice([0.3, 1.0]), "duplicate": 0.3, "reorder": 0.3})
    await pause(nemesis.lasting(20.0))
    await nemesis.world.control("/hooks", {"loss": 0.0, "duplicate": 0.0, "reorder": 0.0})


@fault(often=3)
async def habits(nemesis: Nemesis) -> None:
    """Rossum shows one of its nasty habits."""
    habit = nemesis.world.random.choice(HABITS)
    await nemesis.world.control("/behaviour", habit)
    await pause(nemesis.lasting(15.0))
    await nemesis.world.control("/behaviour", {name: CALM[name] for name in habit})


@fault()
async def clock_jumps(nemesis: Nemesis) -> None:
    """The wall clock of a replica is wrong for a while."""
    victim = nemesis.victim()
    if victim is not None:
        victim.clock.skew = nemesis.world.random.choice([-3600.0, -600.0, 600.0])
        await pause(nemesis.lasting(20.0))
        victim.clock.skew = 0.0
