"""The steps of an import: what a copy, a mark or a timer leads to."""

from dataclasses import replace

from connector.contracts.arrivals import ReceivedArrival
from connector.domain import import_state as rules
from connector.domain.copies import ArrivalCopy
from connector.domain.ids import ImportId, import_entity
from connector.domain.import_outcome import ImportFacts
from connector.domain.import_state import Announcement, Copy
from connector.domain.messages import MarkSeen
from connector.domain.outcome import NOTHING, Outcome
from connector.domain.rows import ImportRow, ImportState
from connector.engine.committer import Committer
from connector.engine.import_book import ImportBook
from connector.engine.ledger_view import LedgerView
from connector.engine.resolver import Ask, Resolver
from connector.engine.services import Services
from connector.engine.tickets import Ticket
from connector.engine.uploader import Accepted, Again, Cause, Refused, Unknown, Uploader
from connector.errors import NotOurs, Rejected, Retryable, Stage
from connector.ports import UploadGate


class ImportSteps:
    """See the module."""

    def __init__(
        self, services: Services, view: LedgerView, committer: Committer, book: ImportBook, *, gate: UploadGate
    ) -> None:
        self._services = services
        self._view = view
        self._committer = committer
        self._book = book
        self._uploader = Uploader(services, committer, gate=gate)
        self._resolver = Resolver(services)
        self._facts = ImportFacts(services.identity)

    async def take_marks(self, import_id: ImportId, marks: list[tuple[MarkSeen, Ticket]]) -> None:
        """Annotations made themselves known."""
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
        received = await self._book.arrival_of(import_id, after)
        outcome = Outcome(rows={import_entity(import_id): after})
        if after.state is ImportState.ACCEPTED and before.state is not ImportState.ACCEPTED:
            outcome = self._facts.accepted(import_id, after, received)
        if before.state is not ImportState.ACCEPTED or after != before:
            end = rules.ending(after)
            if end is not None and end.completed:
                outcome = self._facts.completed(import_id, end.row, received, outcome)
            elif end is not None:
                error = Rejected(end.row.reason or "", stage=Stage.EXTRACT)
                await self._book.fail(import_id, after, error, tickets, events=outcome)
                return
        self._book.release(import_id, outcome, tickets)

    async def take_copy(self, copy: ArrivalCopy, ticket: Ticket) -> None:
        """An arrival was announced, copied again, or read again after a restart."""
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
        self._book.keep(copy, ticket)
        if row is not None:
            fresh = rules.next_generation(row, announced)
        else:
            fresh = ImportRow(ImportState.WAITING, copy.import_id, held=copy.held)
            fresh = rules.noted(fresh, announced)
        fresh = replace(fresh, causation=copy.at.causation)
        try:
            received = await self._book.read(copy)
        except Rejected as error:
            await self._book.fail(copy.import_id, fresh, error)
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
        self._book.keep(copy, ticket)
        if row.due is not None:
            self._book.wait(copy.import_id, row)
        elif row.state is ImportState.INTENT:
            await self._resolve(copy.import_id, row)
        else:
            await self._attempt(copy.import_id, row, await self._book.read(copy))

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
                self._book.release(import_id, self._facts.accepted(import_id, after, received), [])
            case Unknown():
                row = rules.look_again(result.row, now=now, settle=services.imports.settle)
                self._book.wait(import_id, replace(row, reason=result.reason))
            case Refused():
                await self._book.fail(import_id, result.row, result.error)
            case Again():
                await self._retry(import_id, result)

    async def _retry(self, import_id: ImportId, result: Again) -> None:
        imports, now = self._services.imports, self._services.rossum.now()
        if result.cause is not Cause.SOURCE:
            # Not the message's fault: no attempt, no parking.
            pause = result.pause if result.pause is not None else rules.RETRY_PAUSES[0]
            row = replace(result.row, state=ImportState.WAITING, reason=result.reason, due=rules.later(now, pause))
            self._book.wait(import_id, row, park=False)
            return
        row_or_none = rules.retry(result.row, reason=result.reason, now=now, retry_for=imports.retry_for)
        if row_or_none is None:
            reason = f"gave up after {imports.retry_for / 3600:g} h: {result.reason}"
            await self._book.fail(import_id, result.row, Rejected(reason, stage=Stage.FETCH))
        else:
            self._book.wait(import_id, row_or_none)

    async def take_timer(self, import_id: ImportId) -> None:
        """The row wanted to be looked at by now."""
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
        copy = await self._book.copy_of(import_id, row)
        if copy is None:
            error = Rejected("the copy of the arrival is gone from the imports topic", stage=Stage.FETCH)
            await self._book.fail(import_id, row, error)
            return
        await self._attempt(import_id, row, await self._book.read(copy))

    async def _resolve(self, import_id: ImportId, row: ImportRow) -> None:
        """Look whether the upload happened; upload again only when it certainly did not."""
        received = await self._book.arrival_of(import_id, row)
        try:
            found = await self._resolver.look(import_id, row, received)
        except (Retryable, NotOurs) as error:
            pause = self._services.circuit.failed(type(error).__name__)
            due = rules.later(self._services.rossum.now(), pause)
            self._book.wait(import_id, replace(row, due=due), park=False)
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
            self._book.release(import_id, Outcome(rows={import_entity(import_id): row}), [])
        else:
            if found.claims:
                self._committer.submit(Outcome(messages=found.claims))
            self._book.wait(import_id, found.row)

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
            await self._book.fail(import_id, row, asked.error)
            return
        if asked.messages:
            self._committer.submit(Outcome(messages=asked.messages))
        if asked.row.overdue and not row.overdue:
            self._services.telemetry.upload_resolved("overdue", import_id=import_id)
        await self._settle(import_id, row, asked.row, [])
