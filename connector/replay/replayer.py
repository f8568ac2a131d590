"""A replay from beginning to end: choose, read, rebuild, send.

The events go out by a plain idempotent producer: their facts are in the ledger already, and a consumer that has them
knows their ids. Facts that are not in the ledger go to the owner as hints.
"""

from collections import defaultdict
from collections.abc import AsyncGenerator, Collection, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from connector.clock import Clock
from connector.contracts.envelope import Event
from connector.domain.annotation_state import CLOCK_OF, FOUND_BY
from connector.domain.ids import AnnotationId, QueueId, annotation_entity, partition_of
from connector.domain.messages import Hint
from connector.domain.readings import AnnotationReading, DocumentReading, ExportReading
from connector.domain.rows import AnnotationRow
from connector.kafka.restore import RowSink
from connector.ports import Lane
from connector.progress import Progress
from connector.replay.choosing import Choice, Rows, Selection
from connector.replay.rebuilding import CAPTURED, Candidate, Fate, Rebuilding, Step
from connector.window_listing import Lists, annotations_in, patiently

#: Annotations that are read and sent together: one call of the list, one of each queue's export.
ANNOTATIONS_AT_ONCE = 100


class Asked(Lists, Protocol):
    """The part of Rossum that a replay asks."""

    async def annotations(
        self, ids: Collection[AnnotationId], *, lane: Lane = Lane.READS
    ) -> Mapping[AnnotationId, AnnotationReading]:
        """Those of `ids` that the list shows."""

    async def exports(self, queue: QueueId, ids: Collection[AnnotationId]) -> Mapping[AnnotationId, ExportReading]:
        """Captured data of those of `ids` that the queue's export shows."""

    async def children(self, document: int) -> Sequence[DocumentReading]:
        """Documents that a split made of a document."""


class Writes(Protocol):
    """Where a replay writes; see :class:`connector.replay.outlet.Outlet`."""

    async def publish(self, events: Iterable[Event]) -> None:
        """Write events."""

    async def ask(self, hints: Sequence[Hint]) -> None:
        """Write hints to the owners."""


class LedgerReader(Protocol):
    """The ledger, partition by partition."""

    async def partitions(self) -> int:
        """How many there are."""

    async def fold(self, partition: int, sink: RowSink) -> None:
        """Read a partition to its end into `sink`."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where a replay reads."""

    rossum: Asked
    ledger: LedgerReader
    clock: Clock
    progress: Progress


async def choose(selection: Selection, capture: Collection[str], sources: Sources) -> list[AnnotationId]:
    """The annotations of a selection: those named, those whose rows match, those that Rossum lists.

    Raises:
        Retryable, NotOurs: Kafka or Rossum does not answer, or not us.
    """
    chosen = set(selection.annotations)
    if selection.needs_ledger:
        partitions = await sources.ledger.partitions()
        sources.progress.begin("searching the ledger (partitions)", partitions)
        for partition in range(partitions):
            choice = Choice(selection)
            await sources.ledger.fold(partition, choice)
            chosen |= choice.everything
            sources.progress.step()
    if selection.window is not None:
        for by in sorted(_clocks(selection.names, capture)):
            sources.progress.begin(f"asking Rossum by {by} (rows)")
            pages = annotations_in(selection.window, by, selection.queues, rossum=sources.rossum, clock=sources.clock)
            async with aclosing(pages):
                async for rows in pages:
                    chosen |= {row.id for row in rows}
                    sources.progress.step(len(rows))
    return sorted(chosen)


def _clocks(names: Iterable[str], capture: Collection[str]) -> set[str]:
    """The clocks by which facts of these names are found."""
    clocks = {FOUND_BY.get(name, "arrived_at") for name in names if name != CAPTURED}
    return clocks | ({CLOCK_OF[status] for status in capture} if CAPTURED in names else set())


