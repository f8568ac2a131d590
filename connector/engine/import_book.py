"""What the imports of one partition hold on to: copies whose offset is not finished, and who is parked.

A copy whose work waits for itself keeps its offset unfinished for up to a minute; longer waits are parked: the row
holds attempt, due time and the place of the copy, and the offset goes on without it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from connector.contracts.arrivals import ReceivedArrival, read_arrival
from connector.domain import import_state as rules
from connector.domain.copies import ArrivalCopy, read_copy
from connector.domain.floor import FloorRow
from connector.domain.ids import ImportId, import_entity
from connector.domain.import_outcome import ImportFacts
from connector.domain.import_state import Announcement
from connector.domain.outcome import NOTHING, Outcome
from connector.domain.rows import AnyRow, ImportRow, ImportState
from connector.engine.committer import Committer
from connector.engine.services import Services
from connector.engine.tickets import Ticket
from connector.errors import Rejected, Stage
from connector.ports import PartitionLog

#: States in which an import waits for itself.
_PARKABLE = (ImportState.WAITING, ImportState.INTENT)


@dataclass(frozen=True, slots=True)
class _Kept:
    """A copy whose offset is not finished."""

    copy: ArrivalCopy
    ticket: Ticket


def announcement(copy: ArrivalCopy) -> Announcement:
    """What a copy announces."""
    return Announcement(copy.at.topic, copy.at.partition, copy.at.offset, copy.held, copy.follows)


def begun(copy: ArrivalCopy, row: ImportRow | None, announced: Announcement, floor: FloorRow | None) -> ImportRow:
    """The row of the generation that a copy begins, after the one of `row`, where there is one."""
    fresh = rules.first(copy.import_id, announced, floor) if row is None else rules.next_generation(row, announced)
    return replace(fresh, causation=copy.at.causation)


class ImportBook:
    """See the module."""

    def __init__(self, services: Services, committer: Committer, log: PartitionLog) -> None:
        self._services = services
        self._committer = committer
        self._log = log
        self._facts = ImportFacts(services.identity)
        self._kept: dict[ImportId, _Kept] = {}
        self.parked: set[ImportId] = set()

    def restore(self, rows: Iterable[tuple[str, AnyRow | None]], position: int) -> None:
        """Count who is parked already: open, with a copy below the offset where reading goes on."""
        for entity, row in rows:
            if isinstance(row, ImportRow) and row.state in _PARKABLE and row.held is not None and row.held < position:
                self.parked.add(ImportId(entity.removeprefix("import/")))

    def keep(self, copy: ArrivalCopy, ticket: Ticket) -> None:
        """Work on this copy has begun; its offset waits."""
        self._kept[copy.import_id] = _Kept(copy, ticket)

    async def read(self, copy: ArrivalCopy) -> ReceivedArrival:
        """The arrival of a copy.

        Raises:
            Rejected: It can't be read.
        """
        value = copy.value
        if copy.by_reference:
            original = await self._log.read_arrival(copy.at)
            if original is None:
                raise Rejected("the arrival was deleted before it could be read", stage=Stage.FETCH)
            value = original.value
        received = read_arrival(value, copy.headers, copy.at)
        if received.import_id != copy.import_id:
            # Repaired on its way back from the dead letters: its data may name it otherwise, its import is the same.
            key = received.arrival.document_id or copy.import_id
            received = replace(received, import_id=copy.import_id, document_key=key)
        return received

    async def is_gone(self, copy: ArrivalCopy) -> bool:
        """Whether the arrivals topic holds the original no more."""
        return await self._log.read_arrival(copy.at) is None

    async def arrival_of(self, import_id: ImportId, row: ImportRow) -> ReceivedArrival | None:
        """The arrival of an import for its metadata; None when nothing needs or has it any more."""
        copy = await self.copy_of(import_id, row)
        try:
            return await self.read(copy) if copy is not None else None
        except Rejected:
            return None

    async def copy_of(self, import_id: ImportId, row: ImportRow) -> ArrivalCopy | None:
        """The copy of an import, read back when it is parked; None when it is gone."""
        if import_id in self._kept:
            return self._kept[import_id].copy
        record = await self._log.read_copy(row.held) if row.held is not None else None
        if record is None:
            return None
        return read_copy(record.key, record.value, record.headers, record.offset)

    def wait(self, import_id: ImportId, row: ImportRow, *, park: bool | None = None) -> None:
        """Commit the row; finish the copy's offset too when the wait is long, or as `park` says."""
        now, was_overdue = self._services.rossum.now(), row.overdue
        row = rules.watched(row, now=now, deadline=self._services.imports.deadline)
        if row.overdue and not was_overdue:
            self._services.telemetry.import_overdue(import_id, row.state)
        outcome = Outcome(rows={import_entity(import_id): row})
        is_long = row.due is not None and row.due > rules.later(now, rules.PARK_AFTER)
        if is_long if park is None else park:
            is_new = import_id not in self.parked
            self.parked.add(import_id)
            self._services.telemetry.import_parked(
                import_id, row.attempt, row.due or "", row.reason or "", is_new=is_new
            )
            self.release(import_id, outcome, [])
        else:
            self._committer.submit(outcome)

    def release(self, import_id: ImportId, outcome: Outcome, tickets: list[Ticket]) -> None:
        """Commit an outcome after which the copy's offset is finished."""
        kept = self._kept.get(import_id)
        if kept is not None:
            tickets = [*tickets, kept.ticket]
        # Before anything is let go of: what can't be written is refused here.
        self._committer.submit(outcome, tickets)
        self._kept.pop(import_id, None)
        row = outcome.rows.get(import_entity(import_id))
        if not (isinstance(row, ImportRow) and row.open and row.due and row.state is not ImportState.ACCEPTED):
            self.parked.discard(import_id)

    async def fail(
        self,
        import_id: ImportId,
        row: ImportRow,
        error: Rejected,
        tickets: list[Ticket] | None = None,
        *,
        events: Outcome = NOTHING,
    ) -> None:
        """End the generation: event, dead letter and row in one transaction."""
        copy = await self.copy_of(import_id, row)
        now = self._services.rossum.now()
        if copy is not None and copy.by_reference:
            original = await self._log.read_arrival(copy.at)
            copy = replace(copy, value=original.value if original else None)
        received = await self.arrival_of(import_id, row)
        outcome = self._facts.failed(import_id, row, error, copy=copy, received=received, now=now, before=events)
        self.release(import_id, outcome, tickets or [])
        self._services.telemetry.arrival_dead_lettered(error.stage, import_id, str(error))

    async def fail_unread(self, import_id: ImportId, row: ImportRow, error: Rejected, tickets: list[Ticket]) -> None:
        """The same without a look at the arrival; a copy by reference stays one."""
        copy, now = await self.copy_of(import_id, row), self._services.rossum.now()
        outcome = self._facts.failed(import_id, row, error, copy=copy, received=None, now=now)
        self.release(import_id, outcome, tickets)
        self._services.telemetry.arrival_dead_lettered(error.stage, import_id, str(error))
