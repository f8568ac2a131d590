"""A partition that forgets: the real parts of an owner over a state in memory, and Kafka in a list."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from connector.contracts.arrivals import ArrivalsLeft, Coordinates
from connector.contracts.catalogue import TopicRole
from connector.domain.ids import format_clock
from connector.domain.messages import Swept, WorkMessage
from connector.domain.readings import CLOCKS
from connector.domain.rows import AnyRow
from connector.engine.committer import Committer
from connector.engine.forgetting import Forgetting, Ways
from connector.engine.ledger_view import LedgerView
from connector.engine.offsets import OffsetTracker
from connector.errors import KafkaUnavailable
from connector.ports import Batch, InnerRecord
from connector.state.memory import MemoryState
from connector.telemetry import Telemetry
from tests.support.virtual_clock import START, VirtualClock

RETENTION = 100.0
FLOOR = "floor/7"


def clock(seconds: float) -> str:
    """Clock text of the virtual time."""
    return format_clock(START + timedelta(seconds=seconds))


@dataclass
class Log:
    """Kafka in a list: what was committed, and what it says of the arrivals topic."""

    left: ArrivalsLeft = field(default_factory=lambda: ArrivalsLeft({}, 0))
    batches: list[Batch] = field(default_factory=list)
    asked: list[set[str]] = field(default_factory=list)
    away: bool = False
    owner: str | None = None

    async def commit(self, batch: Batch) -> int:
        """Take it."""
        self.batches.append(batch)
        return len(self.batches)

    async def left_of_arrivals(self, places: Collection[str]) -> ArrivalsLeft:
        """What it was told to say."""
        self.asked.append({*places})
        if self.away:
            raise KafkaUnavailable("away")
        return self.left

    @property
    def removals(self) -> list[Batch]:
        """What forgets something; the others move offsets."""
        return [batch for batch in self.batches if None in batch.rows.values()]

    async def read_copy(self, offset: int) -> InnerRecord | None:
        """Nothing asks for it."""
        raise NotImplementedError(offset)

    async def read_arrival(self, at: Coordinates) -> InnerRecord | None:
        """Nothing asks for it."""
        raise NotImplementedError(at)

    async def close(self) -> None:
        """Nothing to let go of."""

    async def send(self, messages: Iterable[WorkMessage]) -> None:
        """Nobody else is here."""
        del messages


@dataclass
class Partition:
    """One that forgets; its rows are committed long before."""

    rows: dict[str, AnyRow]
    log: Log = field(default_factory=Log)
    time: VirtualClock = field(default_factory=VirtualClock)
    busy: set[str] = field(default_factory=set)
    telemetry: Telemetry = field(default_factory=Telemetry)
    rossum_is_ahead: float = 0.0

    def __post_init__(self) -> None:
        """Build it."""
        state = MemoryState()
        state.apply(self.rows, ledger_end=1)
        self.trackers = {role: OffsetTracker(0) for role in (TopicRole.IMPORTS, TopicRole.WORK)}
        self.view = LedgerView(state, 7)
        self.committer = Committer(
            7,
            log=self.log,
            view=self.view,
            work=self.log,
            trackers=self.trackers,
            encode=lambda _event: [],
            telemetry=self.telemetry,
            clock=self.time,
            now=self.now,
            max_bytes=10_000,
        )
        self.forgetting = Forgetting(
            7,
            view=self.view,
            committer=self.committer,
            log=self.log,
            trackers=self.trackers,
            ways=Ways(self.busy.__contains__, lambda: True, self.now),
            retention=RETENTION,
            telemetry=self.telemetry,
            clock=self.time,
        )

    def now(self) -> datetime:
        """Rossum's time."""
        return self.time.now() + timedelta(seconds=self.rossum_is_ahead)

    def swept(self, until: str, *clocks: str) -> None:
        """The sweeps say how far they are; what lies before is decided."""
        for name in clocks or CLOCKS:
            self.trackers[TopicRole.WORK].deliver(offset := self.trackers[TopicRole.WORK].position, now=0)
            self.trackers[TopicRole.WORK].finish(offset)
            self.forgetting.take(Swept(7, name, until), offset)

    @property
    def left(self) -> set[str]:
        """Entities that still have a row."""
        return {entity for entity, _ in self.view.state.items()} - {FLOOR}

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Committer and forgetting run."""
        tasks = [asyncio.create_task(self.committer.run()), asyncio.create_task(self.forgetting.run())]
        yield
        for task in tasks:
            assert not task.done(), task
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
