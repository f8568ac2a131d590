"""The steps of an import: what a copy, a mark or a timer leads to."""

from dataclasses import replace

from connector.contracts.arrivals import ReceivedArrival
from connector.domain import import_state as rules
from connector.domain.copies import ArrivalCopy
from connector.domain.gathers import GatherState
from connector.domain.ids import ImportId, import_entity
from connector.domain.import_outcome import ImportFacts
from connector.domain.import_state import Announcement, Copy
from connector.domain.messages import MarkSeen, NotYours
from connector.domain.outcome import NOTHING, Outcome
from connector.domain.rows import ImportRow, ImportState
from connector.engine.attempts import Accepted, Again, Attempt, Cause, Known, Refused, Unknown
from connector.engine.committer import Committer
from connector.engine.import_book import ImportBook, announcement, begun
from connector.engine.import_settling import Settling
from connector.engine.ledger_view import LedgerView
from connector.engine.resolver import Ask, Resolver
from connector.engine.services import Services
from connector.engine.tickets import Ticket
from connector.engine.uploader import Uploader
from connector.errors import NotOurs, Rejected, Retryable, Stage
from connector.ports import UploadGate

#: Failed attempts that count: the stage at which the import ends when they never stop, and the pauses between them.
_COUNTED = {
    Cause.SOURCE: (Stage.FETCH, rules.RETRY_PAUSES),
    Cause.BROKEN: (Stage.UPLOAD, rules.BROKEN_PAUSES),
}


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
        self._settling = Settling(services, committer, book)
        self._facts = ImportFacts(services.identity)

    def hurry(self) -> None:
        """The partition is about to go: what waits for others goes up now."""
        self._uploader.hurry()

    async def take_marks(self, import_id: ImportId, marks: list[tuple[MarkSeen, Ticket]]) -> None:
        """Annotations made themselves known."""
        seen, tickets = [mark for mark, _ in marks], [ticket for _, ticket in marks]
        row = self._view.import_row(import_entity(import_id))
        if row is None:
            self._committer.submit(NOTHING, tickets)
            return
        now, task_after = self._services.rossum.now(), self._services.imports.task_after
        after = rules.marks(row, seen, now=now, task_after=task_after, floor=self._view.forgotten_until)
        if any(mark.annotation in after.pending for mark in seen):
            after = replace(after, due=rules.later(now, 0))
        if after.state is not row.state:
            self._services.telemetry.upload_resolved("mark", import_id=import_id)
        await self._settling.settle(import_id, row, after, tickets)

    async def take_refusals(self, import_id: ImportId, refusals: list[tuple[NotYours, Ticket]]) -> None:
        """Annotations that this import claimed belong to another one."""
        tickets = [ticket for _, ticket in refusals]
        row = self._view.import_row(import_entity(import_id))
        if row is None or row.state is not ImportState.INTENT:
            self._committer.submit(NOTHING, tickets)
            return
        others = {*row.not_ours, *(refusal.annotation for refusal, _ in refusals)}
        row = replace(row, not_ours=tuple(sorted(others)))
        self._committer.submit(Outcome(rows={import_entity(import_id): row}), tickets)

    async def take_copy(self, copy: ArrivalCopy, ticket: Ticket) -> None:
        """An arrival was announced, copied again, or read again after a restart."""
        entity = import_entity(copy.import_id)
        row = self._view.import_row(entity)
        announced = announcement(copy)
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
        fresh = begun(copy, row, announced, self._view.floor)
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
            await self._attempt_copy(copy, row)

    async def _attempt_copy(self, copy: ArrivalCopy, row: ImportRow) -> None:
        try:
            received = await self._book.read(copy)
        except Rejected as error:
            await self._book.fail(copy.import_id, row, error)
            return
        await self._attempt(copy.import_id, row, received)

    async def _attempt(self, import_id: ImportId, row: ImportRow, received: ReceivedArrival) -> None:
        services = self._services
        result = await self._uploader.attempt(row, received)
        self._tell(import_id, result)
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
                self._book.release(import_id, self._facts.accepted(import_id, after, received, before=result.row), [])
            case Unknown():
                row = rules.unknown(
                    result.row, reason=result.reason, sha256=result.sha256, now=now, settle=services.imports.settle
                )
                self._book.wait(import_id, row)
            case Known():
                await self._settling.take_identical(import_id, result, received)
            case Refused():
                await self._book.fail(import_id, result.row, result.error)
            case Again():
                await self._retry(import_id, result)

    def _tell(self, import_id: ImportId, result: Attempt) -> None:
        outcome, telemetry = type(result).__name__.lower(), self._services.telemetry
        if result.seconds is None:
            telemetry.upload_not_sent(outcome, import_id=import_id)
        else:
            telemetry.upload_finished(outcome, result.seconds, result.row.size, import_id=import_id)

    async def _retry(self, import_id: ImportId, result: Again) -> None:
        imports, now = self._services.imports, self._services.rossum.now()
        if result.cause not in _COUNTED:
            # Not the message's fault: no attempt. One queue alone must not keep the others from being taken.
            pause = result.pause if result.pause is not None else rules.RETRY_PAUSES[0]
            row = replace(result.row, state=ImportState.WAITING, reason=result.reason, due=rules.later(now, pause))
            self._book.wait(import_id, row, park=result.cause is Cause.QUEUE)
            return
        stage, pauses = _COUNTED[result.cause]
        row_or_none = rules.retry(result.row, reason=result.reason, now=now, retry_for=imports.retry_for, pauses=pauses)
        if row_or_none is None:
            await self._settling.give_up(import_id, result.row, result.reason, stage)
        else:
            self._book.wait(import_id, row_or_none)

    async def take_timer(self, import_id: ImportId) -> None:
        """The row wanted to be looked at by now."""
        row = self._view.import_row(import_entity(import_id))
        if row is None or row.due is None or row.due > rules.later(self._services.rossum.now(), 0):
            return
        if row.pending or row.strangers:
            row = await self._settling.tend_twins(import_id, row)
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
        await self._attempt_copy(copy, row)

    async def _resolve(self, import_id: ImportId, row: ImportRow) -> None:
        """Look whether the upload happened; upload again only when it certainly did not."""
        received = await self._book.arrival_of(import_id, row)
        gather = self._view.gather_row(row.gather)
        if gather is not None and gather.state is GatherState.ACCEPTED:
            self._settling.take_gathered(import_id, row, gather, received)
            return
        if gather is not None and gather.state is GatherState.VOID and received is not None:
            await self._upload_again(import_id, row, received)
            return
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
            await self._settling.settle(import_id, row, after, [])
        elif not found.settled or (found.claim is not None and found.patient):
            if found.claim is not None:
                self._committer.submit(Outcome(messages=(found.claim,)))
            self._book.wait(import_id, found.row)
        elif found.claim is not None or found.doubtful or received is None:
            self._services.telemetry.upload_resolved("ambiguous", import_id=import_id)
            row = replace(row, state=ImportState.AMBIGUOUS, due=None)
            self._book.release(import_id, Outcome(rows={import_entity(import_id): row}), [])
        else:
            self._services.telemetry.upload_resolved("nothing", import_id=import_id)
            await self._upload_again(import_id, row, received)

    async def _upload_again(self, import_id: ImportId, row: ImportRow, received: ReceivedArrival) -> None:
        imports, now = self._services.imports, self._services.rossum.now()
        if rules.is_given_up(row, now=now, retry_for=imports.retry_for):
            await self._settling.give_up(import_id, row, row.reason or "no upload was ever confirmed", Stage.UPLOAD)
            return
        await self._attempt(import_id, rules.once_more(row), received)

    async def _ask_task(self, import_id: ImportId, row: ImportRow) -> None:
        try:
            await self._take_answer(import_id, row, await self._resolver.ask(import_id, row))
        except (Retryable, NotOurs) as error:
            due = rules.later(self._services.rossum.now(), self._services.circuit.failed(type(error).__name__))
            self._committer.submit(Outcome(rows={import_entity(import_id): replace(row, due=due)}))

    async def _take_answer(self, import_id: ImportId, row: ImportRow, asked: Ask) -> None:
        if asked.error is not None and asked.is_shared:
            now, settle = self._services.rossum.now(), self._services.imports.settle
            self._book.wait(import_id, rules.doubted(row, reason=str(asked.error), now=now, settle=settle))
            return
        if asked.error is not None:
            await self._book.fail(import_id, row, asked.error)
            return
        if asked.messages:
            self._committer.submit(Outcome(messages=asked.messages))
        after = rules.watched(asked.row, now=self._services.rossum.now(), deadline=self._services.imports.deadline)
        if after.overdue and not row.overdue:
            self._services.telemetry.import_overdue(import_id, after.state)
        if asked.forgotten:
            await self._look_for_forgotten(import_id, row, after)
        else:
            await self._settling.settle(import_id, row, after, [])

    async def _look_for_forgotten(self, import_id: ImportId, before: ImportRow, row: ImportRow) -> None:
        """The task has expired without an annotation that we know: it is there without our mark, or there is none."""
        received = await self._book.arrival_of(import_id, row)
        found = await self._resolver.look(import_id, row, received)
        if found.marks:
            now, task_after = self._services.rossum.now(), self._services.imports.task_after
            after = rules.marks(row, found.marks, now=now, task_after=task_after)
            await self._settling.settle(import_id, before, after, [])
        elif found.claim is not None or found.doubtful:
            messages = (found.claim,) if found.claim is not None else ()
            self._committer.submit(Outcome(rows={import_entity(import_id): row}, messages=messages))
        else:
            reason = "Rossum has forgotten the import task and shows no document of it"
            await self._book.fail(import_id, row, Rejected(reason, stage=Stage.TASK))
