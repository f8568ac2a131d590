"""Follows uploads until their documents are done: many at once, by few calls that name up to 100 of them.

An annotation tells by our mark which upload it came from. Only what no mark explains is asked for by its task, one
call a document: an archive, a document that became nothing, metadata that somebody has overwritten.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from connector.clock import Clock
from connector.domain.ids import AnnotationId, QueueId, format_clock
from connector.domain.readings import AnnotationReading, DocumentReading, TaskReading, UploadReading
from connector.domain.split_parts import SplitParts
from connector.errors import NotOurs, Retryable
from connector.ports import Lane
from connector.progress import Progress
from connector.upload.outcomes import Fate, Followed, Sent
from connector.upload.stopping import sleep_unless
from connector.window_listing import Lists, Window, annotations_in

#: Pauses between two looks (seconds): they grow while nothing happens.
SHORTEST, LONGEST, GROWTH = 1.0, 15.0, 1.5
#: When a document of a kind that holds just one is asked for by its task, and how often (seconds).
TASK_AFTER, TASK_AGAIN = 20.0, 20.0
#: Seconds after which the parts of a split are those that Rossum shows: one may never get an annotation.
SPLIT_PATIENCE = 60.0
#: How far the window of arrivals reaches beyond the uploads, both ways.
MARGIN = timedelta(seconds=60)

_READ = frozenset({"to_review", "reviewing", "postponed", "in_workflow", "failed_export"})
_EXPORTED = frozenset({"exported"})
_CONFIRMED = frozenset({"confirmed", "exporting"}) | _EXPORTED
#: How far a document has to come, and the statuses in which it has.
GOALS: Mapping[str, frozenset[str]] = {
    "exported": _EXPORTED,
    "confirmed": _CONFIRMED,
    "to_review": _READ | _CONFIRMED,
    "imported": _READ | _CONFIRMED | {"created", "importing"},
}
#: Statuses that lead nowhere by themselves.
DEAD_ENDS = frozenset({"failed_import", "rejected", "deleted", "purged", "failed_export"})


class Rossum(Lists, Protocol):
    """The part of Rossum that tells what became of uploads."""

    async def annotations(
        self, ids: Collection[AnnotationId], *, lane: Lane = Lane.READS
    ) -> Mapping[AnnotationId, AnnotationReading]:
        """Those of `ids` that the annotation list shows."""

    async def task(self, url: str) -> TaskReading | None:
        """An upload's task; None where it has expired."""

    async def upload_object(self, url: str) -> UploadReading | None:
        """What an upload became."""

    async def children(self, document: int) -> Sequence[DocumentReading]:
        """Documents whose parent is `document`."""

    def now(self) -> datetime:
        """Rossum's time as far as it is known."""


@dataclass(slots=True)
class _Case:
    """One upload and what is known of it.

    Attributes:
        statuses: Of its annotations; empty text before the first look.
        splits: Those that are split and whose parts are not all there: since when (monotonic seconds), and which are.
        complete: Whether all of its annotations are known.
        failure: Why it has come to its end without any.
        ask_at: When its task is asked (monotonic seconds).
    """

    sent: Sent
    ask_at: float
    statuses: dict[AnnotationId, str] = field(default_factory=dict)
    messages: dict[AnnotationId, str] = field(default_factory=dict)
    splits: dict[AnnotationId, tuple[float, SplitParts]] = field(default_factory=dict)
    complete: bool = False
    failure: str = ""

    def is_over(self, goal: frozenset[str]) -> bool:
        """Whether nothing more is to be expected of it."""
        ends = all(status in goal or status in DEAD_ENDS for status in self.statuses.values())
        return bool(self.failure) or (self.complete and bool(self.statuses) and ends)


