"""The owner of one work partition: the only writer of its entities.

Messages come in by :meth:`Owner.deliver`, which never waits; three desks decide; one committer makes it true. The
first error of a commit ends the ownership: what is in memory may be ahead of or behind the log then, and only a
restore tells.
"""

from collections.abc import Mapping, Sequence

from connector.contracts.catalogue import TopicRole
from connector.domain.ids import AnnotationId, ImportId
from connector.domain.messages import (
    Hint,
    Linked,
    MarkSeen,
    NotYours,
    Recovered,
    SweepNow,
    Swept,
    TwinOf,
    WorkMessage,
    decode_work,
)
from connector.domain.rows import AnnotationRow
from connector.engine.annotation_desk import AnnotationDesk
from connector.engine.committer import Committer, Encode
from connector.engine.crew import Crew
from connector.engine.forgetting import Forgetting, Ways
from connector.engine.import_desk import ImportDesk
from connector.engine.ledger_view import LedgerView
from connector.engine.offsets import OffsetTracker
from connector.engine.push_watch import WATCHED_BY, PushWatch
from connector.engine.services import Services
from connector.engine.sweep_desk import SweepDesk
from connector.engine.tickets import Ticket
from connector.ports import InnerRecord, PartitionLog, State

#: Messages of `work` that may be undecided; reading pauses above and goes on below half of it.
UNDECIDED_LIMIT = 20_000
#: Seconds between two looks at the open set.
OPEN_TICK = 2.0
#: Open annotations of a restored partition are spread over this many seconds.
OPEN_SPREAD = 60.0


