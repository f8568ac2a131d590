"""A clock that a test moves: sleepers wake in the order of their time, and nothing ever waits for real."""

import asyncio
import heapq
import itertools
from datetime import UTC, datetime, timedelta

START = datetime(2026, 1, 1, tzinfo=UTC)
#: Turns of the event loop after which everything that is not waiting for this clock has had its say.
_TURNS = 30


class VirtualClock:
    """Implements `connector.clock.Clock`; `late` seconds are added to each wake-up, as real timers do."""

    def __init__(self, *, late: float = 0.0) -> None:
        self._now = 0.0
        self._late = late
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        """The wall clock: 2026-01-01 plus what has passed."""
        return START + timedelta(seconds=self._now)

    def monotonic(self) -> float:
        """Seconds since the start."""
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Wait until the test has moved the clock that far."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + max(0.0, seconds) + self._late, next(self._order), waiter))
        await waiter

    async def elapsed(self, seconds: float) -> None:
        """The same, for far sides that a test plays itself."""
        await self.sleep(seconds)

    async def advance(self, seconds: float) -> None:
        """Move on, waking each sleeper at its own time and letting what it starts come to rest."""
        end = self._now + seconds
        await settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            due, _, waiter = heapq.heappop(self._sleepers)
            if not waiter.done():
                self._now = max(self._now, due)
                waiter.set_result(None)
                await settle()
        self._now = end


async def settle() -> None:
    """Let every task run until it waits for something."""
    loop = asyncio.get_running_loop()
    for _ in range(_TURNS):
        turn = loop.create_future()
        loop.call_soon(turn.set_result, None)
        await turn
