"""The API budget: every call of this process to Rossum takes its slot here first.

Rossum allows 10 requests a second and answers 429 above that (https://elis.rossum.ai/api/docs/#rate-limiting).
Slots are evenly spaced, shared fairly between the lanes, and stop for all while Rossum asks for a pause.
"""

import asyncio
from collections import deque
from collections.abc import Mapping

from connector.clock import Clock
from connector.errors import Retryable
from connector.ports import Lane
from connector.rossum.pacing import OPS_FLOOR, OPS_FLOOR_PART, AdaptiveRate, Fairness, Pacer

#: Longest pause that a `Retry-After` can impose (seconds): above it is a mistake, and we would stand still.
LONGEST_PAUSE = 600.0

_NEVER = float("inf")
_Waiter = asyncio.Future[None]


class Budget:
    """Hands out slots.

    Args:
        requests_per_second: Of the whole deployment; 0 = no limit of our own (pauses still hold).
        clock: Paces the slots.
    """

    def __init__(self, requests_per_second: float, clock: Clock) -> None:
        self._clock = clock
        self._rate = AdaptiveRate(requests_per_second)
        self._ops_floor = min(OPS_FLOOR, OPS_FLOOR_PART * requests_per_second)
        self._share = 1.0
        self._lanes: dict[Lane, deque[_Waiter]] = {lane: deque() for lane in Lane}
        self._fairness = Fairness()
        self._all = Pacer()
        self._main = Pacer()
        self._floor = Pacer()
        self._paused_until = float("-inf")
        self._pump: asyncio.Task[None] | None = None
        self._wakes_at = _NEVER
        self._calm = asyncio.Event()
        self._calm.set()

    @property
    def busy(self) -> bool:
        """Whether uploads wait for a slot: the budget is what limits throughput."""
        return bool(self._lanes[Lane.UPLOADS])

    @property
    def waiting(self) -> Mapping[Lane, int]:
        """How many wait, per lane."""
        return {lane: len(waiters) for lane, waiters in self._lanes.items()}

    @property
    def paused_for(self) -> float:
        """Seconds until Rossum's own pause ends; 0 when there is none."""
        return max(0.0, self._paused_until - self._clock.monotonic())

    @property
    def rate(self) -> float:
        """Calls a second that this process may start now; 0 = no limit."""
        return self._rate.at(self._clock.monotonic()) * self._share

    def set_share(self, fraction: float) -> None:
        """This process may use that part (0 to 1) of the configured rate; ops keep a floor."""
        self._share = min(1.0, max(0.0, fraction))
        self._reconsider()

    def pause(self, seconds: float, *, started: float) -> None:
        """Rossum answered 429: nothing starts for `seconds`, and the rate falls.

        Args:
            seconds: Its `Retry-After`.
            started: When the refused call started (monotonic); calls that were on their way together when the
                first of them was refused lower the rate once.
        """
        now = self._clock.monotonic()
        if started >= self._paused_until:
            self._rate.cut(now)
        self._paused_until = max(self._paused_until, now + min(max(seconds, 0.0), LONGEST_PAUSE))
        self._reconsider()

    async def calm(self) -> None:
        """Return as soon as no upload waits for a slot."""
        await self._calm.wait()

    async def take(self, lane: Lane) -> None:
        """Wait for a slot, in turn within the lane; a cancelled caller leaves its slot to the next.

        Raises:
            Retryable: The budget was closed meanwhile.
        """
        if not self._rate.configured and self.paused_for <= 0 and not any(self._lanes.values()):
            return
        waiter: _Waiter = asyncio.get_running_loop().create_future()
        self._lanes[lane].append(waiter)
        self._note_uploads()
        self._reconsider()
        try:
            await waiter
        except asyncio.CancelledError:
            self._withdraw(lane, waiter)
            raise

    def close(self) -> None:
        """Hand out nothing more: whoever waits is told so."""
        if self._pump is not None:
            self._pump.cancel()
        for waiters in self._lanes.values():
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_exception(Retryable("the Rossum client was closed before this call could start"))
            waiters.clear()

    def _withdraw(self, lane: Lane, waiter: _Waiter) -> None:
        """A caller was cancelled: forget it, or pass on the slot that it had been given."""
        if waiter.done() and not waiter.cancelled():
            if any(self._lanes.values()):
                self._grant(self._fairness.pick(self._waiting_lanes()))
            return
        if waiter in self._lanes[lane]:
            self._lanes[lane].remove(waiter)
            self._note_uploads()

    def _waiting_lanes(self) -> list[Lane]:
        return [lane for lane, waiters in self._lanes.items() if waiters]

    def _note_uploads(self) -> None:
        if self.busy:
            self._calm.clear()
        else:
            self._calm.set()

    def _reconsider(self) -> None:
        """Something changed: have the pump look again if that may be earlier than it would by itself."""
        if not any(self._lanes.values()):
            return
        due = self._next_start(self._clock.monotonic())
        sleeping = self._pump is not None and not self._pump.done()
        if sleeping and due >= self._wakes_at:
            return
        if self._pump is not None and sleeping:
            self._pump.cancel()
        self._wakes_at = due
        self._pump = asyncio.get_running_loop().create_task(self._run(), name="rossum-budget")

    async def _run(self) -> None:
        """Grant what is due, sleep until the next is; ends when nobody waits or nothing will come due."""
        while any(self._lanes.values()):
            now = self._clock.monotonic()
            due = self._next_start(now)
            if due <= now:
                self._start(now)
                continue
            self._wakes_at = due
            if due == _NEVER:
                return
            await self._clock.sleep(due - now)

    def _next_start(self, now: float) -> float:
        """When somebody who waits now can be given a slot (monotonic); `inf` = not as things are."""
        if not self._rate.configured:
            return self._paused_until
        rate = self._rate.at(now) * self._share
        due = self._main.due if rate > 0 else _NEVER
        if self._lanes[Lane.OPS] and rate < self._ops_floor:
            due = min(due, self._floor.due)
        return max(due, self._all.due, self._paused_until)

    def _start(self, now: float) -> None:
        """Give away the slot that is due at `now`.

        The ops floor is part of the share where the share is large enough, else it comes on top.
        """
        waiting = self._waiting_lanes()
        if not self._rate.configured:
            self._grant(self._fairness.pick(waiting))
            return
        rate = self._rate.at(now) * self._share
        overdue = Lane.OPS in waiting and self._floor.due <= now
        lane = self._fairness.pick([Lane.OPS] if overdue else waiting)
        if rate >= self._ops_floor or not overdue:
            self._main.spend(now, rate)
        if lane is Lane.OPS:
            self._floor.spend(now, self._ops_floor)
        self._all.spend(now, self._rate.configured)
        self._grant(lane)

    def _grant(self, lane: Lane) -> None:
        waiters = self._lanes[lane]
        while waiters:
            waiter = waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                break
        self._note_uploads()