class Following:
    """Follows the uploads to one queue.

    Args:
        goal: One of :data:`GOALS`.
        stop: Once it is set, nothing is waited for.
    """

    def __init__(  # noqa: PLR0913 - all that following touches
        self,
        rossum: Rossum,
        clock: Clock,
        *,
        queue: QueueId,
        goal: str,
        stop: asyncio.Event,
        progress: Progress,
    ) -> None:
        self._rossum = rossum
        self._clock = clock
        self._queue = queue
        self._goal = GOALS[goal]
        self._goal_name = goal
        self._stop = stop
        self._progress = progress
        self._foreign: set[AnnotationId] = set()
        self._trouble = ""
        self._refused = False

    async def run(self, uploads: Sequence[Sent], *, within: float) -> list[Followed]:
        """What became of each of the accepted uploads, in their order, at the latest after `within` seconds."""
        started = self._clock.monotonic()
        cases = [self._case(sent, started) for sent in uploads]
        self._progress.begin(f"documents {self._goal_name}", len(cases))
        pause, over = SHORTEST, 0
        while True:
            before = [(case.complete, dict(case.statuses)) for case in cases]
            await self._look(cases)
            now_over = sum(case.is_over(self._goal) for case in cases)
            self._progress.step(now_over - over)
            over = now_over
            changed = before != [(case.complete, case.statuses) for case in cases]
            pause = SHORTEST if changed else min(pause * GROWTH, LONGEST)
            left = started + within - self._clock.monotonic()
            if over == len(cases) or left <= 0 or self._refused or self._stop.is_set():
                waited = self._clock.monotonic() - started
                return [self._end(case, waited) for case in cases]
            await sleep_unless(self._stop, self._clock, min(pause, left))

    def _case(self, sent: Sent, now: float) -> _Case:
        case = _Case(sent, ask_at=now + TASK_AFTER if sent.single else now)
        case.statuses = dict.fromkeys(sent.annotations, "")
        case.complete = sent.single and bool(sent.annotations)
        return case

    async def _look(self, cases: Sequence[_Case]) -> None:
        """Learn what there is to learn now; a call that fails is made again next time."""
        try:
            self._trouble = ""
            open_cases = [case for case in cases if not case.is_over(self._goal)]
            await self._link([case for case in open_cases if not case.statuses])
            for case in open_cases:
                await self._ask(case)
            await self._read(open_cases)
        except (Retryable, NotOurs) as error:
            self._trouble = str(error)
            self._refused = isinstance(error, NotOurs)

    async def _link(self, cases: Sequence[_Case]) -> None:
        """Find annotations of these uploads among the arrivals since the first of them."""
        if not cases:
            return
        by_import = {case.sent.import_id: case for case in cases}
        first = min(case.sent.at or self._rossum.now() for case in cases)
        window = Window(format_clock(first - MARGIN), format_clock(self._rossum.now() + MARGIN))
        pages = annotations_in(window, "arrived_at", [self._queue], rossum=self._rossum, clock=self._clock)
        async with aclosing(pages):
            async for rows in pages:
                unknown = {row.id for row in rows} - self._foreign
                for reading in (await self._readings(unknown)).values():
                    case = by_import.get(reading.mark.import_id) if reading.mark else None
                    if case is None:
                        self._foreign.add(reading.id)
                    else:
                        case.statuses[reading.id] = ""
                        case.complete = case.complete or case.sent.single

    async def _ask(self, case: _Case) -> None:
        """Ask the task of an upload that its mark does not explain, when it is time to."""
        now = self._clock.monotonic()
        if case.complete or case.sent.task is None or now < case.ask_at:
            return
        case.ask_at = now + (TASK_AGAIN if case.sent.single else LONGEST / 2)
        task = await self._rossum.task(case.sent.task)
        if task is not None and task.status == "failed":
            case.failure = f"Rossum's import failed: {task.detail or task.code or 'no reason given'}"
        if task is None or task.status != "succeeded" or task.upload is None:
            return
        upload = await self._rossum.upload_object(task.upload)
        if upload is None:
            return
        case.complete = True
        for number in upload.annotations:
            case.statuses.setdefault(number, "")
        if not case.statuses:
            case.failure = "Rossum made no annotation of it"

    async def _read(self, cases: Sequence[_Case]) -> None:
        """Statuses of all annotations that are not at their goal."""
        ids = {
            number
            for case in cases
            for number, status in case.statuses.items()
            if status not in self._goal and status not in DEAD_ENDS
        }
        readings = await self._readings(ids)
        for case in cases:
            for number in readings.keys() & case.statuses.keys():
                await self._take(case, readings[number])

    async def _take(self, case: _Case, reading: AnnotationReading) -> None:
        if parts := await self._parts(case, reading):
            del case.statuses[reading.id]
            case.statuses |= dict.fromkeys(parts, "")
            return
        case.statuses[reading.id] = reading.status
        case.messages[reading.id] = reading.messages or ""

    async def _parts(self, case: _Case, reading: AnnotationReading) -> tuple[AnnotationId, ...] | None:
        """What it was split into; None where it was not, or there may be more of them."""
        if reading.status != "split" or reading.document is None:
            return None
        children = await self._rossum.children(reading.document)
        now = self._clock.monotonic()
        since, parts = case.splits.setdefault(reading.id, (now, SplitParts()))
        return parts.told(children, now=now, patient=now - since < SPLIT_PATIENCE)

    async def _readings(self, ids: Collection[AnnotationId]) -> Mapping[AnnotationId, AnnotationReading]:
        return await self._rossum.annotations(ids, lane=Lane.OPS) if ids else {}

    def _end(self, case: _Case, waited: float) -> Followed:
        annotations = tuple(case.statuses.items())
        failures = [self._failure(case, number) for number, status in annotations if status in DEAD_ENDS - self._goal]
        if case.failure or failures:
            return Followed(case.sent.file, Fate.FAILED, annotations, case.failure or "; ".join(failures))
        if case.is_over(self._goal):
            return Followed(case.sent.file, Fate.DONE, annotations)
        waits = ", ".join(sorted({status or "not seen" for _, status in annotations if status not in self._goal}))
        sentence = f"still {waits or 'without an annotation'} after {waited:.0f} s"
        trouble = f": {self._trouble}" if self._trouble else ""
        return Followed(case.sent.file, Fate.WAITING, annotations, sentence + trouble)

    @staticmethod
    def _failure(case: _Case, number: AnnotationId) -> str:
        message = case.messages.get(number)
        return f"annotation {number} is {case.statuses[number]}" + (f": {message}" if message else "")
