"""All imports of one partition: announced copies, marks that annotations showed, and timers.

An import has one decision in flight; what comes meanwhile waits in its mail.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from connector.domain import import_state as rules
from connector.domain.copies import ArrivalCopy, read_copy
from connector.domain.floor import announced_up_to
from connector.domain.ids import ImportId, import_entity
from connector.domain.messages import MarkSeen, NotYours
from connector.engine.committer import Committer
from connector.engine.import_book import ImportBook
from connector.engine.import_defects import Defects
from connector.engine.import_steps import ImportSteps
from connector.engine.ledger_view import LedgerView
from connector.engine.services import Services
from connector.engine.tickets import Ticket
from connector.errors import ConnectorError
from connector.ports import InnerRecord, PartitionLog, UploadGate

#: Parked imports of a partition; with more its intake pauses, visibly.
PARKED_LIMIT = 1000
#: Seconds between two looks at the due index.
TICK = 0.5
#: Rows taken from the due index at once.
DUE_AT_ONCE = 200


@dataclass(slots=True)
class _Mail:
    """What waits for one import."""

    copies: list[tuple[ArrivalCopy, Ticket]] = field(default_factory=list)
    marks: list[tuple[MarkSeen, Ticket]] = field(default_factory=list)
    refusals: list[tuple[NotYours, Ticket]] = field(default_factory=list)
    timer: bool = False


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
        self._spawn = spawn
        self._book = ImportBook(services, committer, log)
        self._steps = ImportSteps(services, view, committer, self._book, gate=gate)
        self._defects = Defects(services, view, self._book)
        self._mail: dict[ImportId, _Mail] = {}
        self._busy: set[ImportId] = set()

    def restore(self, position: int) -> None:
        """Take over what a former owner has parked; `position` is where reading of `imports` goes on."""
        state = self._view.state
        self._book.restore(((entity, state.get(entity)) for entity in state.open()), position)

    def __contains__(self, import_id: ImportId) -> bool:
        return import_id in self._busy

    @property
    def wants_more(self) -> bool:
        """Whether new copies should be taken from `imports`."""
        return len(self._book.parked) < PARKED_LIMIT and not self._services.circuit.is_open

    @property
    def parked(self) -> int:
        """Imports that wait with their offset finished."""
        return len(self._book.parked)

    @property
    def parked_imports(self) -> frozenset[ImportId]:
        """Which they are."""
        return frozenset(self._book.parked)

    @property
    def running(self) -> int:
        """Imports being worked on right now."""
        return len(self._busy)

    def hurry(self) -> None:
        """The partition is about to go: what waits for others goes up now."""
        self._steps.hurry()

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

    def take_refusal(self, refusal: NotYours, ticket: Ticket) -> None:
        """A message of `work`."""
        self._mail.setdefault(refusal.import_id, _Mail()).refusals.append((refusal, ticket))
        self._start(refusal.import_id)

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
                await self._answer(import_id, mail)
        finally:
            self._busy.discard(import_id)

    async def _answer(self, import_id: ImportId, mail: _Mail) -> None:
        """Do what waits for one import."""
        if mail.marks:
            tickets = [ticket for _, ticket in mail.marks]
            await self._guarded(import_id, self._steps.take_marks(import_id, mail.marks), tickets)
        if mail.refusals:
            tickets = [ticket for _, ticket in mail.refusals]
            await self._guarded(import_id, self._steps.take_refusals(import_id, mail.refusals), tickets)
        for copy, ticket in mail.copies:
            await self._guarded(import_id, self._take_copy(copy, ticket), [ticket], copy)
        if mail.timer:
            await self._guarded(import_id, self._steps.take_timer(import_id), [])

    async def _guarded(
        self, import_id: ImportId, step: Awaitable[None], tickets: list[Ticket], copy: ArrivalCopy | None = None
    ) -> None:
        """Take a step; a defect that it shows must not stop all the others."""
        try:
            await step
        except ConnectorError:
            raise
        except Exception as error:  # noqa: BLE001 - told with its traceback, and ended by an event
            self._services.telemetry.failed_unexpectedly(f"import {import_id}", error)
            if copy is not None:
                await self._defects.end_copy(copy, tickets[0], error)
            else:
                await self._defects.end(import_id, tickets, error)

    async def _take_copy(self, copy: ArrivalCopy, ticket: Ticket) -> None:
        if await self._is_forgotten(copy):
            self._services.telemetry.arrival_forgotten()
            ticket.done()
        else:
            await self._steps.take_copy(copy, ticket)

    async def _is_forgotten(self, copy: ArrivalCopy) -> bool:
        """Whether this very announcement belongs to an import whose row is gone: the log has it no more either.

        One that can still be read was made since then, on a topic that began anew.
        """
        floor = self._view.floor
        if floor is None or announced_up_to(floor.announced, copy.at.topic, copy.at.partition) < copy.at.offset:
            return False
        return self._view.import_row(import_entity(copy.import_id)) is None and await self._book.is_gone(copy)
