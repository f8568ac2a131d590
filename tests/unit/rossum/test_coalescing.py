"""Bulk reads gather behind the budget, on a virtual clock."""

import asyncio
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import pytest

from connector.errors import NotOurs, Retryable, Throttled
from connector.ports import Lane
from connector.rossum.answer import AnswerTooLargeError
from connector.rossum.budget import Budget
from connector.rossum.coalescing import CONCURRENT_CALLS, Gatherer
from tests.support.virtual_clock import VirtualClock, settle

SPACING = 2.4


class Desk:
    """A gatherer in front of a far side that knows the even ids and answers when told to."""

    def __init__(self, rate: float = 0.0, *, answers_after: float = 0.0) -> None:
        self.clock = VirtualClock()
        self.budget = Budget(rate, self.clock)
        self.gatherer: Gatherer[int, str] = Gatherer(self._fetch, budget=self.budget, clock=self.clock, spacing=SPACING)
        self.calls: list[tuple[float, Lane, list[int]]] = []
        self.errors: list[Exception] = []
        self.most_at_once = 0
        self._at_once = 0
        self._seconds = answers_after
        self._tasks: list[asyncio.Task[Any]] = []

    async def _fetch(self, ids: Sequence[int], lane: Lane) -> Mapping[int, str]:
        self.calls.append((self.clock.monotonic(), lane, list(ids)))
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            if self._seconds:
                await self.clock.elapsed(self._seconds)
            if self.errors:
                raise self.errors.pop(0)
            return {number: f"a{number}" for number in ids if number % 2 == 0}
        finally:
            self._at_once -= 1

    def occupy(self, lane: Lane, count: int = 1) -> None:
        """So many other callers wait for the budget."""
        for _ in range(count):
            self._tasks.append(asyncio.create_task(self.budget.take(lane)))

    def join(self, *ids: int, lane: Lane = Lane.READS) -> None:
        """One caller whose answer does not matter."""
        _ = self.read(*ids, lane=lane)

    def read(self, *ids: int, lane: Lane = Lane.READS) -> asyncio.Task[Any]:
        """One caller."""
        task = asyncio.create_task(self.gatherer.read(ids, lane))
        self._tasks.append(task)
        return task

    async def close(self) -> None:
        """End everything."""
        self.gatherer.close()
        self.budget.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def sizes(self) -> list[int]:
        """How many ids each call carried."""
        return [len(ids) for _, _, ids in self.calls]


async def test_callers_of_one_moment_share_one_call() -> None:
    """A hundred single reads cost one call, and each caller gets its own answer."""
    desk = Desk()

    answers = await asyncio.gather(*(desk.gatherer.read([number], Lane.READS) for number in range(100)))

    assert desk.sizes() == [100]
    assert answers[4] == {4: "a4"}
    assert answers[5] == {}


async def test_equal_ids_are_asked_for_once() -> None:
    """Several callers of one id share its answer."""
    desk = Desk()

    answers = await asyncio.gather(*(desk.gatherer.read([2, 4], Lane.READS) for _ in range(10)))

    assert desk.calls[0][2] == [2, 4]
    assert len(desk.calls) == 1
    assert answers == [{2: "a2", 4: "a4"}] * 10


async def test_a_call_carries_at_most_a_hundred() -> None:
    """A long list becomes several calls and one answer."""
    desk = Desk()

    answer = await desk.gatherer.read(range(250), Lane.READS)

    assert sorted(desk.sizes()) == [50, 100, 100]
    assert len(answer) == 125


async def test_nothing_is_asked_for_no_ids() -> None:
    """An empty read costs nothing."""
    desk = Desk()

    assert await desk.gatherer.read([], Lane.READS) == {}
    assert desk.calls == []


async def test_a_caller_never_joins_a_call_that_has_left() -> None:
    """What is under way may be older than the hint that made the caller ask."""
    desk = Desk(answers_after=1.0)
    first = desk.read(2)
    await settle()

    second = desk.read(2)
    await desk.clock.advance(2)

    assert desk.sizes() == [1, 1]
    assert (await first, await second) == ({2: "a2"}, {2: "a2"})


async def test_behind_four_calls_ids_gather() -> None:
    """Without a limit calls leave at once, but never more than four at a time."""
    desk = Desk(answers_after=1.0)
    for number in range(60):
        desk.join(number)
        await settle()

    await desk.clock.advance(3)

    assert desk.most_at_once == CONCURRENT_CALLS
    assert desk.sizes() == [1, 1, 1, 1, 56]


