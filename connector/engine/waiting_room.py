"""Where annotations wait for their turn: one decision in flight each, what comes meanwhile merges.

Reads of different kinds don't wait for each other: lists may take seconds while uploads use up the API budget, and
captured data must not.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from connector.clock import Clock
from connector.domain.annotation_hints import Need
from connector.domain.ids import AnnotationId, QueueId
from connector.domain.messages import Hint, Linked
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
        self.hints += other.hints
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

    Args:
        kind_of: What an annotation needs now.
    """

    def __init__(self, clock: Clock, *, kind_of: Callable[[AnnotationId, Waiting], Kind]) -> None:
        self._clock = clock
        self._kind_of = kind_of
        self._waiting: dict[Need, dict[AnnotationId, Waiting]] = {need: {} for need in Need}
        self._busy: set[AnnotationId] = set()
        self._under_way = Counter[Need]()
        self._wake = asyncio.Event()

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values())) + len(self._busy)

    def __contains__(self, annotation: AnnotationId) -> bool:
        return annotation in self._busy or any(annotation in waiting for waiting in self._waiting.values())

    def put(self, annotation: AnnotationId, waiting: Waiting) -> None:
        """It waits, together with what waits for it already."""
        filed = next((need for need, others in self._waiting.items() if annotation in others), None)
        if filed is not None:
            known = self._waiting[filed][annotation]
            known.merge(waiting)
            waiting = known
        need, _ = self._kind_of(annotation, waiting)
        if filed is not need:
            if filed is not None:
                del self._waiting[filed][annotation]
            self._waiting[need][annotation] = waiting
        self._wake.set()

    def free(self, batch: Batch) -> None:
        """The batch is over: what came meanwhile may have its turn."""
        self._busy.difference_update(batch.members)
        self._under_way[batch.need] -= 1
        self._wake.set()

    async def next_batch(self) -> Batch:
        """Up to 100 annotations that need the same kind of read; they are busy until freed."""
        while (batch := self._take()) is None:
            self._wake.clear()
            now = self._clock.monotonic()
            pauses = [
                w.not_before - now for waiting in self._may_begin() for a, w in waiting.items() if a not in self._busy
            ]
            try:
                async with asyncio.timeout(max(min(pauses), 0.001) if pauses else None):
                    await self._wake.wait()
            except TimeoutError:
                pass
        self._busy.update(batch.members)
        self._under_way[batch.need] += 1
        return batch

    def _may_begin(self) -> list[dict[AnnotationId, Waiting]]:
        """Those of whose need another batch may be under way."""
        return [waiting for need, waiting in self._waiting.items() if self._under_way[need] < BATCHES_IN_FLIGHT]

    def _take(self) -> Batch | None:
        return next((batch for waiting in self._may_begin() if (batch := self._batch_of(waiting))), None)

    def _batch_of(self, filed: dict[AnnotationId, Waiting]) -> Batch | None:
        """What is needed is asked anew: a row may have learnt more since the annotation was filed."""
        now = self._clock.monotonic()
        first: Kind | None = None
        members: dict[AnnotationId, Waiting] = {}
        for annotation, waiting in filed.items():
            if annotation in self._busy or waiting.not_before > now:
                continue
            kind = self._kind_of(annotation, waiting)
            first = first or kind
            if kind == first:
                members[annotation] = waiting
                if len(members) == BATCH:
                    break
        if first is None:
            return None
        for annotation in members:
            filed.pop(annotation).handled = False
        return Batch(first[0], first[1], members)
