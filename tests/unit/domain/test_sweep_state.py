"""A sweep sees every row of its window, whatever the list does meanwhile (property tests of the walk)."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.domain.ids import AnnotationId, QueueId, format_clock
from connector.domain.readings import Listing, ListingPage, ListingRow
from connector.domain.rows import SweepRow
from connector.domain.sweep_state import QUEUES_A_CALL, Unstable, Walk, advance, completed, listing
from tests.support.examples import examples

START = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
PAGE = 100


@dataclass(slots=True)
class RossumList:
    """Rossum's annotation list as far as a sweep needs it, with its documented and its unknown habits."""

    rows: dict[int, datetime]
    inclusive: bool = False
    cut_seconds: bool = False
    hide_clocks: bool = False
    queue_of: dict[int, int] = field(default_factory=dict)

    def page(self, asked: Listing) -> ListingPage:
        """One call's answer."""
        after, before = (self._bound(text) for text in (asked.after, asked.before))
        found = sorted(
            (clock, number)
            for number, clock in self.rows.items()
            if self._within(clock, after, before) and self.queue_of.get(number, 1) in asked.queues
        )
        if asked.clock == "arrived_at":
            found.sort(key=lambda row: row[1])
        first = (asked.page - 1) * PAGE
        rows = tuple(self._row(asked.clock, number, clock) for clock, number in found[first : first + PAGE])
        return ListingPage(rows, len(found), len(found) > first + PAGE, START)

    def _bound(self, text: str) -> datetime:
        bound = datetime.fromisoformat(text)
        return bound.replace(microsecond=0) if self.cut_seconds else bound

    def _within(self, clock: datetime, after: datetime, before: datetime) -> bool:
        clock = clock.replace(microsecond=0) if self.cut_seconds else clock
        return after <= clock <= before if self.inclusive else after < clock < before

    def _row(self, name: str, number: int, clock: datetime) -> ListingRow:
        clocks = {} if self.hide_clocks else {name: format_clock(clock)}
        return ListingRow(AnnotationId(number), "exported", QueueId(1), None, clocks)


def walk_through(rossum: RossumList, walk: Walk, between: "list[dict[int, datetime]] | None" = None) -> set[int]:
    """All ids that a pass hands out; `between` moves rows after each call."""
    seen: set[int] = set()
    for call in range(10_000):
        step = advance(walk, rossum.page(listing(walk)))
        seen |= {row.id for row in step.fresh}
        if step.done:
            return seen
        walk = step.walk
        if between and call < len(between):
            rossum.rows.update(between[call])
    pytest.fail("the walk does not end")


def window(clock: str = "exported_at", *, seconds: int = 3600) -> Walk:
    """A pass over the hour after START."""
    return Walk.begin(clock, [1], after=START, before=START + timedelta(seconds=seconds))


#: Moments with how many rows share each: hypothesis rarely makes long lists, and what matters begins above a page.
moments = st.tuples(st.integers(1, 40), st.sampled_from([0, 1, 500_000, 999_999]), st.integers(1, 60))
clocks = st.lists(moments, max_size=16).map(lambda found: [(s, us) for s, us, times in found for _ in range(times)])


@given(offsets=clocks, inclusive=st.booleans(), cut=st.booleans(), hidden=st.booleans(), by_document=st.booleans())
def test_a_pass_sees_every_row(
    offsets: list[tuple[int, int]], *, inclusive: bool, cut: bool, hidden: bool, by_document: bool
) -> None:
    """Ties of any size, any kind of bound, clocks shown or not: no row of the window is skipped."""
    rows = {n: START + timedelta(seconds=s, microseconds=us) for n, (s, us) in enumerate(offsets)}
    rossum = RossumList(rows, inclusive=inclusive, cut_seconds=cut, hide_clocks=hidden)

    seen = walk_through(rossum, window("arrived_at" if by_document else "exported_at"))

    assert seen == set(rows)


@given(
    count=st.integers(150, 700),
    spread=st.integers(1, 300),
    leaving=st.lists(st.sets(st.integers(0, 699), max_size=60), max_size=6),
)
def test_rows_that_leave_shift_nothing_out_of_sight(count: int, spread: int, leaving: list[set[int]]) -> None:
    """Rows whose clock moves out of the window while it is walked never hide one that stays."""
    rows = {n: START + timedelta(seconds=1 + n * spread / count) for n in range(count)}
    later = START + timedelta(days=1)
    moves = [dict.fromkeys(number for number in ids if number < count) for ids in leaving]
    between = [dict.fromkeys(move, later) for move in moves]
    stay = set(rows) - {number for move in moves for number in move}

    seen = walk_through(RossumList(rows), window(), between)

    assert stay <= seen


