"""Where annotations wait for their turn: one decision in flight each, what comes meanwhile merges.

Reads of different kinds don't wait for each other: lists may take seconds while uploads use up the API budget, and
captured data must not.
"""

import asyncio
import heapq
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from connector.clock import Clock
from connector.domain.annotation_hints import Need
from connector.domain.ids import AnnotationId, QueueId
from connector.domain.messages import Hint, Linked, Via
from connector.domain.split_parts import SplitParts
from connector.engine.tickets import Ticket

#: Annotations of one batch: what one call of Rossum answers.
BATCH = 100
#: Batches of one need that are under way.
BATCHES_IN_FLIGHT = 8

#: The read that an annotation needs, and of which queue where that matters.
Kind = tuple[Need, QueueId | None]


@dataclass(slots=True)
class Waiting:
    """What is known of an annotation that waits for a decision.

    Attributes:
        hints: What they say, each once.
        heard: How each of them came, those that say the same too.
        first_read: When Rossum first answered for it (monotonic seconds).
        not_before: Monotonic seconds; until then Rossum's replicas get time.
        forced: Read even if the row knows all (the open set asks).
        listing: An export alone did not tell enough.
        twin_of: Its import says that it is a twin of that one.
        looks_up: How often it has waited for the word of what it was split from.
        parts: Those that Rossum has shown where it is split.
        handled: Within the batch under way: decided, or waiting again.
    """

    since: float
    hints: list[Hint] = field(default_factory=list)
    heard: list[Via] = field(default_factory=list)
    linked: Linked | None = None
    twin_of: AnnotationId | None = None
    tickets: list[Ticket] = field(default_factory=list)
    tries: int = 0
    looks_up: int = 0
    not_before: float = 0.0
    first_read: float | None = None
    forced: bool = False
    listing: bool = False
    parts: SplitParts = field(default_factory=SplitParts)
    handled: bool = False

    def merge(self, other: "Waiting") -> None:
        """Take in what came meanwhile."""
        self.since = min(self.since, other.since)
        self.tries = max(self.tries, other.tries)
        self.looks_up = max(self.looks_up, other.looks_up)
        reads = [read for read in (self.first_read, other.first_read) if read is not None]
        self.first_read = min(reads, default=None)
        self.hints += [hint for hint in other.hints if hint not in self.hints]
        self.heard += other.heard
        self.linked = other.linked or self.linked
        self.twin_of = other.twin_of or self.twin_of
        if self.parts.shown is None:
            self.parts = other.parts
        self.tickets += other.tickets
        self.forced |= other.forced
        self.listing |= other.listing


@dataclass(frozen=True, slots=True)
class Batch:
    """Annotations that one read answers for."""

    need: Need
    queue: QueueId | None
    members: dict[AnnotationId, Waiting]


class WaitingRoom:
    """See the module.

    An annotation that waits is ready and filed by what it needs; or its pause is not over; or it is busy, and is filed
    when that is over: only its own decision changes what it needs.

    Args:
        kind_of: What an annotation needs now.
    """

    def __init__(self, clock: Clock, *, kind_of: Callable[[AnnotationId, Waiting], Kind]) -> None:
        self._clock = clock
        self._kind_of = kind_of
        self._waiting: dict[AnnotationId, Waiting] = {}
        #: Captured data first.
        self._ready: dict[Need, dict[AnnotationId, Waiting]] = {need: {} for need in reversed(Need)}
        #: When pauses end, the next one first; those that are over meanwhile in another way stay until then.
        self._pauses: list[tuple[float, AnnotationId]] = []
        self._busy: set[AnnotationId] = set()
        self._under_way = Counter[Need]()
        self._wake = asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting) + len(self._busy)

    def __contains__(self, annotation: AnnotationId) -> bool:
        return annotation in self._waiting or annotation in self._busy

    def put(self, annotation: AnnotationId, waiting: Waiting) -> None:
        """It waits, together with what waits for it already."""
        known = self._waiting.get(annotation)
        if known is not None:
            known.merge(waiting)
        else:
            self._waiting[annotation] = waiting
        if known is None or known.not_before <= self._clock.monotonic():
            self._file(annotation)
        self._wake.set()

    def free(self, batch: Batch) -> None:
        """The batch is over: what came meanwhile may have its turn."""
        self._busy.difference_update(batch.members)
        self._under_way[batch.need] -= 1
        for annotation in batch.members:
            self._file(annotation)
        self._wake.set()

    async def next_batch(self) -> Batch:
        """Up to 100 annotations that need the same kind of read; they are busy until freed."""
        while (batch := self._take()) is None:
            self._wake.clear()
            pause = self._pauses[0][0] - self._clock.monotonic() if self._pauses else None
            try:
                async with asyncio.timeout(None if pause is None else max(pause, 0.001)):
                    await self._wake.wait()
            except TimeoutError:
                pass
        self._busy.update(batch.members)
        self._under_way[batch.need] += 1
        return batch

    def _file(self, annotation: AnnotationId) -> None:
        """Have it found, if it waits and may have its turn."""
        waiting = self._waiting.get(annotation)
        if waiting is None or annotation in self._busy:
            return
        if waiting.not_before > self._clock.monotonic():
            heapq.heappush(self._pauses, (waiting.not_before, annotation))
            return
        needed, _ = self._kind_of(annotation, waiting)
        for need, ready in self._ready.items():
            if need is needed:
                ready.setdefault(annotation, waiting)
            else:
                ready.pop(annotation, None)

    def _take(self) -> Batch | None:
        now = self._clock.monotonic()
        while self._pauses and self._pauses[0][0] <= now:
            self._file(heapq.heappop(self._pauses)[1])
        free = (ready for need, ready in self._ready.items() if self._under_way[need] < BATCHES_IN_FLIGHT)
        return next((self._batch_of(ready) for ready in free if ready), None)

    def _batch_of(self, ready: dict[AnnotationId, Waiting]) -> Batch:
        """The first one and others of its kind: a queue has reads of its own."""
        members: dict[AnnotationId, Waiting] = {}
        first: Kind | None = None
        for annotation, waiting in ready.items():
            kind = self._kind_of(annotation, waiting)
            first = first or kind
            if kind == first:
                members[annotation] = waiting
                if len(members) == BATCH:
                    break
        assert first is not None, "there is one that is ready"
        for annotation, waiting in members.items():
            del ready[annotation], self._waiting[annotation]
            waiting.handled = False
        return Batch(first[0], first[1], members)
