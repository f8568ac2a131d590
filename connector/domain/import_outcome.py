"""From a decision about an import to what it makes true: events, dead letters, the row."""

from datetime import datetime

import orjson
from pydantic import BaseModel

from connector.contracts import events as contracts
from connector.contracts.arrivals import ReceivedArrival
from connector.contracts.dead_letters import Cause, dead_letter
from connector.contracts.envelope import Event, KafkaRecord
from connector.domain import import_state as rules
from connector.domain.copies import ArrivalCopy
from connector.domain.identity import Identity
from connector.domain.ids import ImportId, format_clock, import_entity
from connector.domain.messages import TwinOf, Via
from connector.domain.outcome import NOTHING, Outcome
from connector.domain.readings import METADATA_LIMIT
from connector.domain.rows import ImportRow
from connector.domain.twins import Twin, original
from connector.errors import Rejected


class ImportFacts:
    """Makes the outcomes of imports."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity

    def accepted(
        self, import_id: ImportId, row: ImportRow, received: ReceivedArrival | None, *, before: ImportRow
    ) -> Outcome:
        """Rossum has taken the upload; told once a generation."""
        if before.accepted_at is not None:
            return Outcome(rows={import_entity(import_id): row})
        data = contracts.ImportAccepted(
            document_key=row.document_key,
            import_id=import_id,
            metadata=_theirs(received),
            generation=row.generation,
            queue=row.queue,
            file_name=row.file_name,
        )
        event = self._event("import.accepted", import_id, row, data, row.accepted_at or "")
        return Outcome(rows={import_entity(import_id): row}, events=(event,))

    def completed(
        self, import_id: ImportId, row: ImportRow, received: ReceivedArrival | None, before: Outcome
    ) -> Outcome:
        """All annotations are known and imported; `before` is what becomes true with it."""
        data = contracts.ImportCompleted(
            document_key=row.document_key,
            import_id=import_id,
            metadata=_theirs(received),
            generation=row.generation,
            annotations=sorted(int(annotation) for annotation in row.annotations if annotation not in row.twins),
            documents=list(row.documents),
        )
        event = self._event("import.completed", import_id, row, data, row.accepted_at or "")
        return before.and_then(Outcome(rows={import_entity(import_id): row}, events=(event,)))

    def twin(
        self, import_id: ImportId, row: ImportRow, received: ReceivedArrival | None, twin: Twin, now: datetime
    ) -> Outcome:
        """A second root document of the same import was found; its annotations are told of which they are twins."""
        event = self._duplicate(import_id, row, received, twin, now)
        first = original(row)
        messages = tuple(TwinOf(annotation, first) for annotation in twin.annotations) if first is not None else ()
        return Outcome(rows={import_entity(import_id): row}, events=(event,), messages=messages)

    def refused(
        self, import_id: ImportId, row: ImportRow, received: ReceivedArrival | None, twin: Twin | None, now: datetime
    ) -> Outcome:
        """The generation has ended: Rossum has that very document from somebody else (`twin`, where known)."""
        event = self._duplicate(import_id, row, received, twin, now)
        return Outcome(rows={import_entity(import_id): row}, events=(event,))

    def _duplicate(
        self, import_id: ImportId, row: ImportRow, received: ReceivedArrival | None, twin: Twin | None, now: datetime
    ) -> Event:
        data = contracts.ImportDuplicate(
            document_key=row.document_key,
            import_id=import_id,
            metadata=_theirs(received),
            generation=row.generation,
            refused=bool(row.refused),
            annotations=list(twin.annotations) if twin else [],
            documents=[twin.document] if twin else [],
        )
        revision = str(row.generation) if row.refused or twin is None else f"{row.generation}:{twin.document}"
        return self._event("import.duplicate", import_id, row, data, format_clock(now), revision=revision)

    def failed(  # noqa: PLR0913 - one fact, told whole
        self,
        import_id: ImportId,
        row: ImportRow,
        error: Rejected,
        *,
        limit: int,
        copy: ArrivalCopy | None,
        received: ReceivedArrival | None,
        now: datetime,
        before: Outcome = NOTHING,
    ) -> Outcome:
        """The generation has ended without success: row, event and dead letter (of `limit` bytes at most) together."""
        after = rules.failed(row, reason=str(error))
        attempts = max(row.attempt, 1)
        data = contracts.ImportFailed(
            document_key=row.document_key,
            import_id=import_id,
            metadata=_theirs(received),
            generation=row.generation,
            stage=error.stage,
            reason=str(error),
            http_status=error.http_status,
            attempts=attempts,
            annotations=sorted(int(annotation) for annotation in row.annotations),
        )
        event = self._event("import.failed", import_id, after, data, format_clock(now))
        letters = () if copy is None else (_letter(copy, limit, _cause(row, error, attempts, now)),)
        return before.and_then(Outcome(rows={import_entity(import_id): after}, events=(event,), dead_letters=letters))

    def _event(  # noqa: PLR0913 - what an event is made of
        self, name: str, import_id: ImportId, row: ImportRow, data: BaseModel, time: str, *, revision: str | None = None
    ) -> Event:
        revision = revision or str(row.generation)
        return Event(
            id=self._identity.event_id(import_entity(import_id), name, revision),
            name=name,
            source=self._identity.source(row.queue),
            subject=f"imports/{import_id}",
            time=time,
            key=row.document_key,
            revision=revision,
            via=Via.READ,
            data=data,
            import_id=import_id,
            causation=row.causation,
            traceparent=row.traceparent,
            tracestate=row.tracestate,
        )


def _theirs(received: ReceivedArrival | None) -> dict[str, object]:
    """The customer's metadata, as far as Rossum would take it: what is larger has no place on an event either."""
    metadata = dict(received.arrival.metadata) if received is not None else {}
    return metadata if len(orjson.dumps(metadata)) <= METADATA_LIMIT else {}


def _letter(copy: ArrivalCopy, limit: int, cause: Cause) -> KafkaRecord:
    unread = copy.by_reference and copy.value is None
    return dead_letter(
        copy.value, copy.key, copy.headers, copy.at, cause, import_id=copy.import_id, limit=limit, unread=unread
    )


def _cause(row: ImportRow, error: Rejected, attempts: int, now: datetime) -> Cause:
    return Cause(
        stage=error.stage,
        error_class=type(error).__name__,
        message=str(error),
        attempts=attempts,
        first_failure=row.first_failure or format_clock(now),
        redrives=row.generation - row.born,
    )
