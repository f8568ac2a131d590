"""What Rossum shows: captures by clock windows, and single things again when they seem to differ."""

from collections.abc import Collection, Mapping
from contextlib import aclosing
from functools import partial
from typing import Protocol

from connector.audit.evidence import Listed
from connector.audit.spill import Spill
from connector.clock import Clock
from connector.domain.ids import AnnotationId, QueueId, annotation_entity
from connector.domain.readings import AnnotationReading, DocumentReading, Listing
from connector.domain.sweep_state import QUEUES_A_CALL
from connector.ports import Lane
from connector.progress import Progress
from connector.window_listing import EARLIEST, Lists, Window, annotations_in, patiently


class Asked(Lists, Protocol):
    """The part of Rossum that an audit asks."""

    async def annotations(
        self, ids: Collection[AnnotationId], *, lane: Lane = Lane.READS
    ) -> Mapping[AnnotationId, AnnotationReading]:
        """Those of `ids` that the list shows."""

    async def documents(self, ids: Collection[int]) -> Mapping[int, DocumentReading]:
        """Those of `ids` that the document list shows."""


class Asking:
    """Asks Rossum, patiently."""

    def __init__(self, rossum: Asked, clock: Clock, queues: Collection[QueueId]) -> None:
        self._rossum = rossum
        self._clock = clock
        self._queues = tuple(sorted(queues))

    async def captures(self, by: str, window: Window, spill: Spill, progress: Progress) -> None:
        """Put every annotation whose clock `by` lies in that window into the spill."""
        progress.begin(f"asking Rossum by {by} (rows)")
        pages = annotations_in(window, by, self._queues, rossum=self._rossum, clock=self._clock)
        async with aclosing(pages):
            async for rows in pages:
                for row in rows:
                    spill.put_listed(annotation_entity(row.id), Listed(by, row.clocks[by], row.queue))
                progress.step(len(rows))

    async def count(self, by: str, before: str) -> int:
        """How many annotations have that clock before then: one call per hundred queues."""
        total = 0
        for start in range(0, len(self._queues), QUEUES_A_CALL):
            wanted = Listing(by, self._queues[start : start + QUEUES_A_CALL], EARLIEST, before)
            page = await patiently(partial(self._rossum.list_annotations, wanted, lane=Lane.OPS), self._clock)
            total += page.total or len(page.rows)
        return total

    async def again(self, annotations: Collection[AnnotationId], by: str, spill: Spill) -> None:
        """What these show now by that clock; nothing where Rossum has them no more."""
        found = await patiently(partial(self._rossum.annotations, annotations, lane=Lane.OPS), self._clock)
        for annotation in annotations:
            reading = found.get(annotation)
            value = reading.clocks.get(by) if reading and reading.status != "purged" else None
            spill.put_listed(annotation_entity(annotation), Listed(by, value, reading.queue if reading else 0))

    async def documents(self, entity: str, numbers: Collection[int], spill: Spill) -> None:
        """Which of an import's documents are root documents, and of when."""
        found = await patiently(partial(self._rossum.documents, numbers), self._clock)
        for number in numbers:
            document = found.get(number)
            is_root = document is not None and document.parent is None
            spill.put_document(entity, number, document.created_at if document and is_root else None)
