"""Tells twins from copies: a second upload of one import, or only another annotation that carries its mark.

A twin is a root document (without a parent) that the import does not know and that was created between the first
intent of its generation and an hour after the last one. What comes later was copied by a person.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from connector.domain.ids import AnnotationId, DocumentId
from connector.domain.import_state import CLOCK_MARGIN
from connector.domain.readings import DocumentReading
from connector.domain.rows import ImportRow

#: How long after an intent (seconds) a document may still be the work of that upload.
WINDOW = 3600.0


@dataclass(frozen=True, slots=True)
class Twin:
    """A root document that should not be there, with its annotations."""

    document: DocumentId
    annotations: tuple[AnnotationId, ...]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What became of the strangers of an import: its row without them, and the twins among them."""

    row: ImportRow
    found: tuple[Twin, ...] = ()


def can_judge(row: ImportRow) -> bool:
    """Whether there are strangers, and all is known of the import's own documents that will be.

    Documents of an archive are strangers to each other until its upload object names them all.
    """
    return bool(row.strangers) and (row.single or row.expected is not None or row.task is None)


def to_read(row: ImportRow) -> set[int]:
    """Documents whose roots decide."""
    unknown = {document for annotation, document in row.strangers.items() if not _is_expected(row, annotation)}
    return {*unknown, *row.documents} if unknown else set()


def judged(row: ImportRow, roots: Mapping[int, DocumentReading]) -> Judgement:
    """Decide about all strangers.

    Args:
        row: Of the import.
        roots: The root document of each document that is still there.
    """
    own = tuple(sorted({roots[document].id if document in roots else document for document in row.documents}))
    twins = dict(row.twins)
    for annotation, document in row.strangers.items():
        root = roots.get(document)
        if root is None or root.id in own or _is_expected(row, annotation) or not _in_window(row, root.created_at):
            continue
        twins[annotation] = root.id
    known = set(row.twins.values())
    found = tuple(
        Twin(DocumentId(document), tuple(AnnotationId(int(name)) for name, root in twins.items() if root == document))
        for document in sorted(set(twins.values()) - known)
    )
    new = tuple(int(name) for name in twins if name not in row.twins)
    return Judgement(replace(row, documents=own, strangers={}, twins=twins, pending=(*row.pending, *new)), found)


def original(row: ImportRow) -> AnnotationId | None:
    """The annotation of which the twins are twins: the first that is none itself."""
    names = [int(name) for name in row.annotations if name not in row.twins]
    return AnnotationId(min(names)) if names else None


def _is_expected(row: ImportRow, annotation: str) -> bool:
    return row.expected is not None and int(annotation) in row.expected


def _in_window(row: ImportRow, created_at: str) -> bool:
    first, last = row.first_intent or row.intent_at, row.intent_at
    if first is None or last is None:
        return False
    start = datetime.fromisoformat(first) - timedelta(seconds=CLOCK_MARGIN)
    return start <= datetime.fromisoformat(created_at) <= datetime.fromisoformat(last) + timedelta(seconds=WINDOW)
