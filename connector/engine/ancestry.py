"""Where children of a split come from, asked of Rossum: they carry no mark, and their root's word may come late."""

from collections.abc import Mapping, Sequence

from connector.domain.annotation_state import UNFINISHED
from connector.domain.ids import AnnotationId
from connector.domain.messages import Linked
from connector.domain.readings import AnnotationReading, DocumentReading
from connector.domain.rows import AnnotationRow
from connector.ports import Rossum

#: Looks (some 4 s) for which a child waits for the word of a parent that carries no mark itself.
PATIENCE = 4


def is_orphan(row: AnnotationRow | None, reading: AnnotationReading) -> bool:
    """Whether it may be the child of a split, is about to get its first event, and nobody has said whose it is.

    Children stand in a relation; an annotation without one costs no question.
    """
    unknown = row is None or (not row.published and row.import_id is None and row.root is None)
    return unknown and reading.mark is None and bool(reading.relations) and reading.status not in UNFINISHED


async def links_by_parents(
    rossum: Rossum, orphans: Sequence[AnnotationReading]
) -> tuple[Mapping[AnnotationId, Linked], Sequence[AnnotationId]]:
    """Links by the marks of the parents; and those children whose parents are split but carry no mark.

    Raises:
        Retryable, NotOurs: Rossum can't tell now.
    """
    documents = await rossum.documents({o.document for o in orphans if o.document is not None})
    parents = await rossum.documents({d.parent for d in documents.values() if d.parent is not None})
    readings = await rossum.annotations({a for parent in parents.values() for a in parent.annotations})
    links: dict[AnnotationId, Linked] = {}
    undecided: list[AnnotationId] = []
    for orphan in orphans:
        split = _split_parent(documents.get(orphan.document or 0), parents, readings)
        if split is None:
            continue
        if split.mark is None:
            undecided.append(orphan.id)
            continue
        mark = split.mark
        links[orphan.id] = Linked(orphan.id, mark.import_id, mark.document_key, orphan.queue, split.id, mark.origin)
    return links, undecided


def _split_parent(
    document: DocumentReading | None,
    parents: Mapping[int, DocumentReading],
    readings: Mapping[AnnotationId, AnnotationReading],
) -> AnnotationReading | None:
    parent = parents.get(document.parent) if document is not None and document.parent is not None else None
    found = [readings[a] for a in parent.annotations if a in readings] if parent is not None else []
    return next((reading for reading in found if reading.status == "split"), None)
