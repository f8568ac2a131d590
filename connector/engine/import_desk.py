"""All imports of one partition: announced copies, marks that annotations showed, and timers.

An import has one decision in flight. A copy whose work waits for itself keeps its offset unfinished for up to a
minute; longer waits are parked: the row holds attempt, due time and the place of the copy, and the offset goes on.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from connector.contracts.arrivals import ReceivedArrival, read_arrival
from connector.domain import import_state as rules
from connector.domain.copies import ArrivalCopy, read_copy
from connector.domain.ids import ImportId, import_entity
from connector.domain.import_outcome import ImportFacts
from connector.domain.import_state import Announcement, Copy
from connector.domain.messages import MarkSeen
from connector.domain.outcome import NOTHING, Outcome
from connector.domain.rows import ImportRow, ImportState
from connector.engine.committer import Committer
from connector.engine.ledger_view import LedgerView
from connector.engine.resolver import Ask, Resolver
from connector.engine.services import Services
from connector.engine.tickets import Ticket
from connector.engine.uploader import Accepted, Again, Cause, Refused, Unknown, Uploader
from connector.errors import NotOurs, Rejected, Retryable, Stage
from connector.ports import InnerRecord, PartitionLog, UploadGate

#: Parked imports of a partition; with more its intake pauses, visibly.
PARKED_LIMIT = 1000
#: Seconds between two looks at the due index when nothing is due sooner.
TICK = 0.5
#: Rows taken from the due index at once.
DUE_AT_ONCE = 200


@dataclass(slots=True)
class _Mail:
    """What waits for one import."""

    copies: list[tuple[ArrivalCopy, Ticket]] = field(default_factory=list)
    marks: list[tuple[MarkSeen, Ticket]] = field(default_factory=list)
    timer: bool = False


@dataclass(frozen=True, slots=True)
class _Kept:
    """A copy whose offset is not finished."""

    copy: ArrivalCopy
    ticket: Ticket


class ImportDesk:
    """See the module."""

    def __init__(  # noqa: PLR0913 - a part of an owner
        self,
        services: Services,
        view: LedgerView,
        committer: Committer,
        log: PartitionLog,
        *,
        spawn: Callable[..., object],
        gate: UploadGate,
    ) -> None:
        self._services = services
        self._view = view
        self._committer = committer
        self._log = log
        self._spawn = spawn
        self._uploader = Uploader(services, committer, gate=gate)
        self._resolver = Resolver(services)
        self._facts = ImportFacts(services.identity)
        self._mail: dict[ImportId, _Mail] = {}
        self._busy: set[ImportId] = set()
        self._kept: dict[ImportId, _Kept] = {}
        self.parked: set[ImportId] = set()

    @property
    def wants_more(self) -> bool:
        """Whether new copies should be taken from `imports`."""
        return len(self.parked) < PARKED_LIMIT and not self._services.circuit.is_open

    @property
    def running(self) -> int:
        """Imports being worked on right now."""
        return len(self._busy)

    def take_copy(self, record: InnerRecord, ticket: Ticket) -> None:
        """A record of `imports`."""
        try:
            copy = read_copy(record.key, record.value, record.headers, record.offset)
        except ValueError:
            self._services.telemetry.arrival_skipped()
            ticket.done()
            return
        self._mail.setdefault(copy.import_id, _Mail()).copies.append((copy, ticket))
        self._start(copy.import_id)

    def take_mark(self, mark: MarkSeen, ticket: Ticket) -> None:
        """A message of `work`."""
        self._mail.setdefault(mark.import_id, _Mail()).marks.append((mark, ticket))
        self._start(mark.import_id)

    async def run(self) -> None:
        """Start what is due until cancelled."""
        while True:
            now = rules.later(self._services.rossum.now(), 0)
            for entity in self._view.state.due(now, DUE_AT_ONCE):
                import_id = ImportId(entity.removeprefix("import/"))
                if import_id not in self._busy:
                    self._mail.setdefault(import_id, _Mail()).timer = True
                    self._start(import_id)
            await self._services.clock.sleep(TICK)

    def _start(self, import_id: ImportId) -> None:
        if import_id not in self._busy:
            self._busy.add(import_id)
            self._spawn(self._work(import_id))

    async def _work(self, import_id: ImportId) -> None:
        try:
            while mail := self._mail.pop(import_id, None):
                if mail.marks:
                    await self._take_marks(import_id, mail.marks)
                for copy, ticket in mail.copies:
                    await self._take_copy(copy, ticket)
                if mail.timer:
                    await self._take_timer(import_id)
        finally:
            self._busy.discard(import_id)

    # --- marks -----------------------------------------------------------------------------------------------

    async def _take_marks(self, import_id: ImportId, marks: list[tuple[MarkSeen, Ticket]]) -> None:
        tickets = [ticket for _, ticket in marks]
        row = self._view.import_row(import_entity(import_id))
        if row is None:
            self._committer.submit(NOTHING, tickets)
            return
        now, task_after = self._services.rossum.now(), self._services.imports.task_after
        after = rules.marks(row, [mark for mark, _ in marks], now=now, task_after=task_after)
        if after.state is not row.state:
            self._services.telemetry.upload_resolved("mark", import_id=import_id)
        await self._settle(import_id, row, after, tickets)

    async def _settle(self, import_id: ImportId, before: ImportRow, after: ImportRow, tickets: list[Ticket]) -> None:
        """Commit what is known of an import that Rossum has: accepted, and perhaps its end."""
        received = await self._arrival_of(import_id, after)
        outcome = Outcome(rows={import_entity(import_id): after})
        if after.state is ImportState.ACCEPTED and before.state is not ImportState.ACCEPTED:
            outcome = self._facts.accepted(import_id, after, received)
        if before.state is not ImportState.ACCEPTED or after != before:
            end = rules.ending(after)
            if end is not None and end.completed:
                outcome = self._facts.completed(import_id, end.row, received, outcome)
            elif end is not None:
                error = Rejected(end.row.reason or "", stage=Stage.EXTRACT)
                await self._fail(import_id, after, error, tickets, events=outcome)
                return
        self._release(import_id, outcome, tickets)

    # --- copies ----------------------------------------------------------------------------------------------

    async def _take_copy(self, copy: ArrivalCopy, ticket: Ticket) -> None:
        entity = import_entity(copy.import_id)
        row = self._view.import_row(entity)
        announced = Announcement(copy.at.partition, copy.at.offset, copy.held)
        meaning = rules.meaning(row, announced)
        if meaning is Copy.REPEATED or (row is not None and meaning is Copy.NOTED):
            self._services.telemetry.arrival_repeated()
            noted = {entity: rules.noted(row, announced)} if row is not None and meaning is Copy.NOTED else {}
            self._committer.submit(Outcome(rows=noted), [ticket])
        elif copy.value is None and not copy.by_reference and not self._services.imports.dead_letter_empty:
            self._services.telemetry.arrival_skipped()
            self._committer.submit(NOTHING, [ticket])
        elif row is not None and meaning is Copy.RESUMED:
            await self._resume(copy, row, ticket)
        else:
            await self._begin(copy, row, announced, ticket)

    async def _begin(self, copy: ArrivalCopy, row: ImportRow | None, announced: Announcement, ticket: Ticket) -> None:
        self._kept[copy.import_id] = _Kept(copy, ticket)
        if row is not None:
            fresh = rules.next_generation(row, announced)
        else:
            fresh = ImportRow(ImportState.WAITING, copy.import_id, held=copy.held)
            fresh = rules.noted(fresh, announced)
        fresh = replace(fresh, causation=copy.at.causation)
        try:
            received = await self._read(copy)
        except Rejected as error:
            await self._fail(copy.import_id, fresh, error)
            return
        fresh = replace(
            fresh,
            document_key=received.document_key,
            traceparent=received.traceparent,
            tracestate=received.tracestate,
        )
        await self._attempt(copy.import_id, fresh, received)

    async def _resume(self, copy: ArrivalCopy, row: ImportRow, ticket: Ticket) -> None:
        """The copy was read again after a restart or a rebalance; its row says where to go on."""
        if row.state in (ImportState.ACCEPTED, ImportState.AMBIGUOUS):
            self._committer.submit(NOTHING, [ticket])
            return
        self._kept[copy.import_id] = _Kept(copy, ticket)
        if row.due is not None:
            self._wait(copy.import_id, row)
        elif row.state is ImportState.INTENT:
            await self._resolve(copy.import_id, row)
        else:
            await self._attempt(copy.import_id, row, await self._read(copy))

    async def _read(self, copy: ArrivalCopy) -> ReceivedArrival:
        value = copy.value
        if copy.by_reference:
            original = await self._log.read_arrival(copy.at)
            if original is None:
                raise Rejected("the arrival was deleted before it could be read", stage=Stage.FETCH)
            value = original.value
        return read_arrival(value, copy.headers, copy.at)

    async def _arrival_of(self, import_id: ImportId, row: ImportRow) -> ReceivedArrival | None:
        """The arrival of an import for its metadata; None when nothing needs or has it any more."""
        copy = await self._copy_of(import_id, row)
        try:
            return await self._read(copy) if copy is not None else None
        except Rejected:
            return None

    async def _copy_of(self, import_id: ImportId, row: ImportRow) -> ArrivalCopy | None:
        if import_id in self._kept:
            return self._kept[import_id].copy
        record = await self._log.read_copy(row.held) if row.held is not None else None
        if record is None:
            return None
        return read_copy(record.key, record.value, record.headers, record.offset)

    # --- attempts --------------------------------------------------------------------------------------------

    async def _attempt(self, import_id: ImportId, row: ImportRow, received: ReceivedArrival) -> None:
        services = self._services
        started = services.clock.monotonic()
        result = await self._uploader.attempt(row, received)
        seconds = services.clock.monotonic() - started
        services.telemetry.upload_finished(type(result).__name__.lower(), seconds, result.row.size, import_id=import_id)
        now = services.rossum.now()
        match result:
            case Accepted():
                after = rules.accepted(
                    result.row,
                    task=result.task,
                    sha256=result.sha256,
                    now=now,
                    task_after=services.imports.task_after,
                )
                self._release(import_id, self._facts.accepted(import_id, after, received), [])
            case Unknown():
                row = rules.look_again(result.row, now=now, settle=services.imports.settle)
                self._wait(import_id, replace(row, reason=result.reason))
            case Refused():
                await self._fail(import_id, result.row, result.error)
            case Again():
                await self._retry(import_id, result)

    async def _retry(self, import_id: ImportId, result: Again) -> None:
        imports, now = self._services.imports, self._services.rossum.now()
        if result.cause is not Cause.SOURCE:
            # Not the message's fault: no attempt, no parking.
            pause = result.pause if result.pause is not None else rules.RETRY_PAUSES[0]
            row = replace(result.row, state=ImportState.WAITING, reason=result.reason, due=rules.later(now, pause))
            self._wait(import_id, row, park=False)
            return
        row_or_none = rules.retry(result.row, reason=result.reason, now=now, retry_for=imports.retry_for)
        if row_or_none is None:
            reason = f"gave up after {imports.retry_for / 3600:g} h: {result.reason}"
            await self._fail(import_id, result.row, Rejected(reason, stage=Stage.FETCH))
        else:
            self._wait(import_id, row_or_none)

    def _wait(self, import_id: ImportId, row: ImportRow, *, park: bool = True) -> None:
        """Commit the row; finish the copy's offset too when the wait is long."""
        outcome = Outcome(rows={import_entity(import_id): row})
        soon = rules.later(self._services.rossum.now(), rules.PARK_AFTER)
        if park and row.due is not None and row.due > soon:
            self.parked.add(import_id)
            self._services.telemetry.import_parked(import_id, row.attempt, row.due, row.reason or "")
            self._release(import_id, outcome, [])
        else:
            self._committer.submit(outcome)

    def _release(self, import_id: ImportId, outcome: Outcome, tickets: list[Ticket]) -> None:
        """Commit an outcome after which the copy's offset is finished."""
        kept = self._kept.pop(import_id, None)
        if kept is not None:
            tickets = [*tickets, kept.ticket]
        row = outcome.rows.get(import_entity(import_id))
        if not (isinstance(row, ImportRow) and row.open and row.due and row.state is not ImportState.ACCEPTED):
            self.parked.discard(import_id)
        self._committer.submit(outcome, tickets)

    async def _fail(
        self,
        import_id: ImportId,
        row: ImportRow,
        error: Rejected,
        tickets: list[Ticket] | None = None,
        *,
        events: Outcome = NOTHING,
    ) -> None:
        """End the generation: event, dead letter and row in one transaction."""
        copy = await self._copy_of(import_id, row)
        now = self._services.rossum.now()
        if copy is not None and copy.by_reference:
            original = await self._log.read_arrival(copy.at)
            copy = replace(copy, value=original.value if original else None)
        received = await self._arrival_of(import_id, row)
        outcome = self._facts.failed(import_id, row, error, copy=copy, received=received, now=now, before=events)
        self._services.telemetry.arrival_dead_lettered(error.stage, import_id, str(error))
        self._release(import_id, outcome, tickets or [])

    # --- timers ----------------------------------------------------------------------------------------------

    async def _take_timer(self, import_id: ImportId) -> None:
        row = self._view.import_row(import_entity(import_id))
        if row is None or row.due is None or row.due > rules.later(self._services.rossum.now(), 0):
            return
        if row.state is ImportState.WAITING:
            await self._try_again(import_id, row)
        elif row.state is ImportState.INTENT:
            await self._resolve(import_id, row)
        elif row.state is ImportState.ACCEPTED:
            await self._ask_task(import_id, row)

    async def _try_again(self, import_id: ImportId, row: ImportRow) -> None:
        copy = await self._copy_of(import_id, row)
        if copy is None:
            error = Rejected("the copy of the arrival is gone from the imports topic", stage=Stage.FETCH)
            await self._fail(import_id, row, error)
            return
        await self._attempt(import_id, row, await self._read(copy))

    async def _resolve(self, import_id: ImportId, row: ImportRow) -> None:
        """Look whether the upload happened; upload again only when it certainly did not."""
        received = await self._arrival_of(import_id, row)
        try:
            found = await self._resolver.look(import_id, row, received)
        except (Retryable, NotOurs) as error:
            pause = self._services.circuit.failed(type(error).__name__)
            due = rules.later(self._services.rossum.now(), pause)
            self._wait(import_id, replace(row, due=due), park=False)
            return
        if found.marks:
            now, task_after = self._services.rossum.now(), self._services.imports.task_after
            after = rules.marks(row, found.marks, now=now, task_after=task_after)
            self._services.telemetry.upload_resolved("found", import_id=import_id)
            await self._settle(import_id, row, after, [])
        elif found.settled and not found.claims and received is not None:
            self._services.telemetry.upload_resolved("nothing", import_id=import_id)
            await self._attempt(import_id, replace(row, due=None), received)
        elif found.settled:
            self._services.telemetry.upload_resolved("ambiguous", import_id=import_id)
            row = replace(row, state=ImportState.AMBIGUOUS, due=None)
            self._release(import_id, Outcome(rows={import_entity(import_id): row}), [])
        else:
            if found.claims:
                self._committer.submit(Outcome(messages=found.claims))
            self._wait(import_id, found.row)

    async def _ask_task(self, import_id: ImportId, row: ImportRow) -> None:
        try:
            asked = await self._resolver.ask(import_id, row)
        except (Retryable, NotOurs):
            due = rules.later(self._services.rossum.now(), rules.PARK_AFTER)
            self._committer.submit(Outcome(rows={import_entity(import_id): replace(row, due=due)}))
            return
        await self._take_answer(import_id, row, asked)

    async def _take_answer(self, import_id: ImportId, row: ImportRow, asked: Ask) -> None:
        if asked.error is not None:
            await self._fail(import_id, row, asked.error)
            return
        if asked.messages:
            self._committer.submit(Outcome(messages=asked.messages))
        if asked.row.overdue and not row.overdue:
            self._services.telemetry.upload_resolved("overdue", import_id=import_id)
        await self._settle(import_id, row, asked.row, [])
