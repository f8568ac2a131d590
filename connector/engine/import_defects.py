"""Ends an import at which a step raised what it never should, so that a person hears of it and others go on.

With a copy at hand it becomes a dead letter that can be sent again; an upload that may have happened, and whatever
Rossum has already, is left to a person as `ambiguous`. What is left to do for an import that is over waits for a while
and is tried again.
"""

from dataclasses import replace

from connector.domain import import_state as rules
from connector.domain.copies import ArrivalCopy
from connector.domain.ids import ImportId, import_entity
from connector.domain.import_state import Copy
from connector.domain.outcome import NOTHING, Outcome
from connector.domain.rows import ImportRow, ImportState
from connector.engine.import_book import ImportBook, announcement, begun
from connector.engine.ledger_view import LedgerView
from connector.engine.services import Services
from connector.engine.tickets import Ticket
from connector.errors import ConnectorError, Rejected, Stage

#: Copies that change nothing, whatever was wrong with them.
_IDLE = frozenset({Copy.REPEATED, Copy.NOTED})
#: Seconds until a timer at which a defect showed is tried again.
DEFECT_PAUSE = 60.0


class Defects:
    """See the module."""

    def __init__(self, services: Services, view: LedgerView, book: ImportBook) -> None:
        self._services = services
        self._view = view
        self._book = book

    async def end_copy(self, copy: ArrivalCopy, ticket: Ticket, error: Exception) -> None:
        """The step of a copy raised that."""
        row = self._view.import_row(import_entity(copy.import_id))
        announced = announcement(copy)
        meaning = rules.meaning(row, announced)
        if meaning in _IDLE:
            ticket.done()
            return
        self._book.keep(copy, ticket)
        if row is None or meaning is not Copy.RESUMED:
            row = begun(copy, row, announced, self._view.floor)
        await self._end(copy.import_id, row, error, [])

    async def end(self, import_id: ImportId, tickets: list[Ticket], error: Exception) -> None:
        """The step of something else raised that; `tickets` are of what it was about."""
        row = self._view.import_row(import_entity(import_id))
        if row is None:
            self._book.release(import_id, NOTHING, tickets)
        else:
            await self._end(import_id, row, error, tickets)

    async def _end(self, import_id: ImportId, row: ImportRow, error: Exception, tickets: list[Ticket]) -> None:
        sentence = f"a defect of the connector ({type(error).__name__}); its log has the details"
        if row.state is ImportState.WAITING:
            rejected = Rejected(sentence, stage=Stage.VALIDATE)
            try:
                await self._book.fail(import_id, row, rejected, tickets)
            except ConnectorError:
                raise
            except Exception:  # noqa: BLE001 - told already; reading the arrival may be what is wrong
                await self._book.fail_unread(import_id, row, rejected, tickets)
        elif row.open:
            row = replace(row, state=ImportState.AMBIGUOUS, due=None, reason=sentence)
            self._book.release(import_id, Outcome(rows={import_entity(import_id): row}), tickets)
        else:
            self._book.release(import_id, self._later(import_id, row), tickets)

    def _later(self, import_id: ImportId, row: ImportRow) -> Outcome:
        """An import that is over waits before its timer is tried again: what was due would be due for ever."""
        now = self._services.rossum.now()
        if row.due is None or row.due > rules.later(now, 0):
            return NOTHING
        return Outcome(rows={import_entity(import_id): replace(row, due=rules.later(now, DEFECT_PAUSE))})
