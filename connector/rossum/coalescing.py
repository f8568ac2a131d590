"""Gathers reads by id: while one call waits for its slot, all further ids of its kind travel with it.

A call costs one slot whether it asks about 1 id or 100; ids are worth waiting for only while slots are scarce.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping, Sequence
from typing import Any, Generic, TypeVar

from connector.clock import Clock
from connector.errors import Retryable, Throttled
from connector.ports import Lane
from connector.rossum.answer import AnswerTooLargeError
from connector.rossum.budget import Budget
from connector.rossum.requests import LARGEST_PAGE

#: Seconds between export calls while uploads wait: at 10 calls/s some 20 documents share one, and captured
#: data is still published within 3 s.
EXPORT_SPACING = 2.4
#: Seconds between other bulk reads while uploads wait: statuses and marks are less urgent than captured data.
LIST_SPACING = 5.0
#: Calls of one kind under way at once: enough to hide the latency, few enough that ids gather behind them.
CONCURRENT_CALLS = 4

_URGENCY = {lane: place for place, lane in enumerate(Lane)}

K = TypeVar("K", bound=int)
T = TypeVar("T")
Fetch = Callable[[Sequence[K], Lane], Awaitable[Mapping[K, T]]]


class _Request(Generic[K, T]):
    """One caller: what it has been told so far, and how many ids are still to come."""

    __slots__ = ("answer", "found", "left")

    def __init__(self, left: int) -> None:
        self.answer: asyncio.Future[dict[K, T]] = asyncio.get_running_loop().create_future()
        self.found: dict[K, T] = {}
        self.left = left

    def learn(self, number: K, values: Mapping[K, T]) -> None:
        if number in values:
            self.found[number] = values[number]
        self.left -= 1
        if self.left == 0 and not self.answer.done():
            self.answer.set_result(self.found)

    def fail(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


class Gatherer(Generic[K, T]):
    """Bulk reads of one kind.

    Args:
        fetch: One call for up to 100 ids, its slot already taken; those that Rossum shows.
        spacing: Seconds between two calls while uploads wait for the budget.
    """

    def __init__(self, fetch: Fetch[K, T], *, budget: Budget, clock: Clock, spacing: float) -> None:
        self._fetch = fetch
        self._budget = budget
        self._clock = clock
        self._spacing = spacing
        self._pending: dict[Lane, dict[K, list[_Request[K, T]]]] = {lane: {} for lane in Lane}
        self._leaver: asyncio.Task[None] | None = None
        self._waits_in: Lane | None = None
        self._left_at = float("-inf")
        self._under_way: set[asyncio.Task[None]] = set()

    async def read(self, ids: Collection[K], lane: Lane) -> Mapping[K, T]:
        """Those of `ids` that Rossum shows, by calls that start after this one did: an older one may be stale.

        Raises:
            Retryable, NotOurs: The call that carried one of the ids failed.
        """
        numbers = set(ids)
        if not numbers:
            return {}
        request = _Request[K, T](len(numbers))
        for number in numbers:
            self._pending[lane].setdefault(number, []).append(request)
        self._see_to_leaving(lane)
        return await request.answer

    def close(self) -> None:
        """Stop; whoever waits is told so."""
        if self._leaver is not None:
            self._leaver.cancel()
        for task in self._under_way:
            task.cancel()
        for waiting in self._pending.values():
            _fail(waiting, _closed())
            waiting.clear()

    def _see_to_leaving(self, lane: Lane) -> None:
        """Have a call wait for its slot, in `lane` or a more urgent one."""
        if self._leaver is not None and not self._leaver.done():
            if self._waits_in is None or _URGENCY[self._waits_in] <= _URGENCY[lane]:
                return
            self._leaver.cancel()
        self._leaver = asyncio.get_running_loop().create_task(self._leave(), name="rossum-bulk-read")

    async def _leave(self) -> None:
        """Send calls until nothing is pending."""
        while self._most_urgent() is not None:
            await self._turn()
            lane = self._most_urgent()
            if lane is None:
                return
            self._waits_in = lane
            try:
                await self._budget.take(lane)
            except Retryable as error:
                self._abandon(error)
                return
            finally:
                self._waits_in = None
            if chosen := self._collect(lane):
                self._left_at = self._clock.monotonic()
                self._send(self._call(chosen, lane))

    async def _turn(self) -> None:
        """Wait until another call of this kind may queue for a slot."""
        while len(self._under_way) >= CONCURRENT_CALLS:
            await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)
        early = self._left_at + self._spacing - self._clock.monotonic()
        if early > 0 and self._budget.busy and not self._is_full():
            await _either(self._clock.sleep(early), self._budget.calm())

    def _most_urgent(self) -> Lane | None:
        return next((lane for lane, waiting in self._pending.items() if waiting), None)

    def _is_full(self) -> bool:
        return sum(map(len, self._pending.values())) >= LARGEST_PAGE

    def _collect(self, lane: Lane) -> dict[K, list[_Request[K, T]]]:
        """Take up to 100 ids: those of `lane` first, then others as far as there is room."""
        chosen: dict[K, list[_Request[K, T]]] = {}
        for waiting in sorted(self._pending.values(), key=lambda waiting: waiting is not self._pending[lane]):
            for number in list(waiting):
                if len(chosen) >= LARGEST_PAGE and number not in chosen:
                    continue
                requests = [request for request in waiting.pop(number) if not request.answer.done()]
                if requests:
                    chosen.setdefault(number, []).extend(requests)
        return chosen

    def _send(self, call: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(call)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _call(self, chosen: dict[K, list[_Request[K, T]]], lane: Lane) -> None:
        try:
            found = await self._fetched(list(chosen), lane)
        except asyncio.CancelledError:
            _fail(chosen, _closed())
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the callers must learn it
            _fail(chosen, error)
            return
        for number, requests in chosen.items():
            for request in requests:
                request.learn(number, found)

    async def _fetched(self, ids: Sequence[K], lane: Lane) -> Mapping[K, T]:
        """One call, again after each 429, in halves when the answer is too large to hold."""
        while True:
            try:
                return await self._fetch(ids, lane)
            except Throttled:
                await self._budget.take(lane)
            except AnswerTooLargeError:
                if len(ids) == 1:
                    raise
                break
        found: dict[K, T] = {}
        for half in (ids[: len(ids) // 2], ids[len(ids) // 2 :]):
            await self._budget.take(lane)
            found.update(await self._fetched(half, lane))
        return found

    def _abandon(self, error: Exception) -> None:
        for waiting in self._pending.values():
            _fail(waiting, error)
            waiting.clear()


def _closed() -> Retryable:
    return Retryable("the Rossum client was closed before the answer came")


def _fail(waiting: Mapping[K, list[_Request[K, T]]], error: Exception) -> None:
    for requests in waiting.values():
        for request in requests:
            request.fail(error)


async def _either(*waits: Coroutine[Any, Any, None]) -> None:
    """Return when the first of them does."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