class Replayer:
    """Replays annotations; see the module.

    Args:
        outlet: Where to; None = a dry run.
        rate: Events a second at most; None = as fast as Rossum and Kafka are.
        to_elsewhere: Whether events go to a topic of the user's: then owners are not asked for anything.
    """

    def __init__(
        self,
        sources: Sources,
        rebuilding: Rebuilding,
        outlet: Writes | None,
        *,
        rate: float | None = None,
        to_elsewhere: bool = False,
    ) -> None:
        self._sources = sources
        self._rebuilding = rebuilding
        self._outlet = outlet
        self._rate = rate
        self._to_elsewhere = to_elsewhere

    async def run(self, chosen: Sequence[AnnotationId]) -> AsyncGenerator[Step, None]:
        """Do it; each step once it is done.

        Raises:
            Retryable, NotOurs: Kafka or Rossum does not answer, or not us; what was yielded before is done.
        """
        self._sources.progress.begin("replaying", len(chosen))
        async with aclosing(self._with_rows(chosen)) as parts:
            async for rows in parts:
                candidates = await self._read(rows)
                steps = [self._bound(step) for one in candidates for step in self._rebuilding.steps(one)]
                async with aclosing(self._sent(steps)) as done:
                    async for step in done:
                        yield step
                self._sources.progress.step(len(rows))

    async def _with_rows(
        self, chosen: Sequence[AnnotationId]
    ) -> AsyncGenerator[dict[AnnotationId, AnnotationRow | None], None]:
        """Some annotations at a time, with their rows; partition by partition, so that few rows are held."""
        partitions = await self._sources.ledger.partitions()
        by_partition: dict[int, list[AnnotationId]] = defaultdict(list)
        for annotation in chosen:
            by_partition[partition_of(annotation_entity(annotation), partitions)].append(annotation)
        for number, annotations in by_partition.items():
            rows = Rows(frozenset(annotations))
            await self._sources.ledger.fold(number, rows)
            for start in range(0, len(annotations), ANNOTATIONS_AT_ONCE):
                some = annotations[start : start + ANNOTATIONS_AT_ONCE]
                yield {annotation: rows.rows.get(annotation) for annotation in some}

    async def _read(self, rows: Mapping[AnnotationId, AnnotationRow | None]) -> list[Candidate]:
        """What Rossum shows of these."""
        rossum, clock = self._sources.rossum, self._sources.clock
        readings = await patiently(partial(rossum.annotations, list(rows), lane=Lane.OPS), clock)
        by_queue: dict[QueueId, list[AnnotationId]] = defaultdict(list)
        for annotation, reading in readings.items():
            if self._rebuilding.wants_export(rows[annotation]) and reading.status != "purged":
                by_queue[reading.queue].append(annotation)
        exports: dict[AnnotationId, ExportReading] = {}
        for queue, ids in by_queue.items():
            exports.update(await patiently(partial(rossum.exports, queue, ids), clock))
        candidates = []
        for annotation, row in rows.items():
            found = readings.get(annotation)
            children = await self._children(found, row)
            candidates.append(Candidate(annotation, row, found, exports.get(annotation), children))
        return candidates

    async def _children(self, reading: AnnotationReading | None, row: AnnotationRow | None) -> tuple[AnnotationId, ...]:
        if reading is None or reading.document is None or not self._rebuilding.wants_children(row):
            return ()
        documents = await patiently(partial(self._sources.rossum.children, reading.document), self._sources.clock)
        return tuple(child for document in documents for child in document.annotations)

    def _bound(self, step: Step) -> Step:
        """An owner publishes to the public topics only."""
        if step.fate is not Fate.ASKED or not self._to_elsewhere:
            return step
        sentence = "never published: replay it without --to-topic first"
        return replace(step, fate=Fate.UNPUBLISHED, sentence=sentence, hint=None)

    async def _sent(self, steps: Sequence[Step]) -> AsyncGenerator[Step, None]:
        """Send some at once; with a rate a tenth of a second's worth."""
        size = len(steps) if self._rate is None else max(1, int(self._rate / 10))
        for start in range(0, len(steps), max(size, 1)):
            some = steps[start : start + size]
            if self._outlet is not None:
                await self._outlet.publish([step.event for step in some if step.event is not None])
                await self._outlet.ask([step.hint for step in some if step.hint is not None])
                if self._rate is not None:
                    await self._sources.clock.sleep(sum(step.event is not None for step in some) / self._rate)
            for step in some:
                yield step
