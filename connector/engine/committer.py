"""Turns outcomes into transactions: everything that waits when one ends goes into the next."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from connector.clock import Clock
from connector.contracts.catalogue import TopicRole
from connector.contracts.envelope import Event, KafkaRecord
from connector.domain.ids import format_clock
from connector.domain.messages import WorkMessage, together
from connector.domain.outcome import NOTHING, Outcome
from connector.domain.retention import dated
from connector.domain.rows import AnyRow, encode_row
from connector.engine.ledger_view import LedgerView
from connector.engine.offsets import OffsetTracker
from connector.engine.tickets import Ticket
from connector.errors import KafkaUnavailable, PartitionLost
from connector.ports import Batch, PartitionLog, WorkLog
from connector.telemetry import Telemetry

#: Most outcomes in one transaction: it must end well within a second.
OUTCOMES_A_TRANSACTION = 400
#: Bytes of records after which a transaction takes no further outcome.
BYTES_A_TRANSACTION = 8_000_000
#: Bytes of uncommitted records above which a partition takes no further work.
FULL_AT = 32_000_000
#: Seconds between two transactions of one partition. Right after one has ended the coordinator still writes its
#: markers, and aiokafka answers that with a pause of its own that costs more.
PAUSE_BETWEEN = 0.02
#: Seconds after which offsets that moved without an outcome are committed.
OFFSETS_AFTER = 1.0

Encode = Callable[[Event], list[tuple[TopicRole, KafkaRecord]]]


@dataclass(slots=True)
class _Pending:
    """An outcome, written out as it goes to Kafka: what can't be written is refused to whoever decided it."""

    outcome: Outcome
    records: list[tuple[TopicRole, KafkaRecord]]
    rows: dict[str, bytes | None]
    tickets: tuple[Ticket, ...]
    done: asyncio.Future[None]
    size: int


@dataclass(slots=True)
class _Merged:
    """Several outcomes as one batch."""

    records: list[tuple[TopicRole, KafkaRecord]] = field(default_factory=list)
    rows: dict[str, AnyRow | None] = field(default_factory=dict)
    encoded: dict[str, bytes | None] = field(default_factory=dict)
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
        self._pending: deque[_Pending] = deque()
        self._bytes = 0
        self._taken: list[_Pending] = []
        self._wake = asyncio.Event()
        self._own: dict[TopicRole, int] = {}
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

    def finish(self, ticket: Ticket, entity: str) -> None:
        """A message says nothing that the row of `entity` does not know: its offset never goes before that row."""
        if self._view.is_committed(entity):
            ticket.done()
        else:
            self.submit(NOTHING, [ticket])

    def _stage(self, outcome: Outcome, tickets: Iterable[Ticket]) -> asyncio.Future[None]:
        records = [record for event in outcome.events for record in self._encode(event)]
        records += [(TopicRole.DEAD_LETTERS, record) for record in outcome.dead_letters]
        now = format_clock(self._now())
        outcome = replace(outcome, rows={entity: dated(row, now) for entity, row in outcome.rows.items()})
        rows = {entity: self._written(row) for entity, row in outcome.rows.items()}
        self._view.stage(outcome.rows)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        # Marks the error as seen: nobody may be waiting for it.
        done.add_done_callback(lambda future: future.cancelled() or future.exception())
        size = sum(len(value or b"") for value in (*(record.value for _, record in records), *rows.values()))
        self._pending.append(_Pending(outcome, records, rows, tuple(tickets), done, size))
        self._bytes += size
        self._idle.clear()
        self._wake.set()
        return done

    def _written(self, row: AnyRow | None) -> bytes | None:
        return None if row is None else encode_row(row, self._log.owner)

    async def drained(self) -> None:
        """Wait until nothing is pending and the offsets are committed."""
        self._wake.set()
        await self._idle.wait()

    @property
    def is_full(self) -> bool:
        """Whether so much waits for Kafka that nothing should be added."""
        return self._bytes >= FULL_AT

    @property
    def committed(self) -> Mapping[TopicRole, int]:
        """The offsets that this ownership has committed itself; only those that it has."""
        return self._own

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
        self._take()
        try:
            await self._commit(self._taken)
        except (PartitionLost, KafkaUnavailable) as error:
            self._telemetry.transaction_failed(self._partition, str(error))
            raise
        for pending in self._taken:
            self._bytes -= pending.size
            if not pending.done.done():
                pending.done.set_result(None)
        self._taken = []
        if not self._pending and not self._moved():
            self._idle.set()

    def _take(self) -> None:
        """What goes into the next transaction."""
        size = 0
        while self._pending and len(self._taken) < OUTCOMES_A_TRANSACTION and size < BYTES_A_TRANSACTION:
            size += self._pending[0].size
            self._taken.append(self._pending.popleft())

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
            await self._work.send(together(merged.messages))
        for pending in taken:
            for ticket in pending.tickets:
                ticket.done()
        offsets = self._moved()
        if not (merged.records or merged.rows or offsets):
            return
        started = self._clock.monotonic()
        ledger_end = await self._log.commit(Batch(merged.records, merged.encoded, offsets))
        self._committed.update(offsets)
        self._own.update(offsets)
        self._view.committed(merged.rows, ledger_end=ledger_end)
        self._tell(merged, self._clock.monotonic() - started)

    def _merge(self, taken: list[_Pending]) -> _Merged:
        merged = _Merged()
        for pending in taken:
            outcome = pending.outcome
            merged.rows.update(outcome.rows)
            merged.encoded.update(pending.rows)
            merged.records.extend(pending.records)
            merged.messages.extend(outcome.messages)
            merged.events.extend(outcome.events)
        return merged

    def _tell(self, merged: _Merged, seconds: float) -> None:
        subjects = ((event.subject, event.key) for event in merged.events)
        self._telemetry.transaction_committed(self._partition, seconds, len(merged.records), len(merged.rows), subjects)
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
