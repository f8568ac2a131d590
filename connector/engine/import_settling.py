"""What is known of an import that Rossum has: accepted, its twins, its end."""

from dataclasses import replace

from connector.contracts.arrivals import ReceivedArrival
from connector.domain import import_state as rules
from connector.domain.gathers import GatherRow
from connector.domain.ids import ImportId, import_entity
from connector.domain.import_outcome import ImportFacts
from connector.domain.outcome import Outcome
from connector.domain.rows import ImportRow, ImportState
from connector.engine.attempts import Known
from connector.engine.committer import Committer
from connector.engine.identical import Found, look_for_identical
from connector.engine.import_book import ImportBook
from connector.engine.import_twins import TwinKeeper
from connector.engine.services import Services
from connector.engine.tickets import Ticket
from connector.errors import NotOurs, Rejected, Retryable, Stage


class Settling:
    """See the module."""

    def __init__(self, services: Services, committer: Committer, book: ImportBook) -> None:
        self._services = services
        self._committer = committer
        self._book = book
        self._twins = TwinKeeper(services)
        self._facts = ImportFacts(services.identity)

    async def settle(self, import_id: ImportId, before: ImportRow, after: ImportRow, tickets: list[Ticket]) -> None:
        """Commit what is known of an import that Rossum has: accepted, twins, and perhaps its end."""
        received = await self._book.arrival_of(import_id, after)
        after, twins = await self._twins.judge(import_id, after, received)
        outcome = Outcome(rows={import_entity(import_id): after})
        if after.state is ImportState.ACCEPTED and before.state is not ImportState.ACCEPTED:
            outcome = self._facts.accepted(import_id, after, received, before=before)
        outcome = outcome.and_then(twins)
        if before.state is not ImportState.ACCEPTED or after != before:
            end = rules.ending(after)
            if end is not None and end.completed:
                outcome = self._facts.completed(import_id, end.row, received, outcome)
            elif end is not None:
                error = Rejected(end.row.reason or "", stage=Stage.EXTRACT)
                await self._book.fail(import_id, after, error, tickets, events=outcome)
                return
        self._book.release(import_id, outcome, tickets)

    def take_gathered(
        self, import_id: ImportId, row: ImportRow, gather: GatherRow, received: ReceivedArrival | None
    ) -> None:
        """Rossum took it with all that it went up with; whoever wrote that down died before it did more."""
        now, task_after = self._services.rossum.now(), self._services.imports.task_after
        after = rules.accepted(row, task=gather.task, sha256=None, now=now, task_after=task_after)
        self._services.telemetry.upload_resolved("gather", import_id=import_id)
        self._book.release(import_id, self._facts.accepted(import_id, after, received, before=row), [])

    async def give_up(self, import_id: ImportId, row: ImportRow, reason: str, stage: Stage) -> None:
        """End an import that has been tried for long enough."""
        reason = f"gave up after {self._services.imports.retry_for / 3600:g} h: {reason}"
        await self._book.fail(import_id, row, Rejected(reason, stage=stage))

    async def take_identical(self, import_id: ImportId, known: Known, received: ReceivedArrival) -> None:
        """Rossum has the very document already: ours of an earlier attempt, or somebody else's."""
        services, now = self._services, self._services.rossum.now()
        try:
            found = await look_for_identical(services, import_id, known)
        except (Retryable, NotOurs) as error:
            found = Found(unclear=str(error))
        if found.marks:
            row = replace(known.row, earlier=())
            after = rules.marks(row, found.marks, now=now, task_after=services.imports.task_after)
            services.telemetry.upload_resolved("identical", import_id=import_id)
            await self.settle(import_id, known.row, after, [])
        elif found.unclear:
            row = rules.unknown(
                known.row, reason=found.unclear, sha256=known.sha256, now=now, settle=services.imports.settle
            )
            self._book.wait(import_id, row)
        else:
            row = rules.refused(known.row, reason=str(known.error))
            self._book.release(import_id, self._facts.refused(import_id, row, received, found.twin, now), [])

    async def tend_twins(self, import_id: ImportId, row: ImportRow) -> ImportRow:
        """Do what waits to be done about twins; an import that is over wants nothing else."""
        after = row if row.open else replace(row, due=None)
        received = await self._book.arrival_of(import_id, row)
        after, outcome = await self._twins.judge(import_id, after, received)
        if row.pending:
            after = await self._twins.put_away(import_id, after)
        outcome = outcome.and_then(Outcome(rows={import_entity(import_id): after}))
        self._committer.submit(outcome)
        return after
