"""The API budget on a virtual clock: spacing, shares, floors, pauses, cancellation."""

import asyncio
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connector.errors import Retryable
from connector.ports import Lane
from connector.rossum.budget import LONGEST_PAUSE
from connector.rossum.pacing import WEIGHTS
from tests.support.examples import examples
from tests.support.virtual_clock import settle
from tests.unit.rossum.budget_crowd import Crowd

LANES = st.sampled_from(list(Lane))


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("join"), LANES, st.integers(1, 12)),
        st.tuples(st.just("pass"), st.floats(0.01, 4.0)),
        st.tuples(st.just("share"), st.sampled_from([0.0, 0.05, 0.25, 0.5, 1.0])),
        st.tuples(st.just("pause"), st.floats(0.0, 5.0)),
        st.tuples(st.just("cancel"), st.integers(0, 40)),
    ),
    max_size=25,
)


async def _play(crowd: Crowd, actions: list[tuple[object, ...]]) -> list[tuple[float, float]]:
    """Do what hypothesis says; the pauses as (from, until)."""
    waiting: list[asyncio.Task[None]] = []
    pauses: list[tuple[float, float]] = []
    for action in actions:
        match action:
            case "join", Lane() as lane, int(count):
                waiting += crowd.join(lane, count)
            case "pass", float(seconds):
                await crowd.clock.advance(seconds)
            case "share", float(fraction):
                crowd.budget.set_share(fraction)
            case "pause", float(seconds):
                await settle()
                now = crowd.clock.monotonic()
                pauses.append((now, now + seconds))
                crowd.budget.pause(seconds, started=now)
            case "cancel", int(place) if place < len(waiting):
                waiting[place].cancel()
            case _:
                continue
    await crowd.clock.advance(10)
    return pauses


@example(
    rate=0.3, late=0.0, actions=[("join", Lane.CAPTURED, 3), ("pass", 1.0), ("pause", 5.0)]
)  # a start that a pause delayed by most of an interval
@given(rate=st.sampled_from([0.3, 1.0, 2.0, 2.7, 8.0, 10.0]), late=st.sampled_from([0.0, 0.004, 0.09]), actions=ACTIONS)
@examples(60)
async def test_no_second_has_more_starts_than_the_rate_and_one(
    rate: float, late: float, actions: list[tuple[object, ...]]
) -> None:
    """Whatever joins, leaves, pauses or changes the share, rate + 1 is never exceeded in any sliding second."""
    crowd = Crowd(rate, late=late)

    await _play(crowd, actions)

    assert crowd.busiest_second() <= rate + 1
    await crowd.disperse()


@given(actions=ACTIONS)
@examples(60)
async def test_nothing_starts_while_rossum_asks_for_a_pause(actions: list[tuple[object, ...]]) -> None:
    """No lane starts anything between a 429 and the end of its Retry-After."""
    crowd = Crowd(8.0)

    pauses = await _play(crowd, actions)

    early = [(time, pause) for time, _ in crowd.starts for pause in pauses if pause[0] < time < pause[1]]
    assert early == []
    await crowd.disperse()


async def test_full_rate_is_used_when_timers_are_late() -> None:
    """Late timers cost no throughput."""
    crowd = Crowd(8.0, late=0.02)
    crowd.join(Lane.UPLOADS, 200)

    await crowd.clock.advance(20)

    assert 158 <= len(crowd.starts) <= 162
    await crowd.disperse()


async def test_lanes_get_their_weights_when_all_wait() -> None:
    """Each waiting lane gets its part of the budget, so sweeps and ops never starve."""
    crowd = Crowd(10.0)
    for lane in Lane:
        crowd.join(lane, 200)

    await crowd.clock.advance(20)

    counts, total = crowd.lanes(), len(crowd.starts)
    for lane, weight in WEIGHTS.items():
        assert counts[lane] >= total * weight / 100 * 0.85, lane
    assert max(counts, key=lambda lane: counts[lane]) is Lane.CAPTURED
    await crowd.disperse()


@pytest.mark.parametrize("rate", [0.25, 1.0, 2.0])
async def test_ops_never_starve_the_others_at_a_tiny_rate(rate: float) -> None:
    """However low the limit, a busy ops lane takes at most about a quarter of it."""
    crowd = Crowd(rate)
    crowd.join(Lane.CAPTURED, 200)
    crowd.join(Lane.OPS, 200)

    await crowd.clock.advance(100 / rate)

    assert crowd.lanes()[Lane.CAPTURED] >= 70
    assert crowd.lanes()[Lane.OPS] >= 20
    await crowd.disperse()


async def test_one_lane_alone_gets_everything() -> None:
    """Weights divide only what several want."""
    crowd = Crowd(8.0)
    crowd.join(Lane.SWEEPS, 100)

    await crowd.clock.advance(10)

    assert 80 <= len(crowd.starts) <= 82
    await crowd.disperse()


async def test_ops_keep_their_floor_beside_a_crowd() -> None:
    """The ops lane gets half a call a second however many others wait."""
    crowd = Crowd(8.0)
    crowd.budget.set_share(0.25)
    crowd.join(Lane.CAPTURED, 200)
    crowd.join(Lane.OPS, 20)

    await crowd.clock.advance(20)

    assert crowd.lanes()[Lane.OPS] >= 10
    assert len(crowd.starts) <= 41
    await crowd.disperse()