async def test_ids_gather_while_a_call_waits_for_its_slot() -> None:
    """With a budget everything that arrives before the slot travels with it."""
    desk = Desk(rate=1.0)
    desk.join(0)
    await settle()

    for number in range(1, 30):
        desk.join(number)
        await desk.clock.advance(0.01)
    await desk.clock.advance(1)

    assert desk.sizes() == [1, 29]


async def test_while_uploads_wait_calls_are_spaced() -> None:
    """At saturation slots belong to uploads: reads leave every 2.4 s, full of ids."""
    desk = Desk(rate=10.0)
    desk.occupy(Lane.UPLOADS, 500)

    for number in range(100):
        desk.join(number, lane=Lane.CAPTURED)
        await desk.clock.advance(0.1)

    times = [time for time, _, _ in desk.calls]
    assert len(times) <= 5
    assert all(later - time >= SPACING for time, later in pairwise(times))
    assert max(later - time for time, later in pairwise(times)) < 3.0
    await desk.close()


async def test_spacing_ends_with_the_saturation() -> None:
    """As soon as no upload waits, the next call leaves."""
    desk = Desk(rate=10.0)
    desk.occupy(Lane.UPLOADS, 6)
    desk.join(2)
    await desk.clock.advance(0.15)
    assert desk.calls
    assert desk.budget.busy

    desk.join(4)
    await desk.clock.advance(0.8)

    assert len(desk.calls) == 2
    assert desk.calls[1][0] < SPACING
    await desk.close()


async def test_a_more_urgent_caller_takes_the_waiting_ids_along() -> None:
    """A call waits in the lane of its most urgent id, and has room for the others."""
    desk = Desk(rate=1.0)
    desk.occupy(Lane.OPS)
    await settle()
    desk.join(2, lane=Lane.SWEEPS)
    await settle()

    desk.join(4, lane=Lane.CAPTURED)
    await desk.clock.advance(1)

    assert [(lane, ids) for _, lane, ids in desk.calls] == [(Lane.CAPTURED, [4, 2])]


async def test_a_failure_reaches_all_callers_and_ends_with_them() -> None:
    """The callers of a failed call learn why; the next call is unharmed."""
    desk = Desk()
    desk.errors = [NotOurs("no rights", http_status=403)]

    failed = await asyncio.gather(*(desk.gatherer.read([n], Lane.READS) for n in (2, 4)), return_exceptions=True)

    assert [type(error) for error in failed] == [NotOurs, NotOurs]
    assert await desk.gatherer.read([2], Lane.READS) == {2: "a2"}


async def test_a_throttled_call_goes_back_to_its_lane() -> None:
    """Callers of bulk reads never see a 429."""
    desk = Desk()
    desk.errors = [Throttled(retry_after=1), Throttled(retry_after=1)]

    answer = await desk.gatherer.read([2, 3], Lane.READS)

    assert answer == {2: "a2"}
    assert [ids for _, _, ids in desk.calls] == [[2, 3]] * 3


async def test_an_answer_that_is_too_large_is_asked_for_in_halves() -> None:
    """A hundred large contents do not block each other for ever."""
    desk = Desk()
    desk.errors = [AnswerTooLargeError("64 MB"), AnswerTooLargeError("64 MB")]

    answer = await desk.gatherer.read([2, 4, 6, 8], Lane.READS)

    assert len(answer) == 4
    assert desk.sizes() == [4, 2, 1, 1, 2]


async def test_ids_of_callers_that_gave_up_are_not_asked_for() -> None:
    """A cancelled caller costs nothing more."""
    desk = Desk(rate=1.0)
    desk.join(2)
    await settle()
    doomed, _ = desk.read(4, 6), desk.read(6, 8)
    await settle()

    doomed.cancel()
    await desk.clock.advance(2)

    assert [ids for _, _, ids in desk.calls] == [[2], [6, 8]]


async def test_closing_tells_whoever_waits() -> None:
    """Neither a waiting nor a travelling caller hangs."""
    desk = Desk(rate=1.0, answers_after=5.0)
    travelling = desk.read(2)
    await settle()
    waiting = desk.read(4)
    await settle()

    desk.gatherer.close()

    for caller in (travelling, waiting):
        with pytest.raises(Retryable, match="closed"):
            await caller
    await desk.close()
