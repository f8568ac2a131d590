"""How one sweep walks a window of Rossum's annotation list without missing a row.

A window is walked by value: the next call asks again for page 1, from one second before the last row's clock. Page
numbers are used only where that makes no progress (more rows than a page share a second, or the listing has no
order by its clock); such a stretch is read until two reads in a row show the same ids and the same total, because
rows that leave a filter shift all later pages. Bounds are whole seconds: whether Rossum cuts them off itself, or
counts a bound in or out, changes nothing then.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime, timedelta
from typing import Any, Self

from connector.domain.ids import QueueId, format_clock
from connector.domain.readings import Listing, ListingPage, ListingRow
from connector.domain.rows import SweepRow

#: Ids that one call may name; more queues than this are walked in turn.
QUEUES_A_CALL = 100
#: After so many differing reads a stretch is given up; the pass is repeated later.
READS_OF_A_STRETCH = 12
#: The step back by value: a second, the coarsest grain that a filter of Rossum may have.
STEP_BACK = timedelta(seconds=1)


class Unstable(Exception):
    """The listing kept changing under the walk; the pass starts again later."""


@dataclass(frozen=True, slots=True)
class SweepPolicy:
    """Settings of the sweeps; durations in seconds.

    Attributes:
        start: Nothing before it is swept (clock text).
    """

    queues: tuple[QueueId, ...]
    interval: float
    lag: float
    overlap: float
    deep_interval: float
    deep_overlap: float
    start: str


@dataclass(frozen=True, slots=True)
class Walk:
    """A pass under way.

    Attributes:
        after, before: The window (clock text, whole seconds).
        cursor: The lower bound of the next call.
        page: From 1; above 1 only within a stretch.
        edge: Ids at or after `cursor` that were seen already.
        stretch: Ids of the read of a stretch under way, `total` what Rossum said there.
        previous: Ids and total of the read before.
        rest: Queues that come after these, `walked` those that came before.
        seen: Rows seen so far; `new` those that were not hinted by an earlier pass.
    """

    clock: str
    queues: tuple[int, ...]
    after: str
    before: str
    cursor: str
    deep: bool = False
    rest: tuple[int, ...] = ()
    walked: tuple[int, ...] = ()
    page: int = 1
    edge: frozenset[int] = frozenset()
    stretch: frozenset[int] = frozenset()
    previous: tuple[frozenset[int], int | None] | None = None
    reads: int = 0
    seen: int = 0
    new: int = 0

    @classmethod
    def begin(cls, clock: str, queues: Iterable[int], *, after: datetime, before: datetime, deep: bool = False) -> Self:
        """A pass over a window, from its start."""
        wanted = tuple(sorted(queues))
        lower = whole_second(after)
        return cls(
            clock,
            wanted[:QUEUES_A_CALL],
            lower,
            whole_second(before),
            cursor=lower,
            deep=deep,
            rest=wanted[QUEUES_A_CALL:],
        )

    def saved(self) -> dict[str, Any]:
        """What the ledger row keeps so that an interrupted pass goes on: a place, never a stretch half read."""
        kept = asdict(replace(self, page=1, stretch=frozenset(), previous=None, reads=0, edge=frozenset()))
        return {name: value for name, value in kept.items() if not isinstance(value, frozenset)}

    @classmethod
    def restored(cls, saved: Mapping[str, Any]) -> Self:
        """The pass that :meth:`saved` described."""
        known = {f.name for f in fields(cls)}
        values = {name: value for name, value in saved.items() if name in known}
        for name in ("queues", "rest", "walked"):
            values[name] = tuple(values.get(name, ()))
        return cls(**values)


@dataclass(frozen=True, slots=True)
class Step:
    """What one page taught.

    Attributes:
        walk: Where the pass goes on.
        fresh: Rows not seen before in this pass.
        done: The window is complete.
    """

    walk: Walk
    fresh: tuple[ListingRow, ...] = field(default=())
    done: bool = False


def whole_second(instant: datetime) -> str:
    """Clock text cut to its second."""
    return format_clock(instant.replace(microsecond=0))


def listing(walk: Walk) -> Listing:
    """The next call."""
    return Listing(walk.clock, tuple(QueueId(q) for q in walk.queues), walk.cursor, walk.before, walk.page)


def advance(walk: Walk, page: ListingPage) -> Step:
    """Take in one page.

    Raises:
        Unstable: A stretch did not settle.
    """
    fresh = tuple(row for row in page.rows if row.id not in walk.edge)
    seen_now = walk.edge | {row.id for row in page.rows}
    walk = replace(walk, seen=walk.seen + len(fresh), edge=seen_now)
    if walk.page == 1 and walk.previous is None:
        if not page.more:
            return _finish(walk, fresh)
        cursor = _next_cursor(walk, page)
        if cursor is not None:
            return Step(_step_to(walk, page, cursor), fresh)
    return _advance_stretch(walk, page, fresh)


def _advance_stretch(walk: Walk, page: ListingPage, fresh: tuple[ListingRow, ...]) -> Step:
    stretch = walk.stretch | {row.id for row in page.rows}
    cursor = _next_cursor(walk, page)
    if page.more and cursor is None:
        return Step(replace(walk, page=walk.page + 1, stretch=stretch), fresh)
    this = (stretch, page.total)
    if walk.previous != this:
        if walk.reads >= READS_OF_A_STRETCH:
            raise Unstable
        again = replace(walk, page=1, stretch=frozenset(), previous=this, reads=walk.reads + 1)
        return Step(again, fresh)
    walk = replace(walk, page=1, stretch=frozenset(), previous=None, reads=0)
    if not page.more or cursor is None:
        return _finish(walk, fresh)
    return Step(_step_to(walk, page, cursor), fresh)


def _next_cursor(walk: Walk, page: ListingPage) -> str | None:
    """One second before the last row, if that is progress; None where the listing has no order by its clock."""
    if walk.clock == "arrived_at" or not page.rows:
        return None
    last = page.rows[-1].clocks.get(walk.clock)
    if last is None:
        return None
    cursor = whole_second(datetime.fromisoformat(last) - STEP_BACK)
    return cursor if cursor > walk.cursor else None


def _step_to(walk: Walk, page: ListingPage, cursor: str) -> Walk:
    known = {row.id for row in page.rows if row.clocks.get(walk.clock, "") >= cursor}
    # In a stretch earlier pages may hold rows of the same second; forgetting them only repeats a hint.
    return replace(walk, cursor=cursor, page=1, edge=frozenset(known))


def _finish(walk: Walk, fresh: tuple[ListingRow, ...]) -> Step:
    if not walk.rest:
        return Step(walk, fresh, done=True)
    onward = replace(
        walk,
        walked=(*walk.walked, *walk.queues),
        queues=walk.rest[:QUEUES_A_CALL],
        rest=walk.rest[QUEUES_A_CALL:],
        cursor=walk.after,
        page=1,
        edge=frozenset(),
    )
    return Step(onward, fresh)


def next_walk(row: SweepRow, policy: SweepPolicy, now: datetime, *, deep: bool) -> Walk:
    """The pass to do now: the interrupted one, a catch-up for new queues, or the next window.

    Args:
        row: Of the sweep.
        policy: Its settings.
        now: Rossum's time; our own clock may be wrong.
        deep: Whether the long overlap is asked for although it is not due.
    """
    if row.walk is not None:
        return Walk.restored(row.walk)
    watermark = datetime.fromisoformat(row.watermark)
    added = set(policy.queues) - set(row.queues)
    if added:
        start = datetime.fromisoformat(policy.start)
        return Walk.begin(row.clock, added, after=start, before=watermark)
    deep = deep or row.deep_at is None or now >= _deep_due(row, policy)
    overlap = policy.deep_overlap if deep else policy.overlap
    end = now - timedelta(seconds=policy.lag)
    return Walk.begin(
        row.clock,
        policy.queues,
        # Rossum's clock may be set back: what happens then has clocks below the watermark.
        after=min(watermark, end) - timedelta(seconds=overlap),
        before=max(end, watermark),
        deep=deep,
    )


def _deep_due(row: SweepRow, policy: SweepPolicy) -> datetime:
    return datetime.fromisoformat(row.deep_at or row.watermark) + timedelta(seconds=policy.deep_interval)


def completed(row: SweepRow, walk: Walk) -> SweepRow:
    """The row of a complete pass; a catch-up adds its queues and leaves the watermark.

    The watermark speaks for the queues that were walked and no others: one that was removed meanwhile, or came later,
    gets its catch-up when it is there again.
    """
    walked = {*walk.walked, *walk.queues}
    if not walked & set(row.queues):
        return replace(row, queues=tuple(sorted({*row.queues, *walked})), walk=None)
    return replace(
        row,
        watermark=max(walk.before, row.watermark),
        queues=tuple(sorted(walked)),
        deep_at=walk.before if walk.deep else row.deep_at,
        walk=None,
    )
