"""Rossum's time out of Date headers."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from hypothesis import given
from hypothesis import strategies as st

from connector.rossum.rossum_time import RossumTime
from tests.support.virtual_clock import START, VirtualClock

#: Rossum's clock at the start of ours.
THERE = datetime(2026, 1, 1, 0, 5, 0, 400_000, tzinfo=UTC)


def header(instant: datetime) -> str:
    """A Date header: whole seconds, rounded down."""
    return format_datetime(instant.replace(microsecond=0), usegmt=True)


async def test_before_the_first_answer_our_own_clock_will_do() -> None:
    """There is nothing better."""
    time = RossumTime(VirtualClock())

    assert time.now() == START
    assert time.age == float("inf")


@given(steps=st.lists(st.tuples(st.floats(0.01, 30), st.floats(0, 2)), min_size=1, max_size=8))
async def test_the_estimate_is_never_ahead_and_never_goes_back(steps: list[tuple[float, float]]) -> None:
    """Whatever the delays, the estimate trails Rossum's clock by no more than the answer took and a second."""
    clock = VirtualClock()
    time = RossumTime(clock)
    latest = START
    for pause, travel in steps:
        await clock.advance(pause)
        asked_at = clock.monotonic()
        written = THERE + timedelta(seconds=asked_at)
        await clock.advance(travel)

        time.hear(header(written), asked_at=asked_at)

        truth = THERE + timedelta(seconds=clock.monotonic())
        slack = timedelta(milliseconds=1)
        assert truth - timedelta(seconds=1 + travel) - slack <= time.now() <= truth + slack
        assert time.now() >= latest - slack
        latest = time.now()


async def test_a_clock_that_is_set_is_followed() -> None:
    """Rossum's clock may jump; what it says now counts."""
    clock = VirtualClock()
    time = RossumTime(clock)
    time.hear(header(THERE), asked_at=0.0)

    await clock.advance(10)
    back = THERE - timedelta(hours=1)
    time.hear(header(back), asked_at=clock.monotonic())

    assert abs(time.now() - back) <= timedelta(seconds=1)


async def test_an_unreadable_date_changes_nothing() -> None:
    """A proxy may send anything."""
    time = RossumTime(VirtualClock())
    time.hear(header(THERE), asked_at=0.0)
    before = time.now()

    for odd in (None, "", "yesterday", "Mon, 99 Nov 2026 12:00:00 GMT"):
        time.hear(odd, asked_at=0.0)

    assert time.now() == before
