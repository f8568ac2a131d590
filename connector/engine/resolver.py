"""Finds out by looking: whether an upload with an unknown outcome happened, and what an accepted one became."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from connector.contracts.arrivals import ReceivedArrival
from connector.domain import import_state as rules
from connector.domain.annotation_state import UNFINISHED
from connector.domain.ids import AnnotationId, ImportId
from connector.domain.messages import Linked, MarkSeen
from connector.domain.readings import AnnotationReading, DocumentReading
from connector.domain.rows import ImportRow
from connector.engine.services import Services
from connector.errors import Rejected, Stage

#: How long after the intent (seconds) a document may still be the work of that upload.
WINDOW = 3600.0
#: Seconds between two questions about a task that is still running.
ASK_AGAIN = 60.0


@dataclass(frozen=True, slots=True)
class Look:
    """What a look-up of an unknown upload showed.

    Attributes:
        marks: Annotations that carry our mark: it happened.
        claims: Unmarked, but the same name, queue, window and content: their owners are asked to link them.
        settled: The settle time has passed: what is not there will not come.
        row: The row waiting for the next look.
    """

    marks: tuple[MarkSeen, ...]
    claims: tuple[Linked, ...]
    settled: bool
    row: ImportRow


@dataclass(frozen=True, slots=True)
class Ask:
    """What a task and its upload object said."""

    row: ImportRow
    messages: tuple[Linked, ...] = ()
    error: Rejected | None = None


class Resolver:
    """Looks; decides nothing about events."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def look(self, import_id: ImportId, row: ImportRow, received: ReceivedArrival | None) -> Look:
        """Search Rossum for the outcome of the upload that `row` intended.

        The last look goes by the creation window alone: Rossum may have changed the file name.

        Raises:
            Retryable, NotOurs: Rossum can't tell now.
        """
        rossum, settle = self._services.rossum, self._services.imports.settle
        settled = rules.has_settled(row, now=rossum.now(), settle=settle)
        started = datetime.fromisoformat(row.intent_at or "")
        documents = await rossum.find_documents(
            file_name=None if settled else row.file_name,
            after=started - timedelta(seconds=rules.CLOCK_MARGIN),
            before=started + timedelta(seconds=WINDOW),
        )
        of_document = {a: document for document in documents for a in document.annotations}
        readings = await rossum.annotations(of_document) if of_document else {}
        marks = tuple(
            _mark(import_id, reading, of_document[reading.id])
            for reading in readings.values()
            if reading.mark is not None and reading.mark.import_id == import_id
        )
        claims: tuple[Linked, ...] = ()
        if not marks and received is not None:
            claims = await self._claims(
                import_id,
                row,
                received,
                [(reading, of_document[reading.id]) for reading in readings.values() if reading.mark is None],
            )
        return Look(marks, claims, settled, rules.look_again(row, now=rossum.now(), settle=settle))

    async def _claims(
        self,
        import_id: ImportId,
        row: ImportRow,
        received: ReceivedArrival,
        unmarked: list[tuple[AnnotationReading, DocumentReading]],
    ) -> tuple[Linked, ...]:
        candidates = [(r, d) for r, d in unmarked if d.file_name == row.file_name and d.parent is None]
        if not candidates:
            return ()
        wanted = row.sha256 or await self._content_hash(received)
        claims = []
        for reading, document in candidates:
            if await self._services.rossum.document_sha256(document.url) == wanted:
                claims.append(Linked(reading.id, import_id, row.document_key, reading.queue))
        return tuple(claims)

    async def _content_hash(self, received: ReceivedArrival) -> str | None:
        try:
            async with self._services.documents.open(received.arrival.source) as document:
                async for _ in document.chunks:
                    pass
                return document.sha256()
        except Rejected:
            return None

    async def ask(  # noqa: PLR0911 - one return per answer
        self, import_id: ImportId, row: ImportRow
    ) -> Ask:
        """What became of an accepted upload whose mark did not show up (or that may hold several documents).

        Raises:
            Retryable, NotOurs: Rossum can't tell now.
        """
        rossum = self._services.rossum
        now = rossum.now()
        accepted = datetime.fromisoformat(row.accepted_at or rules.later(now, 0))
        overdue = row.overdue or now >= accepted + timedelta(seconds=self._services.imports.deadline)
        pause = min(ASK_AGAIN, self._services.imports.task_after)
        waiting = replace(row, overdue=overdue, due=rules.later(now, pause))
        if row.expected is not None or row.task is None:
            return self._await_annotations(import_id, waiting)
        task = await rossum.task(row.task)
        if task is None:
            return self._await_annotations(import_id, replace(waiting, overdue=True, task=None))
        if task.status == "failed":
            reason = f"Rossum's import task failed: {task.detail or task.code or 'no reason given'}"
            return Ask(row, error=Rejected(reason, stage=Stage.TASK))
        if task.status != "succeeded" or task.upload is None:
            return Ask(waiting)
        upload = await rossum.upload_object(task.upload)
        if upload is None:
            return Ask(waiting)
        if not upload.annotations:
            return Ask(row, error=Rejected("the upload ended without an annotation", stage=Stage.TASK))
        return self._await_annotations(import_id, replace(waiting, expected=tuple(upload.annotations)))

    def _await_annotations(self, import_id: ImportId, row: ImportRow) -> Ask:
        """All ids are known, or no more can be: ask the owners of those that have not answered."""
        expected = row.expected
        if expected is None and row.annotations:
            expected = tuple(int(annotation) for annotation in row.annotations)
        if expected is None:
            return Ask(row)
        row = replace(row, expected=expected)
        messages = tuple(
            Linked(AnnotationId(annotation), import_id, row.document_key)
            for annotation in expected
            if row.annotations.get(str(annotation), "importing") in UNFINISHED
        )
        return Ask(row, messages)


def _mark(import_id: ImportId, reading: AnnotationReading, document: DocumentReading) -> MarkSeen:
    return MarkSeen(
        import_id,
        reading.id,
        reading.status,
        document.id,
        root=document.parent is None,
        created_at=reading.created_at,
        queue=reading.queue,
    )
