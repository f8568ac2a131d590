"""Callers that wait for an API budget on a virtual clock."""

import asyncio
from collections import Counter

from connector.ports import Lane
from connector.rossum.budget import Budget
from tests.support.virtual_clock import VirtualClock


class Crowd:
    """Callers of a budget, and when each of them started."""

    def __init__(self, rate: float, *, late: float = 0.0) -> None:
        self.clock = VirtualClock(late=late)
        self.budget = Budget(rate, self.clock)
        self.starts: list[tuple[float, Lane]] = []
        self._tasks: list[asyncio.Task[None]] = []

    def join(self, lane: Lane, count: int = 1) -> list[asyncio.Task[None]]:
        """That many more callers wait in a lane."""
        tasks = [asyncio.create_task(self._call(lane)) for _ in range(count)]
        self._tasks += tasks
        return tasks

    async def _call(self, lane: Lane) -> None:
        await self.budget.take(lane)
        self.starts.append((self.clock.monotonic(), lane))

    async def disperse(self) -> None:
        """Let nobody wait after the test."""
        self.budget.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def busiest_second(self) -> int:
        """The most starts in any sliding second."""
        times = [time for time, _ in self.starts]
        return max((sum(first <= time < first + 1 for time in times) for first in times), default=0)

    def lanes(self) -> Counter[Lane]:
        """Starts per lane."""
        return Counter(lane for _, lane in self.starts)
