"""The periodic sweeps that this partition owns: they find what webhooks lost, and only hint."""

import asyncio
import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from connector.domain import sweep_state as rules
from connector.domain.ids import format_clock, partition_of, sweep_entity
from connector.domain.messages import Hint, Recovered, SweepNow, Swept, Via
from connector.domain.outcome import Outcome
from connector.domain.readings import CLOCKS, ListingRow
from connector.domain.rows import SweepRow
from connector.domain.sweep_outcome import SweepFacts
from connector.domain.sweep_state import Unstable, Walk
from connector.engine.committer import Committer
from connector.engine.forgetting import telling_pause
from connector.engine.hinted import Hinted
from connector.engine.ledger_view import LedgerView
from connector.engine.services import Services
from connector.engine.tickets import Ticket
from connector.errors import NotOurs, Retryable

#: The place of an interrupted pass is written this often (calls).
CALLS_A_ROW = 10
#: Seconds before a failed pass goes on.
PAUSE_AFTER_FAILURE = 5.0
#: The sweep whose quiet passes say that webhooks can be trusted again: one voice, not one for each clock.
TELLING_CLOCK = "exported_at"


def clocks_of(partition: int, partitions: int) -> list[str]:
    """The sweeps that live in this partition."""
    return [clock for clock in CLOCKS if partition_of(sweep_entity(clock), partitions) == partition]


@dataclass(slots=True)
class _Sweep:
    """One clock's sweep while this process owns it.

    Attributes:
        asked: Messages that asked for a pass at once.
        recovered: Facts that only sweeps had announced, since the last complete pass.
        told_at: When (monotonic seconds) all partitions were told how far it is.
    """

    clock: str
    hinted: Hinted
    asked: list[Ticket] = field(default_factory=list)
    asked_deep: bool = False
    recovered: int = 0
    told_at: float = -math.inf
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    def take_asked(self) -> tuple[list[Ticket], bool]:
        """What was asked for so far: the messages, and whether one of them wants the long overlap."""
        asked, deep = self.asked, self.asked_deep
        self.asked, self.asked_deep = [], False
        return asked, deep

    def ask_again(self, asked: list[Ticket], *, deep: bool) -> None:
        """It was not done."""
        self.asked = asked + self.asked
        self.asked_deep |= deep


class SweepDesk:
    """See the module."""

    def __init__(self, services: Services, view: LedgerView, committer: Committer, *, partition: int) -> None:
        self._services = services
        self._view = view
        self._committer = committer
        self._facts = SweepFacts(services.identity)
        self._sweeps = {clock: _Sweep(clock, Hinted(clock)) for clock in clocks_of(partition, services.partitions)}

    def take(self, message: SweepNow | Recovered, ticket: Ticket) -> None:
        """Somebody asks for a pass at once, or tells what a pass was good for."""
        sweep = self._sweeps.get(message.clock)
        if sweep is None or isinstance(message, Recovered):
            if sweep is not None and isinstance(message, Recovered):
                sweep.recovered += message.count
            ticket.done()
            return
        sweep.asked.append(ticket)
        sweep.asked_deep |= message.deep
        sweep.wake.set()

    async def run(self) -> None:
        """Sweep until cancelled: at once after the start, then at the configured rhythm."""
        async with asyncio.TaskGroup() as group:
            for sweep in self._sweeps.values():
                group.create_task(self._run(sweep))

    async def _run(self, sweep: _Sweep) -> None:
        while True:
            sweep.wake.clear()
            pause = self._services.push.interval(self._services.sweeps.interval)
            try:
                await self._pass(sweep)
            except (Retryable, NotOurs, Unstable) as error:
                self._services.telemetry.sweep_failed(sweep.clock, type(error).__name__)
                pause = min(pause, PAUSE_AFTER_FAILURE)
            try:
                async with asyncio.timeout(pause):
                    await sweep.wake.wait()
            except TimeoutError:
                pass

    async def _pass(self, sweep: _Sweep) -> None:
        services = self._services
        started = services.clock.monotonic()
        row = self._row(sweep.clock)
        asked, deep = sweep.take_asked()
        try:
            now = await services.rossum.server_time()
            walk = rules.next_walk(row, services.sweeps, now, deep=deep)
            walk = await self._walk_through(sweep, row, walk)
        except BaseException:
            sweep.ask_again(asked, deep=deep)
            raise
        if deep and not walk.deep:
            # An interrupted pass or a catch-up went first; what was asked for follows at once.
            sweep.ask_again(asked, deep=True)
            sweep.wake.set()
            asked = []
        before, row = row, rules.completed(row, walk)
        recovered, sweep.recovered = sweep.recovered, 0
        # The end of the window names the event: a pass that moves no watermark would name an old one again.
        moved = row.watermark > before.watermark
        outcome = self._facts.completed(row, walk, recovered=recovered)
        self._committer.submit(outcome if moved else replace(outcome, events=()), asked)
        self._forget(sweep, row.watermark)
        seconds = services.clock.monotonic() - started
        services.telemetry.sweep_pass(sweep.clock, (walk.seen, walk.new, recovered), seconds)
        if sweep.clock == TELLING_CLOCK and not recovered:
            services.push.quiet()
        if services.push.has_news():
            services.telemetry.circuit("push", open=services.push.is_down, reason=f"loss {services.push.loss:.0%}")
        await self._tell(sweep, row.watermark)

    async def _tell(self, sweep: _Sweep, watermark: str) -> None:
        """Tell all partitions now and then what was hinted; no later pass looks further back."""
        services, now = self._services, self._services.clock.monotonic()
        if now - sweep.told_at < telling_pause(services.retention):
            return
        overlap = timedelta(seconds=max(services.sweeps.overlap, services.sweeps.deep_overlap))
        until = format_clock(datetime.fromisoformat(watermark) - overlap)
        await services.work.send([Swept(partition, sweep.clock, until) for partition in range(services.partitions)])
        sweep.told_at = now

    def _row(self, clock: str) -> SweepRow:
        sweeps = self._services.sweeps
        row = self._view.sweep_row(sweep_entity(clock))
        return row or SweepRow(clock, watermark=sweeps.start, queues=tuple(sweeps.queues))

    async def _walk_through(self, sweep: _Sweep, row: SweepRow, walk: Walk) -> Walk:
        calls = 0
        while True:
            page = await self._services.rossum.list_annotations(rules.listing(walk))
            step = rules.advance(walk, page)
            new = sweep.hinted.news(step.fresh)
            if new:
                await self._services.work.send(_hints(new))
                self._services.telemetry.hints_written(Via.SWEEP, len(new))
                sweep.hinted.add(new)
            walk = replace(step.walk, new=step.walk.new + len(new))
            if step.done:
                return walk
            calls += 1
            if calls % CALLS_A_ROW == 0:
                saved = replace(row, walk=walk.saved())
                self._committer.submit(Outcome(rows={sweep_entity(sweep.clock): saved}))

    def _forget(self, sweep: _Sweep, watermark: str) -> None:
        """Drop what no later pass will list again."""
        overlap = timedelta(seconds=self._services.sweeps.deep_overlap + 60)
        sweep.hinted.forget_before(format_clock(datetime.fromisoformat(watermark) - overlap))


def _hints(rows: Iterable[ListingRow]) -> list[Hint]:
    return [Hint(row.id, Via.SWEEP, row.status, row.queue, row.clocks) for row in rows]
