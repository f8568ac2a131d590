"""Turns outcomes into transactions: everything that waits when one ends goes into the next."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from connector.clock import Clock
from connector.contracts.catalogue import TopicRole
from connector.contracts.envelope import Event, KafkaRecord
from connector.domain.messages import WorkMessage
from connector.domain.outcome import Outcome
from connector.domain.rows import AnyRow, encode_row
from connector.engine.ledger_view import LedgerView
from connector.engine.offsets import OffsetTracker
from connector.engine.tickets import Ticket
from connector.errors import KafkaUnavailable, PartitionLost
from connector.ports import Batch, PartitionLog, WorkLog
from connector.telemetry import Telemetry

#: Most outcomes in one transaction: it must end well within a second.
OUTCOMES_A_TRANSACTION = 400
#: Seconds between two transactions of one partition. Right after one has ended the coordinator still writes its
#: markers, and aiokafka answers that with a pause of its own that costs more.
PAUSE_BETWEEN = 0.02
#: Seconds after which offsets that moved without an outcome are committed.
OFFSETS_AFTER = 1.0

Encode = Callable[[Event], list[tuple[TopicRole, KafkaRecord]]]


@dataclass(slots=True)
class _Pending:
    outcome: Outcome
    tickets: tuple[Ticket, ...]
    done: asyncio.Future[None]


@dataclass(slots=True)
class _Merged:
    """Several outcomes as one batch."""

    records: list[tuple[TopicRole, KafkaRecord]] = field(default_factory=list)
    rows: dict[str, AnyRow] = field(default_factory=dict)
    messages: list[WorkMessage] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)


class Committer:
    """The single writer of one partition's rows, events and offsets.

    A failed commit ends :meth:`run` with the error and fails all that wait: the outcome is unknown or the partition
    lost, and either way this ownership is over.
    """

    def __init__(  # noqa: PLR0913 - the one place where the parts of an owner meet
        self,
        partition: int,
        *,
        log: PartitionLog,
        view: LedgerView,
        work: WorkLog,
        trackers: Mapping[TopicRole, OffsetTracker],
        encode: Encode,
        telemetry: Telemetry,
        clock: Clock,
        now: Callable[[], datetime],
    ) -> None:
        self._partition = partition
        self._log = log
        self._view = view
        self._work = work
        self._trackers = trackers
        self._encode = encode
        self._telemetry = telemetry
        self._clock = clock
        self._now = now
        self._pending: list[_Pending] = []
        self._taken: list[_Pending] = []
        self._wake = asyncio.Event()
        self._committed = {role: tracker.position for role, tracker in trackers.items()}
        self._idle = asyncio.Event()
        self._idle.set()

    def submit(self, outcome: Outcome, tickets: Iterable[Ticket] = ()) -> None:
        """Stage an outcome; decisions see its rows at once. A failure to commit it reaches the owner by :meth:`run`."""
        _ = self._stage(outcome, tickets)

    async def commit(self, outcome: Outcome) -> None:
        """Stage an outcome and wait until it is committed.

        Raises:
            PartitionLost, KafkaUnavailable: It was not, or nobody knows.
        """
        await self._stage(outcome, ())

    def _stage(self, outcome: Outcome, tickets: Iterable[Ticket]) -> asyncio.Future[None]:
        self._view.stage(outcome.rows)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        # Marks the error as seen: nobody may be waiting for it.
        done.add_done_callback(lambda future: future.cancelled() or future.exception())
        self._pending.append(_Pending(outcome, tuple(tickets), done))
        self._idle.clear()
        self._wake.set()
        return done

    async def drained(self) -> None:
        """Wait until nothing is pending and the offsets are committed."""
        self._wake.set()
        await self._idle.wait()

    @property
    def pending(self) -> int:
        """Outcomes not committed yet."""
        return len(self._pending)

    async def run(self) -> None:
        """Commit until cancelled.

        Raises:
            PartitionLost, KafkaUnavailable: From the log.
        """
        try:
            while True:
                await self._something_to_do()
                await self._transaction()
                await self._clock.sleep(PAUSE_BETWEEN)
        except BaseException as error:
            for pending in (*self._taken, *self._pending):
                if not pending.done.done():
                    pending.done.set_exception(_shareable(error))
            raise

    async def _transaction(self) -> None:
        """Commit what waits, and tell who waits for it."""
        self._taken = self._pending[:OUTCOMES_A_TRANSACTION]
        self._pending = self._pending[OUTCOMES_A_TRANSACTION:]
        try:
            await self._commit(self._taken)
        except (PartitionLost, KafkaUnavailable) as error:
            self._telemetry.transaction_failed(self._partition, type(error).__name__)
            raise
        for pending in self._taken:
            if not pending.done.done():
                pending.done.set_result(None)
        self._taken = []
        if not self._pending and not self._moved():
            self._idle.set()

    async def _something_to_do(self) -> None:
        while not self._pending:
            self._wake.clear()
            try:
                async with asyncio.timeout(OFFSETS_AFTER):
                    await self._wake.wait()
            except TimeoutError:
                pass
            if self._moved():
                return
            if not self._pending:
                self._idle.set()

    def _moved(self) -> dict[TopicRole, int]:
        return {
            role: tracker.committable
            for role, tracker in self._trackers.items()
            if tracker.committable > self._committed[role]
        }

    async def _commit(self, taken: list[_Pending]) -> None:
        merged = self._merge(taken)
        if merged.messages:
            await self._work.send(merged.messages)
        for pending in taken:
            for ticket in pending.tickets:
                ticket.done()
        offsets = self._moved()
        if not (merged.records or merged.rows or offsets):
            return
        rows = {entity: encode_row(row, self._log.owner) for entity, row in merged.rows.items()}
        started = self._clock.monotonic()
        ledger_end = await self._log.commit(Batch(merged.records, rows, offsets))
        self._committed.update(offsets)
        self._view.committed(merged.rows, ledger_end=ledger_end)
        self._tell(merged, self._clock.monotonic() - started)

    def _merge(self, taken: list[_Pending]) -> _Merged:
        merged = _Merged()
        for pending in taken:
            outcome = pending.outcome
            merged.rows.update(outcome.rows)
            merged.messages.extend(outcome.messages)
            merged.events.extend(outcome.events)
            for event in outcome.events:
                merged.records.extend(self._encode(event))
            merged.records.extend((TopicRole.DEAD_LETTERS, record) for record in outcome.dead_letters)
        return merged

    def _tell(self, merged: _Merged, seconds: float) -> None:
        self._telemetry.transaction_committed(self._partition, seconds, len(merged.records), len(merged.rows))
        now = self._now()
        for event in merged.events:
            age = None if event.name == "sweep.completed" else _age(event, now)
            self._telemetry.event_published(event.name, event.subject, age)


def _age(event: Event, now: datetime) -> float | None:
    """Seconds since Rossum's clock of the fact."""
    try:
        return (now - datetime.fromisoformat(event.time)).total_seconds()
    except ValueError:
        return None


def _shareable(error: BaseException) -> Exception:
    """An error that several futures may carry; a cancellation would cancel those who wait."""
    return error if isinstance(error, Exception) else RuntimeError("the owner of this partition has stopped")
