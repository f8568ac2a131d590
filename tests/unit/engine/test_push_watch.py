"""One replica watches Rossum's hook and its log of calls: what it counts, and what is left when another one does."""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

from connector.domain.hook_plan import FoundHook, WantedHook
from connector.domain.messages import WorkMessage
from connector.domain.push_health import PushHealth
from connector.domain.readings import CLOCKS, HookCall
from connector.engine.push_watch import FIRST_LOOK, LOOK_EVERY, PushWatch
from connector.telemetry import Telemetry
from tests.support.virtual_clock import VirtualClock

WANTED = WantedHook(
    "ours", "https://here.test/hooks/rossum", frozenset({"annotation_status.changed"}), frozenset({1}), "s"
)
FOUND = FoundHook(
    7,
    WANTED.name,
    WANTED.url,
    active=True,
    events=WANTED.events,
    queues=WANTED.queues,
    token_owner=None,
    secret=WANTED.secret,
    config={},
)


@dataclass
class Rossum:
    """Its hooks and its log of calls; whatever is sent to sweeps."""

    found: list[FoundHook] = field(default_factory=list)
    calls: list[HookCall] = field(default_factory=list)
    sent: list[WorkMessage] = field(default_factory=list)

    async def hooks(self) -> Sequence[FoundHook]:
        """As told."""
        return self.found

    async def hook_calls(self, _hook: int) -> Sequence[HookCall]:
        """As told."""
        return self.calls

    async def send(self, messages: Iterable[WorkMessage]) -> None:
        """Take them."""
        self.sent += messages


class Watched:
    """A watch at work."""

    def __init__(self, *calls: HookCall, found: Sequence[FoundHook] = ()) -> None:
        self.time, self.telemetry = VirtualClock(), Telemetry()
        self.rossum = Rossum([*found], [*calls])
        self.push = PushHealth(self.time.monotonic, 60.0)
        services = SimpleNamespace(
            clock=self.time,
            telemetry=self.telemetry,
            rossum=self.rossum,
            work=self.rossum,
            hook=WANTED,
            push=self.push,
        )
        self._task = asyncio.create_task(PushWatch(cast("Any", services)).run())

    async def look(self) -> None:
        """The next one, or the first."""
        await self.time.advance(max(FIRST_LOOK, LOOK_EVERY))

    async def over(self) -> None:
        """The partition goes."""
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    def count(self, outcome: str) -> float | None:
        """Calls counted as that."""
        return self.telemetry.registry.get_sample_value("rossum_connector_hook_calls_total", {"outcome": outcome})

    def drift(self, kind: str) -> float | None:
        """The gauge."""
        return self.telemetry.registry.get_sample_value("rossum_connector_hook_drift", {"kind": kind})


async def test_a_replica_that_watches_no_more_shows_no_drift() -> None:
    """Whoever has the partition now tells; the gauge would stand for the life of the process."""
    one = Watched()

    await one.look()
    seen = one.drift("missing")
    await one.over()

    assert (seen, one.drift("missing")) == (1, 0)


async def test_a_call_is_counted_when_it_is_over() -> None:
    """One that runs when it is seen first may still fail, and then the sweeps look at once."""
    one = Watched(HookCall("a", failed=False, runs=True), HookCall("b", failed=False, runs=True), found=[FOUND])

    await one.look()
    before = (one.count("taken"), one.count("lost"))
    one.rossum.calls = [HookCall("a", failed=True), HookCall("b", failed=False)]
    await one.look()
    await one.look()
    await one.over()

    assert before == (0, 0)
    assert (one.count("taken"), one.count("lost")) == (1, 1)
    assert len(one.rossum.sent) == len(CLOCKS)


async def test_a_call_that_is_tried_again_is_not_over() -> None:
    """Under the same request id; what it comes to is what counts."""
    one = Watched(HookCall("a", failed=False, runs=True), HookCall("a", failed=True), found=[FOUND])

    await one.look()
    one.rossum.calls = [HookCall("a", failed=False), HookCall("a", failed=True)]
    await one.look()
    await one.over()

    assert (one.count("taken"), one.count("lost"), one.rossum.sent) == (1, 0, [])


async def test_a_call_is_counted_once() -> None:
    """Although it is tried again, and shown as running meanwhile."""
    one = Watched(HookCall("a", failed=True), found=[FOUND])

    for again in (HookCall("a", failed=False, runs=True), HookCall("a", failed=True)):
        await one.look()
        one.rossum.calls = [again, HookCall("a", failed=True)]
    await one.look()
    await one.over()

    assert (one.count("taken"), one.count("lost")) == (0, 1)
