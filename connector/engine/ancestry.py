"""Where the parts of a split come from: they carry no mark, and the word of their root may come late.

Whoever carries our mark, however far up, tells all below it. Where nobody does (the document came by another door, or
its mark was overwritten) the owners of those above are asked to look: the word of a split goes to all its parts.
"""

import contextlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from connector.domain.annotation_state import UNFINISHED
from connector.domain.ids import AnnotationId, annotation_entity
from connector.domain.messages import Hint, Linked, Via
from connector.domain.readings import AnnotationReading, DocumentReading
from connector.domain.rows import AnnotationRow
from connector.engine.ledger_view import LedgerView
from connector.engine.services import Services
from connector.engine.waiting_room import Batch
from connector.errors import KafkaUnavailable
from connector.ports import Rossum

#: Looks (some 8 s) for which a part waits for the word of those above it.
PATIENCE = 5
#: Splits of splits that are followed: a person's, never deep.
DEEPEST = 8


@dataclass(slots=True)
class Found:
    """What Rossum shows above some orphans.

    Attributes:
        links: By the mark of the farthest that carries one.
        unmarked: For the others that stand below a split: all annotations above them.
    """

    links: dict[AnnotationId, Linked] = field(default_factory=dict)
    unmarked: dict[AnnotationId, Sequence[AnnotationReading]] = field(default_factory=dict)


class Ancestry:
    """Links parts of splits before their first event."""

    def __init__(self, services: Services, view: LedgerView) -> None:
        self._services = services
        self._view = view

    def is_stranger(self, reading: AnnotationReading) -> bool:
        """Whether an export alone must not decide: it may be a part, and only the list shows relations.

        However old it is: the connector may have been away since the split, and a key can't be changed later. What
        arrived before the horizon can be no part of ours; a sweep of a long past must not read all that twice.
        """
        arrived = reading.clocks.get("arrived_at")
        if reading.mark is not None or arrived is None or not _is_unknown(self._row(reading.id)):
            return False
        return arrived >= self._services.annotations.policy.horizon

    async def link(self, batch: Batch, ready: Collection[AnnotationReading]) -> list[AnnotationId]:
        """Link those members that are parts of a split; those that shall wait for word are returned.

        Raises:
            Retryable, NotOurs: Rossum can't tell now.
        """
        members = batch.members
        orphans = [r for r in ready if members[r.id].linked is None and is_orphan(self._row(r.id), r)]
        found = await links_by_ancestors(self._services.rossum, orphans)
        for annotation, link in found.links.items():
            members[annotation].linked = link
        waiting = [annotation for annotation in found.unmarked if members[annotation].looks_up < PATIENCE]
        await self._ask(above for part in waiting if not members[part].looks_up for above in found.unmarked[part])
        for part in waiting:
            members[part].looks_up += 1
        return waiting

    async def _ask(self, above: Iterable[AnnotationReading]) -> None:
        """Have the owners of these look at them; who is known to be split has told its parts."""
        hints = {reading.id: Hint(reading.id, Via.READ, "split", reading.queue) for reading in above}
        # Only a help: the sweeps and the open set come by as well.
        with contextlib.suppress(KafkaUnavailable):
            await self._services.work.send(hints.values())
            self._services.telemetry.hints_written(Via.READ, len(hints))

    def _row(self, annotation: AnnotationId) -> AnnotationRow | None:
        return self._view.annotation_row(annotation_entity(annotation))


def is_orphan(row: AnnotationRow | None, reading: AnnotationReading) -> bool:
    """Whether it may be the child of a split, is about to get its first event, and nobody has said whose it is.

    Children stand in a relation; an annotation without one costs no question. A mark that was inherited names the
    import, but not the root.
    """
    is_known = not _is_unknown(row) if reading.mark is None else row is not None and bool(row.published or row.root)
    return not is_known and bool(reading.relations) and reading.status not in UNFINISHED


def _is_unknown(row: AnnotationRow | None) -> bool:
    return row is None or (not row.published and row.import_id is None and row.root is None)


async def links_by_ancestors(rossum: Rossum, orphans: Sequence[AnnotationReading]) -> Found:
    """What those above some orphans tell.

    Raises:
        Retryable, NotOurs: Rossum can't tell now.
    """
    known = await _with_parents(rossum, {orphan.document for orphan in orphans if orphan.document is not None})
    lines = {orphan.id: _line(orphan.document, known) for orphan in orphans}
    readings = await rossum.annotations(
        {a for line in lines.values() for document in line for a in document.annotations}
    )
    found = Found()
    for orphan in orphans:
        above = [reading for document in lines[orphan.id] if (reading := _split_one(document, readings)) is not None]
        # The farthest: those between may have inherited its mark.
        marked = next((reading for reading in reversed(above) if reading.mark is not None), None)
        if marked is not None and (mark := marked.mark) is not None:
            found.links[orphan.id] = Linked(
                orphan.id, mark.import_id, mark.document_key, orphan.queue, marked.id, mark.origin
            )
        elif above and orphan.mark is None:
            found.unmarked[orphan.id] = above
    return found


async def _with_parents(rossum: Rossum, documents: Collection[int]) -> dict[int, DocumentReading]:
    """Those documents and all above them."""
    known: dict[int, DocumentReading] = {}
    wanted: Collection[int] = documents
    for _ in range(DEEPEST):
        if not wanted:
            break
        found = await rossum.documents(wanted)
        known |= found
        wanted = {document.parent for document in found.values() if document.parent is not None} - known.keys()
    return known


def _line(document: int | None, known: Mapping[int, DocumentReading]) -> list[DocumentReading]:
    """The documents above one, the nearest first."""
    line: list[DocumentReading] = []
    below = known.get(document) if document is not None else None
    while below is not None and below.parent is not None and len(line) < DEEPEST:
        below = known.get(below.parent)
        line += [below] if below is not None else []
    return line


def _split_one(
    document: DocumentReading, readings: Mapping[AnnotationId, AnnotationReading]
) -> AnnotationReading | None:
    """The annotation of a document that was split; a list that lags shows it as it was before.

    One with our mark is the best: it may be deleted or purged by now, its parts came from its import all the same.
    """
    shown = [readings[annotation] for annotation in document.annotations if annotation in readings]
    split = [reading for reading in shown if reading.status == "split" or reading.status in UNFINISHED]
    return next((reading for reading in (*split, *shown) if reading.mark is not None), split[0] if split else None)
