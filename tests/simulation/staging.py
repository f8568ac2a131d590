"""What every scene has: a world with replicas at work, and somebody who watches."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.simulation.checker import Watcher, is_settled, promised, twins, violations
from tests.simulation.virtual_loop import pause
from tests.simulation.workload import Document
from tests.simulation.world import World

#: Virtual seconds until everything must have come out.
SETTLED_WITHIN = 120.0
#: Longer than the session timeout, and than an upload without a trace needs to settle and be made again.


@dataclass(slots=True)
class Scene:
    """A world with replicas at work and somebody who watches."""

    world: World
    watcher: Watcher

    async def ended(self, documents: list[Document]) -> list[str]:
        """What is broken once all has come out, or the patience is over; a twin is broken too."""
        until = self.world.loop.time() + SETTLED_WITHIN
        while not await is_settled(self.world, documents) and self.world.loop.time() < until:
            await pause(1.0)
        await pause(5.0)
        found = await violations(self.world, documents, self.watcher)
        found += [f"a twin: {what}" for what in (twins(self.world)).values()]
        return promised(self.world.delivery, found)


Play = Callable[[Scene], Awaitable[list[str]]]
#: Every scene: how many replicas, settings, what happens.
SCENES: dict[str, tuple[int, dict[str, str], Play]] = {}


def staged(replicas: int, **more: str) -> Callable[[Play], Play]:
    """Register a scene."""

    def register(play: Play) -> Play:
        SCENES[getattr(play, "__name__", "")] = (replicas, more, play)
        return play

    return register
