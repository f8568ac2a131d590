"""Which annotations an export is about: listed once, before anything is exported, and fixed from then on."""

from collections.abc import Collection, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from connector.clock import Clock
from connector.domain.ids import AnnotationId, QueueId
from connector.domain.readings import AnnotationReading
from connector.ports import Lane
from connector.progress import Progress
from connector.window_listing import Lists, Window, annotations_in, patiently


class Asked(Lists, Protocol):
    """The part of Rossum that tells which annotations there are."""

    async def annotations(
        self, ids: Collection[AnnotationId], *, lane: Lane = Lane.READS
    ) -> Mapping[AnnotationId, AnnotationReading]:
        """Those of `ids` that the annotation list shows."""


@dataclass(frozen=True, slots=True)
class Span:
    """A window of one clock: its first instant is counted in, its last is not, so that windows in a row fit together.

    Attributes:
        clock: One of :data:`connector.domain.readings.CLOCKS`.
        after, before: Clock texts.
    """

    clock: str
    after: str
    before: str


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person chose: a span, or ids.

    Attributes:
        statuses: Only annotations that have one of these when they are listed; none = any.
    """

    queue: QueueId
    span: Span | None = None
    ids: tuple[AnnotationId, ...] = ()
    statuses: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class FixedSet:
    """What the choice came to.

    Attributes:
        statuses: The chosen annotations with their status, in the order of the span's clock or as they were named.
        left_out: Annotations that were named but can't be exported, with the reason.
    """

    statuses: Mapping[AnnotationId, str]
    left_out: Mapping[AnnotationId, str]


async def fixed_set(choice: Choice, rossum: Asked, clock: Clock, progress: Progress) -> FixedSet:
    """The annotations of a choice as they are now.

    The window is walked by the clock's value and statuses are looked at here, not by Rossum's filter: rows that leave
    a filter under way would shift others onto pages that were read already.

    Raises:
        Retryable: Rossum does not answer, or its listing keeps changing.
        NotOurs: Rossum refuses us.
    """
    if choice.span is None:
        return await _named(choice, rossum, clock)
    found: dict[AnnotationId, str] = {}
    progress.begin("annotations listed")
    span = choice.span
    window = Window(span.after, span.before, undated=True)
    pages = annotations_in(window, span.clock, [choice.queue], rossum=rossum, clock=clock)
    async with aclosing(pages):
        async for rows in pages:
            within = [row for row in rows if row.clocks.get(span.clock, "") < span.before]
            progress.step(len({row.id for row in within} - found.keys()))
            found.update((row.id, row.status) for row in within)
    wanted = choice.statuses
    return FixedSet({number: status for number, status in found.items() if not wanted or status in wanted}, {})


async def _named(choice: Choice, rossum: Asked, clock: Clock) -> FixedSet:
    ids = tuple(dict.fromkeys(choice.ids))
    readings = await patiently(partial(rossum.annotations, ids, lane=Lane.OPS), clock)
    left_out = {}
    for number in ids:
        reason = why_not(readings.get(number), choice.queue)
        if reason is None and choice.statuses and readings[number].status not in choice.statuses:
            reason = f"is {readings[number].status}"
        if reason is not None:
            left_out[number] = reason
    return FixedSet({number: readings[number].status for number in ids if number not in left_out}, left_out)


def why_not(reading: AnnotationReading | None, queue: QueueId) -> str | None:
    """Why an annotation can't be in an export of that queue; None when it can."""
    if reading is None:
        return "is not in Rossum, or not for these credentials"
    return None if reading.queue == queue else f"is in queue {reading.queue}"
