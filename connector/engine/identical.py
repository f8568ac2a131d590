"""What Rossum means by "identical": our own earlier upload of the same import, or somebody else's document."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from connector.domain import import_state as rules
from connector.domain.ids import AnnotationId, DocumentId, ImportId
from connector.domain.messages import MarkSeen
from connector.domain.readings import AnnotationReading, DocumentReading
from connector.domain.twins import WINDOW, Twin
from connector.engine.attempts import Known
from connector.engine.resolver import mark_of
from connector.engine.services import Services

#: Documents of the same name whose content is compared, to tell which one Rossum means; each is a download.
COMPARED = 5


@dataclass(frozen=True, slots=True)
class Found:
    """What the refusal of an identical upload means.

    Attributes:
        marks: Annotations with our mark: it was our own upload.
        unclear: Why nobody can tell now; empty where it is clear.
        twin: Somebody else's document, where it could be told which.
    """

    marks: tuple[MarkSeen, ...] = ()
    unclear: str = ""
    twin: Twin | None = None


async def look_for_identical(services: Services, import_id: ImportId, known: Known) -> Found:
    """Look at what Rossum's answer names, at earlier generations, and at documents of that name.

    Raises:
        Retryable, NotOurs: Rossum can't tell now.
    """
    rossum, row = services.rossum, known.row
    documents = {document.id: document for document in await _candidates(services, known)}
    ids = {a for document in documents.values() for a in document.annotations}
    ids |= {AnnotationId(number) for number in (*known.error.annotations, *row.earlier)}
    readings = await rossum.annotations(ids)
    missing = {r.document for r in readings.values() if r.document is not None} - documents.keys()
    documents |= {DocumentId(number): found for number, found in (await rossum.documents(missing)).items()}
    marks = tuple(
        mark_of(import_id, reading, documents[reading.document])
        for reading in readings.values()
        if reading.mark and reading.mark.import_id == import_id and reading.document in documents
    )
    if marks:
        return Found(marks)
    if import_id in (row.file_name or ""):
        # Nobody else gives a document that name; Rossum does not show it yet, or somebody overwrote the mark.
        return Found(unclear="Rossum has it already but does not show it")
    if row.attempt > 1 and any(_is_unmarked(readings.get(a)) for d in documents.values() for a in d.annotations):
        return Found(unclear="Rossum has it already, and it may be of an earlier attempt")
    return Found(twin=await _named(services, known, documents.values()))


async def _candidates(services: Services, known: Known) -> Iterable[DocumentReading]:
    rossum, row = services.rossum, known.row
    named = await rossum.documents(known.error.documents)
    started = datetime.fromisoformat(row.first_intent or row.intent_at or "")
    recent = await rossum.find_documents(
        file_name=row.file_name,
        after=started - timedelta(seconds=rules.CLOCK_MARGIN),
        before=started + timedelta(seconds=WINDOW),
    )
    return [*named.values(), *recent]


def _is_unmarked(reading: AnnotationReading | None) -> bool:
    return reading is None or reading.mark is None


async def _named(services: Services, known: Known, documents: Iterable[DocumentReading]) -> Twin | None:
    """Which document it is: the one that the answer names, else one of that name with that content."""
    said = next((d for d in documents if d.id in known.error.documents), None)
    if said is not None:
        return Twin(said.id, said.annotations)
    by_annotation = next((d for d in documents if set(d.annotations) & set(known.error.annotations)), None)
    if by_annotation is not None:
        return Twin(by_annotation.id, by_annotation.annotations)
    if known.sha256 is None or known.row.file_name is None:
        return None
    for document in list(await services.rossum.documents_named(known.row.file_name))[:COMPARED]:
        content = await services.rossum.content(document.url)
        if content is not None and content.sha256 == known.sha256:
            return Twin(document.id, document.annotations)
    return None
