"""Finds out by looking: whether an upload with an unknown outcome happened, and what an accepted one became."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from connector.contracts.arrivals import InlineSource, ReceivedArrival
from connector.domain import import_state as rules
from connector.domain.annotation_state import UNFINISHED
from connector.domain.file_names import alike
from connector.domain.ids import AnnotationId, ImportId
from connector.domain.messages import Linked, MarkSeen
from connector.domain.readings import ORIGIN, AnnotationReading, ContentReading, DocumentReading
from connector.domain.rows import ImportRow
from connector.domain.twins import WINDOW
from connector.engine.services import Services
from connector.engine.shared_answers import Answer, SharedAnswers, reason_of
from connector.errors import Rejected, Retryable, Stage

#: Seconds between two questions about an import that is not finished: a quarter of its age, within these.
ASK_AGAIN, ASK_SELDOM = 60.0, 3600.0
#: Seconds after the settle time for which owners of annotations are given time to answer a claim.
CLAIM_PATIENCE = 600.0


@dataclass(frozen=True, slots=True)
class Look:
    """What a look-up of an unknown upload showed.

    Attributes:
        marks: Annotations that carry our mark: it happened.
        claim: The likeliest without a mark, with the same queue and content: its owner is asked to link it.
        doubtful: Something is there that may be ours, and nothing can tell.
        settled: The settle time has passed: what is not there will not come.
        patient: Whether an answer to a claim may still come.
        row: The row waiting for the next look.
    """

    marks: tuple[MarkSeen, ...]
    claim: Linked | None
    doubtful: bool
    settled: bool
    patient: bool
    row: ImportRow


@dataclass(frozen=True, slots=True)
class Ask:
    """What a task and its upload object said.

    Attributes:
        is_shared: The error is that of an upload of several documents, and nobody knows which of them is to blame.
        forgotten: The task has expired and no annotation is known: only a look-up can tell what became of it.
    """

    row: ImportRow
    messages: tuple[Linked, ...] = ()
    error: Rejected | None = None
    is_shared: bool = False
    forgotten: bool = False


#: A document, and its annotation as far as Rossum shows one.
Candidate = tuple[AnnotationReading | None, DocumentReading]


class Resolver:
    """Looks; decides nothing about events."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._shares = SharedAnswers(services)

    async def look(self, import_id: ImportId, row: ImportRow, received: ReceivedArrival | None) -> Look:
        """Search Rossum for the outcome of the upload that `row` intended.

        The last look goes by the creation window alone: Rossum may have changed the file name.

        Raises:
            Retryable, NotOurs: Rossum can't tell now.
        """
        rossum, settle = self._services.rossum, self._services.imports.settle
        settled = rules.has_settled(row, now=rossum.now(), settle=settle)
        candidates = await self._candidates(row, by_name=not settled)
        marks = tuple(
            mark_of(import_id, reading, document)
            for reading, document in candidates
            if reading and reading.mark and reading.mark.import_id == import_id and reading.id not in row.earlier
        )
        claim, doubtful = None, False
        if not marks:
            claim, doubtful = await self._compared(import_id, row, received, candidates)
        patient = not rules.has_settled(row, now=rossum.now(), settle=settle + CLAIM_PATIENCE)
        following = rules.look_again(row, now=rossum.now(), settle=settle)
        return Look(marks, claim, doubtful, settled, patient, following)

    async def _candidates(self, row: ImportRow, *, by_name: bool) -> list[Candidate]:
        """Documents that may be the work of the upload."""
        rossum = self._services.rossum
        started = datetime.fromisoformat(row.intent_at or "")
        first = datetime.fromisoformat(row.first_intent or row.intent_at or "")
        found = await rossum.find_documents(
            file_name=row.file_name if by_name else None,
            after=first - timedelta(seconds=rules.CLOCK_MARGIN),
            before=started + timedelta(seconds=WINDOW),
        )
        readings = await rossum.annotations({annotation for d in found for annotation in d.annotations})
        candidates: list[Candidate] = []
        for document in found:
            candidates += [(readings.get(annotation), document) for annotation in document.annotations]
            candidates += [] if document.annotations else [(None, document)]
        return candidates

    async def _compared(
        self,
        import_id: ImportId,
        row: ImportRow,
        received: ReceivedArrival | None,
        candidates: Sequence[Candidate],
    ) -> tuple[Linked | None, bool]:
        """The first whose content is what was sent, and whether there is something else that might be ours."""
        similar = [
            (reading, document)
            for reading, document in candidates
            if document.parent is None
            and alike(document.file_name, row.file_name or "")
            and (reading is None or (reading.mark is None and reading.queue == row.queue))
            and (reading is None or reading.id not in (*row.not_ours, *row.earlier))
        ]
        if not similar:
            return None, False
        sent = await self._sent(row, received)
        doubtful = False
        for reading, document in similar:
            content = await self._services.rossum.content(document.url)
            if content is None:
                continue
            if reading is not None and content.sha256 == sent.sha256:
                claim = Linked(
                    reading.id, import_id, row.document_key, reading.queue, origin=origin_of(row), claim=True
                )
                return claim, False
            doubtful |= content.sha256 == sent.sha256 or sent.may_be(content)
        return None, doubtful

    async def _sent(self, row: ImportRow, received: ReceivedArrival | None) -> "_Sent":
        """What the upload sent, as far as it can be known now: the source may have changed since."""
        if row.sha256 is not None:
            return _Sent(row.sha256, row.size, is_certain=True)
        if received is None:
            return _Sent(None, row.size)
        source = received.arrival.source
        try:
            async with self._services.documents.open(source) as document:
                async for _ in document.chunks:
                    pass
                return _Sent(document.sha256(), row.size, is_certain=isinstance(source, InlineSource))
        except (Rejected, Retryable):
            return _Sent(None, row.size)

    async def ask(self, import_id: ImportId, row: ImportRow) -> Ask:
        """What became of an accepted upload whose mark did not show up (or that may hold several documents).

        Raises:
            Retryable, NotOurs: Rossum can't tell now.
        """
        now = self._services.rossum.now()
        accepted = datetime.fromisoformat(row.accepted_at or rules.later(now, 0))
        least = min(ASK_AGAIN, self._services.imports.task_after)
        pause = min(max((now - accepted).total_seconds() / 4, least), ASK_SELDOM)
        waiting = replace(row, due=rules.later(now, pause))
        if row.expected is not None or row.task is None or (row.single and row.annotations):
            return self._await_annotations(import_id, waiting)
        return await self._ask_task(import_id, waiting, row.task)

    async def _ask_task(self, import_id: ImportId, row: ImportRow, url: str) -> Ask:
        if row.gather is not None:
            return self._take_share(import_id, row, await self._shares.of(url))
        task = await self._services.rossum.task(url)
        if task is None:
            return self._await_annotations(import_id, replace(row, overdue=True, task=None))
        if task.status == "failed":
            return Ask(row, error=Rejected(reason_of(task), stage=Stage.TASK))
        upload = None
        if task.status == "succeeded" and task.upload is not None:
            upload = await self._services.rossum.upload_object(task.upload)
        if upload is None:
            return Ask(row)
        if not upload.annotations:
            return Ask(row, error=Rejected("the upload ended without an annotation", stage=Stage.TASK))
        return self._await_annotations(import_id, replace(row, expected=tuple(upload.annotations)))

    def _take_share(self, import_id: ImportId, row: ImportRow, answer: Answer) -> Ask:
        """What of an upload of several documents belongs to this import: told by the name of its document."""
        if answer.is_gone:
            return self._await_annotations(import_id, replace(row, overdue=True, task=None))
        if answer.failure is not None:
            return Ask(row, error=Rejected(answer.failure, stage=Stage.TASK), is_shared=True)
        if answer.documents is None:
            return Ask(row)
        own = [d for d in answer.documents if d.parent is None and alike(d.file_name, row.file_name or "")]
        expected = tuple(annotation for document in own for annotation in document.annotations)
        if not expected:
            return Ask(row, error=Rejected("the upload ended without an annotation of this document", stage=Stage.TASK))
        return self._await_annotations(import_id, replace(row, expected=expected))

    def _await_annotations(self, import_id: ImportId, row: ImportRow) -> Ask:
        """All ids are known, or no more can be: ask the owners of those that have not answered."""
        expected = row.expected
        if expected is None and row.annotations:
            expected = tuple(int(annotation) for annotation in row.annotations if annotation not in row.twins)
        if expected is None:
            return Ask(row, forgotten=True)
        row = replace(row, expected=expected)
        messages = tuple(
            Linked(AnnotationId(annotation), import_id, row.document_key, origin=origin_of(row))
            for annotation in expected
            if row.annotations.get(str(annotation), "importing") in UNFINISHED
        )
        return Ask(row, messages)


@dataclass(frozen=True, slots=True)
class _Sent:
    """What an upload sent.

    Attributes:
        sha256: Of the source as it is now where nothing better is known, None where it can't be read.
        is_certain: Whether the hash is that of the bytes that were sent.
    """

    sha256: str | None
    size: int | None
    is_certain: bool = False

    def may_be(self, content: ContentReading) -> bool:
        """Whether it may have been that content although the hash says no."""
        return not self.is_certain and self.size in (None, content.size)


def mark_of(import_id: ImportId, reading: AnnotationReading, document: DocumentReading) -> MarkSeen:
    """What an annotation that carries the mark of an import would tell it."""
    return MarkSeen(
        import_id,
        reading.id,
        reading.status,
        document.id,
        root=document.parent is None,
        created_at=reading.created_at,
        queue=reading.queue,
    )


def origin_of(told: ImportRow | ReceivedArrival) -> Mapping[str, str]:
    """Where an arrival came from, as marks and links tell it."""
    return {name: text for name in ORIGIN if (text := getattr(told, name))}
