"""When webhooks count as down, and what sweeps do then."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.domain.push_health import SHORTEST, PushHealth


@dataclass
class Time:
    """Seconds, as a test sets them."""

    now: float = 0.0

    def monotonic(self) -> float:
        """They are."""
        return self.now


def lossy() -> PushHealth:
    """Push worked once, and then nothing came."""
    health = PushHealth(lambda: 0.0, 60.0)
    health.announced()
    health.missed(10)
    return health


def test_lost_announcements_bring_push_down_and_new_ones_up_again() -> None:
    """Each change is news once; meanwhile the sweeps come sooner."""
    health = lossy()
    down, news = health.is_down, [health.has_news(), health.has_news()]
    pause = health.interval(60.0)
    for _ in range(30):
        health.announced()

    assert down
    assert news == [True, False]
    assert pause == 10.0
    assert not health.is_down
    assert health.interval(60.0) == 60.0
    assert health.has_news()


def test_quiet_passes_bring_trust_back() -> None:
    """Nothing flows, so nothing is lost."""
    health = lossy()
    for _ in range(30):
        health.quiet()

    assert not health.is_down


@pytest.mark.parametrize(("pause", "patience"), [(60.0, 300.0), (3600.0, 18_000.0)])
def test_losses_are_forgiven_where_no_other_follows(pause: float, patience: float) -> None:
    """Quiet passes are told by one sweep, and that may live in another process; a slow one comes in time for it."""
    time = Time()
    health = PushHealth(time.monotonic, pause)
    health.announced()
    health.missed(10)

    time.now = patience - 1
    shortly_before = health.is_down, health.loss > 0
    time.now = patience + 1
    after = health.is_down, health.loss > 0
    health.missed()

    assert (shortly_before, after) == ((True, True), (False, False))
    assert not health.is_down


def test_a_loss_now_and_then_keeps_push_down() -> None:
    """Nobody has taken a webhook since."""
    time = Time()
    health = PushHealth(time.monotonic, 60.0)
    health.announced()
    health.missed(10)

    for _ in range(10):
        time.now += 200
        health.missed()

    assert health.is_down


def test_who_has_no_hooks_loses_none() -> None:
    """A deployment that only sweeps keeps its rhythm."""
    health = PushHealth(lambda: 0.0, 60.0)
    health.missed(1_000)

    assert not health.is_down
    assert health.interval(60.0) == 60.0


def test_a_few_late_webhooks_are_no_outage() -> None:
    """A sweep may be a little faster now and then."""
    health = PushHealth(lambda: 0.0, 60.0)
    for _ in range(100):
        for _ in range(5):
            health.announced()
        health.missed()

    assert not health.is_down


@given(seconds=st.floats(0.1, 10_000), facts=st.lists(st.booleans(), max_size=200))
def test_sweeps_only_ever_tighten(seconds: float, facts: list[bool]) -> None:
    """Never slower than configured, never faster than the limit unless configured so."""
    health = PushHealth(lambda: 0.0, 60.0)
    for announced in facts:
        if announced:
            health.announced()
        else:
            health.missed()

    assert min(seconds, SHORTEST) <= health.interval(seconds) <= seconds
    assert 0.0 <= health.loss <= 1.0
