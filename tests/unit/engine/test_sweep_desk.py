"""What a sweep does about those who ask for a pass at once."""

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

from connector.contracts.catalogue import TopicRole
from connector.domain.identity import Identity
from connector.domain.ids import QueueId, event_namespace, format_clock, sweep_entity
from connector.domain.messages import SweepNow
from connector.domain.push_health import PushHealth
from connector.domain.readings import Listing, ListingPage
from connector.domain.rows import SweepRow
from connector.domain.sweep_state import SweepPolicy, Walk
from connector.engine.sweep_desk import SweepDesk
from connector.engine.tickets import Ticket
from tests.support.virtual_clock import START, settle
from tests.unit.engine.forgetful_partition import Partition

CLOCK = "exported_at"
BEFORE = START - timedelta(minutes=1)
POLICY = SweepPolicy(
    (QueueId(1),), 60, 5, overlap=30, deep_interval=900, deep_overlap=600, start=format_clock(START - timedelta(days=1))
)


class Swept(Partition):
    """A partition with a sweep whose last pass was interrupted; Rossum shows nothing, and waits for its cue."""

    def __init__(self, *, queues: tuple[int, ...] = (1,), walk: Walk | None = None) -> None:
        saved = None if walk is None else walk.saved()
        row = SweepRow(CLOCK, format_clock(BEFORE), queues, deep_at=format_clock(BEFORE), walk=saved)
        super().__init__({sweep_entity(CLOCK): row})
        self.windows: list[tuple[float, float]] = []
        self.cue = asyncio.Event()
        services = SimpleNamespace(
            partitions=1,
            rossum=self,
            work=self.log,
            telemetry=self.telemetry,
            clock=self.time,
            identity=Identity(event_namespace(1), "https://example.test/api/v1"),
            sweeps=POLICY,
            retention=1e9,
            push=PushHealth(self.time.monotonic, 60.0),
        )
        self.desk = SweepDesk(cast("Any", services), self.view, self.committer, partition=0)

    async def server_time(self) -> datetime:
        """Rossum's time."""
        return self.now()

    async def list_annotations(self, listing: Listing) -> ListingPage:
        """Nothing there."""
        if listing.clock == CLOCK:
            bounds = [datetime.fromisoformat(bound) for bound in (listing.after, listing.before)]
            self.windows.append(((START - bounds[0]).total_seconds(), (START - bounds[1]).total_seconds()))
            await self.cue.wait()
        return ListingPage((), 0, more=False, at=self.now())

    def ask(self) -> None:
        """Somebody wants a deep pass."""
        tracker = self.trackers[TopicRole.WORK]
        tracker.deliver(offset := tracker.position, now=0)
        self.desk.take(SweepNow(CLOCK, deep=True), Ticket(TopicRole.WORK, tracker, offset, remaining=1))

    async def passes(self, *, asked_during: bool = False) -> int:
        """What it does at once; the offset below which all is finished."""
        tasks = [asyncio.create_task(self.committer.run()), asyncio.create_task(self.desk.run())]
        await settle()
        if asked_during:
            self.ask()
        self.cue.set()
        await self.time.advance(5)
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        return self.trackers[TopicRole.WORK].committable


async def test_a_deep_pass_that_was_asked_for_follows_an_interrupted_one() -> None:
    """That one had an old window."""
    walk = Walk.begin(CLOCK, [1], after=START - timedelta(seconds=200), before=START - timedelta(seconds=100))
    one = Swept(walk=walk)
    one.ask()

    finished = await one.passes()

    assert one.windows == [(200, 100), (660, 5)]
    assert finished == 1


async def test_a_deep_pass_that_was_asked_for_follows_a_catch_up() -> None:
    """Of a queue that is new."""
    one = Swept(queues=())
    one.ask()

    finished = await one.passes()

    assert [window[0] for window in one.windows] == [86_400, 660]
    assert finished == 1


async def test_a_deep_pass_that_is_asked_for_during_another_is_not_forgotten() -> None:
    """The one under way has its window already."""
    one = Swept()

    finished = await one.passes(asked_during=True)

    assert one.windows == [(90, 5), (605, 5)]
    assert finished == 1
