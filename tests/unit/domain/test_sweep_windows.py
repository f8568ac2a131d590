"""Which window a sweep walks next."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from connector.domain.ids import QueueId, format_clock
from connector.domain.rows import SweepRow
from connector.domain.sweep_state import SweepPolicy, Walk, next_walk

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
START = NOW - timedelta(days=1)
POLICY = SweepPolicy((QueueId(1), QueueId(2)), 60, 5, 30, 900, 900, format_clock(START))


def row(watermark: datetime, **more: object) -> SweepRow:
    """A sweep that has come so far and looked back far a minute ago."""
    known = SweepRow(
        "exported_at",
        format_clock(watermark),
        (1, 2),
        deep_at=format_clock(NOW - timedelta(minutes=1)),
    )
    return replace(known, **more)  # type: ignore[arg-type] # as the tests below say


def bounds(walk: Walk) -> tuple[float, float]:
    """Seconds from the start of the window to now, and from its end to now."""
    after, before = datetime.fromisoformat(walk.after), datetime.fromisoformat(walk.before)
    return (NOW - after).total_seconds(), (NOW - before).total_seconds()


def test_a_window_goes_from_before_the_last_one_to_a_moment_ago() -> None:
    """Overlap and lag, as configured."""
    walk = next_walk(row(NOW - timedelta(seconds=65)), POLICY, NOW, deep=False)

    assert bounds(walk) == (95, 5)
    assert (walk.queues, walk.deep) == ((1, 2), False)


def test_a_deep_pass_looks_back_far() -> None:
    """When it is due, when nobody knows of one, and when somebody asks for it."""
    watermark = NOW - timedelta(seconds=65)
    due = row(watermark, deep_at=format_clock(NOW - timedelta(seconds=901)))

    walks = [
        next_walk(due, POLICY, NOW, deep=False),
        next_walk(row(watermark, deep_at=None), POLICY, NOW, deep=False),
        next_walk(row(watermark), POLICY, NOW, deep=True),
    ]

    assert [bounds(walk) for walk in walks] == [(965, 5)] * 3
    assert all(walk.deep for walk in walks)


@given(st.integers(min_value=0, max_value=7_200))
def test_a_clock_that_was_set_back_hides_nothing(seconds: int) -> None:
    """What happens from now on has clocks below the watermark; the window begins before them and ends where it did."""
    watermark = NOW + timedelta(seconds=seconds)

    after, before = bounds(next_walk(row(watermark), POLICY, NOW, deep=False))

    assert after == 35
    assert before == -seconds


def test_a_queue_that_came_later_is_caught_up_with() -> None:
    """From the start of the deployment to the watermark that speaks for the others."""
    watermark = NOW - timedelta(seconds=65)

    walk = next_walk(row(watermark, queues=(1,)), POLICY, NOW, deep=False)

    assert walk.queues == (2,)
    assert bounds(walk) == (86_400, 65)


def test_an_interrupted_pass_comes_first() -> None:
    """Where its row says."""
    walk = Walk.begin("exported_at", (1, 2), after=START, before=NOW)

    found = next_walk(row(NOW, walk=walk.saved()), POLICY, NOW + timedelta(hours=1), deep=True)

    assert found == walk