async def test_a_replica_without_partitions_serves_only_its_ops_lane() -> None:
    """Share 0 leaves half a call a second for ops and nothing for the rest."""
    crowd = Crowd(8.0)
    crowd.budget.set_share(0.0)
    crowd.join(Lane.CAPTURED, 5)
    crowd.join(Lane.OPS, 20)

    await crowd.clock.advance(19)

    assert crowd.lanes() == {Lane.OPS: 10}
    await crowd.disperse()


async def test_a_share_that_grows_takes_effect_at_once() -> None:
    """Callers that had no hope start when partitions arrive."""
    crowd = Crowd(8.0)
    crowd.budget.set_share(0.0)
    crowd.join(Lane.CAPTURED, 5)
    await crowd.clock.advance(60)

    crowd.budget.set_share(1.0)
    await crowd.clock.advance(1)

    assert len(crowd.starts) == 5
    await crowd.disperse()


async def test_the_rate_falls_once_for_calls_that_were_refused_together_and_recovers() -> None:
    """A burst of 429 is one sign; the rate comes back to the configured one slowly."""
    crowd = Crowd(8.0)
    await crowd.clock.advance(1)

    for _ in range(4):
        crowd.budget.pause(2.0, started=0.5)
    lowered = crowd.budget.rate
    await crowd.clock.advance(12)
    between = crowd.budget.rate
    await crowd.clock.advance(40)

    assert lowered == pytest.approx(5.6)
    assert lowered < between < 8.0
    assert crowd.budget.rate == 8.0


async def test_a_pause_is_visible_and_bounded() -> None:
    """A senseless Retry-After does not stop the connector for days."""
    crowd = Crowd(8.0)

    crowd.budget.pause(1e9, started=0.0)

    assert crowd.budget.paused_for == LONGEST_PAUSE


async def test_without_a_limit_everything_starts_at_once_except_in_a_pause() -> None:
    """Rate 0 paces nothing, yet Rossum's own pause holds for all."""
    crowd = Crowd(0.0)
    crowd.join(Lane.READS, 50)
    await settle()
    before = len(crowd.starts)

    crowd.budget.pause(3.0, started=0.0)
    crowd.join(Lane.READS, 50)
    await crowd.clock.advance(2.9)
    during = len(crowd.starts)
    await crowd.clock.advance(0.2)

    assert (before, during, len(crowd.starts)) == (50, 50, 100)
    await crowd.disperse()


async def test_a_cancelled_caller_leaves_its_slot_to_the_next() -> None:
    """Cancelling waiters loses no slots and wakes nobody wrongly."""
    crowd = Crowd(1.0)
    crowd.join(Lane.READS)
    doomed = crowd.join(Lane.READS, 10)
    crowd.join(Lane.READS)
    await crowd.clock.advance(0.5)

    for task in doomed:
        task.cancel()
    await crowd.clock.advance(1)

    assert [time for time, _ in crowd.starts] == [0.0, 1.0]
    await crowd.disperse()


async def test_a_caller_cancelled_in_the_moment_of_its_turn_passes_it_on() -> None:
    """A granted slot that its caller no longer wants goes to the next one at the same time."""
    crowd = Crowd(1.0)
    [first] = crowd.join(Lane.READS)
    await settle()
    [doomed], [heir] = crowd.join(Lane.READS), crowd.join(Lane.READS)
    await settle()
    crowd.budget._grant(Lane.READS)

    doomed.cancel()
    await settle()

    assert first.done()
    assert heir.done()
    assert doomed.cancelled()
    await crowd.disperse()


async def test_waiting_uploads_make_the_budget_busy() -> None:
    """Saturation is uploads that wait; it ends when the last one starts."""
    crowd = Crowd(1.0)
    crowd.join(Lane.UPLOADS, 3)
    calm = asyncio.create_task(crowd.budget.calm())
    await settle()

    busy, waiting = crowd.budget.busy, crowd.budget.waiting[Lane.UPLOADS]
    await crowd.clock.advance(2)

    assert (busy, waiting) == (True, 2)
    assert not crowd.budget.busy
    assert calm.done()


async def test_closing_tells_whoever_waits() -> None:
    """Nobody hangs on a closed budget."""
    crowd = Crowd(1.0)
    crowd.join(Lane.READS)
    [late] = crowd.join(Lane.READS)
    await settle()

    crowd.budget.close()

    with pytest.raises(Retryable, match="closed"):
        await late


async def test_the_floor_comes_on_top_of_a_small_share_but_not_of_the_rate() -> None:
    """Share and floor together still keep the configured distance between any two starts."""
    crowd = Crowd(0.25)
    crowd.budget.set_share(0.1)
    crowd.join(Lane.CAPTURED, 20)
    crowd.join(Lane.OPS, 40)

    await crowd.clock.advance(400)

    times = [time for time, _ in crowd.starts]
    assert min(later - time for time, later in pairwise(times)) >= 4.0
    assert crowd.lanes()[Lane.CAPTURED] >= 9
    assert crowd.lanes()[Lane.OPS] >= 20
    await crowd.disperse()
