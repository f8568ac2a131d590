"""Lists all annotations of a window of one of Rossum's clocks, for commands: complete, and patient with failures."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol, TypeVar

from connector.clock import Clock
from connector.domain import sweep_state as rules
from connector.domain.ids import QueueId
from connector.domain.readings import Listing, ListingPage, ListingRow
from connector.domain.sweep_state import Unstable, Walk
from connector.errors import Retryable
from connector.ports import Lane

#: How often a call that got no answer is made, and how long before the next time (seconds).
TRIES, PAUSE = 5, 2.0
#: Bounds of listings are cut to seconds, and nobody says whether they are counted in.
MARGIN = timedelta(seconds=2)
#: Before every clock of Rossum's.
EARLIEST = "1970-01-01T00:00:00.000000Z"

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Window:
    """Clock texts, both counted in.

    Attributes:
        undated: Whether Rossum's own filter is believed where a row does not show its clock; such a row may lie up to
            2 s outside.
    """

    after: str
    before: str
    undated: bool = False

    def holds(self, clock: str | None) -> bool:
        """Whether that clock text lies in it."""
        return self.undated if clock is None else self.after <= clock <= self.before


class Lists(Protocol):
    """The part of Rossum that lists."""

    async def list_annotations(self, listing: Listing, *, lane: Lane = Lane.SWEEPS) -> ListingPage:
        """One page of annotations by a clock."""


async def patiently(call: Callable[[], Awaitable[Answer]], clock: Clock) -> Answer:
    """What a call to Rossum answers, after a few failures too.

    Raises:
        Retryable: It failed every time.
        NotOurs: At once.
    """
    for _ in range(TRIES - 1):
        try:
            return await call()
        except Retryable:
            await clock.sleep(PAUSE)
    return await call()


async def annotations_in(
    window: Window, by: str, queues: Iterable[QueueId], *, rossum: Lists, clock: Clock
) -> AsyncGenerator[list[ListingRow], None]:
    """All annotations whose clock `by` lies in the window, some at a time; one may come twice.

    Raises:
        Retryable: Rossum does not answer, or its listing keeps changing.
        NotOurs: Rossum refuses us.
    """
    after, before = (datetime.fromisoformat(bound) for bound in (window.after, window.before))
    walk = Walk.begin(by, queues, after=after - MARGIN, before=before + MARGIN)
    while True:
        page = await patiently(partial(rossum.list_annotations, rules.listing(walk), lane=Lane.OPS), clock)
        try:
            step = rules.advance(walk, page)
        except Unstable as error:
            raise Retryable(f"Rossum's listing by {by} kept changing: try again, or with a smaller window") from error
        yield [row for row in step.fresh if window.holds(row.clocks.get(by))]
        if step.done:
            return
        walk = step.walk
