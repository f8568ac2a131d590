"""What time it is at Rossum, from the `Date` of its answers."""

from datetime import UTC, datetime

from connector.clock import Clock
from connector.rossum.answer import date_of


class RossumTime:
    """Rossum's clock as far as we know it: never ahead of the real one, and steady while that is not set back.

    A `Date` has whole seconds and was written between our question and its answer, so each answer bounds the offset
    between Rossum's clock and our monotonic one from both sides; the estimate is the best lower bound.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offset: float | None = None
        self._heard_at = float("-inf")

    @property
    def age(self) -> float:
        """Seconds since the last `Date`; infinite before the first."""
        return self._clock.monotonic() - self._heard_at

    def now(self) -> datetime:
        """Rossum's time; our own before the first answer."""
        if self._offset is None:
            return self._clock.now()
        return datetime.fromtimestamp(self._offset + self._clock.monotonic(), UTC)

    def hear(self, header: str | None, *, asked_at: float) -> None:
        """Take in the `Date` header of an answer to what was asked at that time (monotonic seconds)."""
        date = date_of(header)
        if date is None:
            return
        self._heard_at = self._clock.monotonic()
        lowest, highest = date.timestamp() - self._heard_at, date.timestamp() + 1 - asked_at
        if self._offset is None or not lowest <= self._offset <= highest:
            self._offset = lowest