class Owner:
    """See the module."""

    def __init__(  # noqa: PLR0913 - where the parts of an owner meet
        self,
        partition: int,
        *,
        services: Services,
        log: PartitionLog,
        state: State,
        positions: Mapping[TopicRole, int],
        encode: Encode,
    ) -> None:
        self.partition = partition
        self.trackers = {role: OffsetTracker(position) for role, position in positions.items()}
        self._services = services
        self._log = log
        self._view = LedgerView(state, partition)
        self._lost = False
        self._stopping = False
        self._crew = Crew()
        self._committer = Committer(
            partition,
            log=log,
            view=self._view,
            work=services.work,
            trackers=self.trackers,
            encode=encode,
            telemetry=services.telemetry,
            clock=services.clock,
            now=services.rossum.now,
            max_bytes=services.record_bytes,
        )
        self.annotations = AnnotationDesk(services, self._view, self._committer, spawn=self._crew.take)
        self.imports = ImportDesk(
            services, self._view, self._committer, log, spawn=self._crew.take, gate=self._still_ours
        )
        self._sweeps = SweepDesk(services, self._view, self._committer, partition=partition)
        self._forgetting = Forgetting(
            partition,
            view=self._view,
            committer=self._committer,
            log=log,
            trackers=self.trackers,
            ways=Ways(self._is_busy, lambda: not self._stopping and not self._work_paused, services.rossum.now),
            retention=services.retention,
            telemetry=services.telemetry,
            clock=services.clock,
        )
        self._work_paused = False

    @property
    def state(self) -> State:
        """The committed rows."""
        return self._view.state

    @property
    def positions(self) -> Mapping[TopicRole, int]:
        """Where reading goes on."""
        return {role: tracker.position for role, tracker in self.trackers.items()}

    @property
    def committable(self) -> Mapping[TopicRole, int]:
        """Below these offsets everything is finished."""
        return {role: tracker.committable for role, tracker in self.trackers.items()}

    @property
    def trimmable(self) -> Mapping[TopicRole, int]:
        """Offsets that this ownership has committed and below which no row of it holds anything."""
        offsets = dict(self._committer.committed)
        held = self.state.lowest_held()
        if held is not None and TopicRole.IMPORTS in offsets:
            offsets[TopicRole.IMPORTS] = min(offsets[TopicRole.IMPORTS], held)
        return offsets

    def wants(self, role: TopicRole) -> bool:
        """Whether more records of that log should be read now."""
        if self._stopping:
            return False
        if role is TopicRole.IMPORTS:
            in_flight = self.trackers[role].messages
            return in_flight < self._services.imports.in_flight and self.imports.wants_more
        limit = UNDECIDED_LIMIT // 2 if self._work_paused else UNDECIDED_LIMIT
        self._work_paused = self.trackers[role].messages >= limit or self._committer.is_full
        return not self._work_paused

    def deliver(self, role: TopicRole, records: Sequence[InnerRecord]) -> None:
        """Take in records of one log, in offset order; those delivered before are left out.

        Never raises, since the caller reads for all partitions: what fails here ends this ownership alone. The record
        at which it failed stays unfinished, and those after it were not delivered, so that the next owner reads them.
        """
        try:
            self._deliver(role, records)
        except Exception as error:  # noqa: BLE001 - raised where the owner's own work fails
            self._crew.take(_fail(error))

    def _deliver(self, role: TopicRole, records: Sequence[InnerRecord]) -> None:
        tracker = self.trackers[role]
        now = self._services.clock.monotonic()
        for record in records:
            if not tracker.deliver(record.offset, now=now):
                continue
            if role is TopicRole.IMPORTS:
                self.imports.take_copy(record, Ticket(role, tracker, record.offset, remaining=1))
            else:
                self._take_work(record, tracker)

    def _take_work(self, record: InnerRecord, tracker: OffsetTracker) -> None:
        try:
            messages = decode_work(record.value or b"[]")
        except ValueError:
            # Only this product writes here; what it can't read holds no authority and nothing is lost by passing on.
            messages = []
        ticket = Ticket(TopicRole.WORK, tracker, record.offset, remaining=max(len(messages), 1))
        if not messages:
            ticket.done()
        for message in messages:
            self._take(message, ticket)

    def _take(self, message: WorkMessage, ticket: Ticket) -> None:
        match message:
            case Hint() | Linked() | TwinOf():
                self.annotations.take(message, ticket)
            case MarkSeen():
                self.imports.take_mark(message, ticket)
            case NotYours():
                self.imports.take_refusal(message, ticket)
            case SweepNow() | Recovered():
                self._sweeps.take(message, ticket)
            case Swept():
                ticket.done()
                self._forgetting.take(message, ticket.offset)

    def _is_busy(self, entity: str) -> bool:
        kind, _, number = entity.partition("/")
        return (
            AnnotationId(int(number)) in self.annotations if kind == "annotation" else ImportId(number) in self.imports
        )

    def _still_ours(self) -> bool:
        return not self._lost and self._services.lease.holds

    def lose(self) -> None:
        """The partition is somebody else's now: nothing may be finished any more."""
        self._lost = True

    async def run(self) -> None:
        """Work until cancelled.

        Raises:
            ExceptionGroup: Holding `PartitionLost`, `KafkaUnavailable` or `StateFailed`: the ownership is over.
        """
        try:
            async with self._crew.working():
                self._restore_open()
                self._crew.take(self._committer.run())
                self._crew.take(self.annotations.run())
                self._crew.take(self.imports.run())
                self._crew.take(self._sweeps.run())
                self._crew.take(self._reread_open())
                self._crew.take(self._forgetting.run())
                if self.partition == WATCHED_BY:
                    self._crew.take(PushWatch(self._services).run())
        finally:
            self._lost = True

    def _restore_open(self) -> None:
        ids = [
            AnnotationId(int(entity.removeprefix("annotation/")))
            for entity in self.state.open()
            if isinstance(self.state.get(entity), AnnotationRow)
        ]
        self.imports.restore(self.trackers[TopicRole.IMPORTS].position)
        self.annotations.open.restore(ids, now=self._services.clock.monotonic(), spread=OPEN_SPREAD)

    async def _reread_open(self) -> None:
        while True:
            await self._services.clock.sleep(OPEN_TICK)
            if not self._stopping:
                self.annotations.reread(self.annotations.open.take_due(self._services.clock.monotonic()))

    async def drain(self) -> None:
        """Take nothing new and wait until what runs has ended and is committed."""
        self._stopping = True
        self.imports.hurry()
        while self.annotations.undecided or self.imports.running:
            await self._services.clock.sleep(0.05)
        await self._committer.drained()

    def resume(self) -> None:
        """The partition stays: take new work again."""
        self._stopping = False

    async def close(self) -> None:
        """Let go of Kafka."""
        self._lost = True
        await self._log.close()


async def _fail(error: Exception) -> None:
    raise error