def test_ties_larger_than_a_page_are_read_until_two_reads_agree() -> None:
    """250 rows of one instant: a step by value up to them, then page numbers, twice the same."""
    rows = dict.fromkeys(range(250), START + timedelta(seconds=7, microseconds=3))
    rossum, walk, calls = RossumList(rows), window(), []

    while True:
        asked = listing(walk)
        calls.append(asked.page)
        step = advance(walk, rossum.page(asked))
        walk = step.walk
        if step.done:
            break

    assert calls == [1, 1, 2, 3, 1, 2, 3]
    assert walk.seen == 250


def test_a_stretch_that_never_settles_is_given_up() -> None:
    """A list that changes on every read ends the pass instead of holding it for ever."""
    rossum = RossumList({})

    def walk_for_ever() -> None:
        walk = window()
        for read in range(1000):
            rossum.rows = dict.fromkeys(range(read * 1000, read * 1000 + 150), START + timedelta(seconds=5))
            walk = advance(walk, rossum.page(listing(walk))).walk

    with pytest.raises(Unstable):
        walk_for_ever()


def test_more_queues_than_a_call_takes_are_walked_in_turn() -> None:
    """150 queues need two calls, and each sees its own rows."""
    queues = range(1, 151)
    rows = {n: START + timedelta(seconds=n) for n in range(1, 151)}
    rossum = RossumList(rows, queue_of={n: n for n in range(1, 151)})
    walk = Walk.begin("exported_at", queues, after=START, before=START + timedelta(hours=1))

    seen = walk_through(rossum, walk)

    assert len(walk.queues) == QUEUES_A_CALL
    assert seen == set(rows)


@examples(100)
@given(offsets=clocks, stop=st.integers(0, 8))
def test_an_interrupted_pass_goes_on_where_its_row_says(offsets: list[tuple[int, int]], stop: int) -> None:
    """What was seen before the interruption and after the restart is the whole window."""
    rows = {n: START + timedelta(seconds=s, microseconds=us) for n, (s, us) in enumerate(offsets)}
    rossum, walk = RossumList(rows), window()
    seen: set[int] = set()
    for _ in range(stop):
        step = advance(walk, rossum.page(listing(walk)))
        seen |= {row.id for row in step.fresh}
        walk = step.walk
        if step.done:
            break

    seen |= walk_through(rossum, Walk.restored(walk.saved()))

    assert seen == set(rows)


def test_an_empty_window_is_complete_at_once() -> None:
    """The watermark may move over a window in which nothing happened."""
    step = advance(window(), RossumList({}).page(listing(window())))

    assert step.done
    assert step.fresh == ()


def row_for(*queues: int) -> SweepRow:
    """A sweep that has come to noon, for these queues."""
    return SweepRow("exported_at", format_clock(START), queues)


def walk_of(*queues: int, minutes: int) -> Walk:
    """A complete walk of these queues up to some minutes after noon."""
    end = START + timedelta(minutes=minutes)
    return replace(Walk.begin("exported_at", queues, after=START, before=end), rest=())


def test_the_watermark_speaks_for_the_queues_that_were_walked() -> None:
    """A queue that was taken away, or added while a pass was interrupted, is not among them afterwards."""
    without_2 = completed(row_for(1, 2), walk_of(1, minutes=5))
    before_3_came = completed(row_for(1, 2), walk_of(1, 2, minutes=5))

    assert without_2.queues == (1,)
    assert before_3_came.queues == (1, 2)
    assert without_2.watermark == format_clock(START + timedelta(minutes=5))


def test_a_catch_up_adds_its_queue_and_leaves_the_watermark() -> None:
    """The others have come further."""
    after = completed(row_for(1, 2), walk_of(3, minutes=0))

    assert after.queues == (1, 2, 3)
    assert after.watermark == format_clock(START)


def test_all_queues_of_a_long_list_count_as_walked() -> None:
    """They go in several calls."""
    queues = range(1, QUEUES_A_CALL + 51)
    walk = Walk.begin("exported_at", queues, after=START, before=START + timedelta(minutes=5))
    step = advance(walk, ListingPage((), 0, more=False, at=START))
    step = advance(Walk.restored(step.walk.saved()), ListingPage((), 0, more=False, at=START))

    assert step.done
    assert completed(row_for(*queues), step.walk).queues == tuple(queues)
