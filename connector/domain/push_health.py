"""Whether webhooks can be relied on now, judged by what they announced and what only sweeps found."""

import math
from collections.abc import Callable
from dataclasses import dataclass

#: Weight of one fact in the running loss ratio: some twenty facts tell.
WEIGHT = 0.1
#: The ratio above which push counts as down, and below which it counts as up again.
DOWN_ABOVE, UP_BELOW = 0.4, 0.1
#: How much shorter the pause between sweeps is while push is down, and the shortest (seconds).
TIGHTENING, SHORTEST = 6.0, 5.0
#: Pauses between sweeps, and the fewest seconds, after which losses are forgiven where no other follows: quiet passes
#: are told by one sweep, and that may live in another process.
FORGIVEN_PAUSES, FORGIVEN_AFTER = 5.0, 300.0


@dataclass(slots=True)
class PushHealth:
    """What this process has seen of push.

    Attributes:
        monotonic: Tells seconds.
        pause: Seconds from one pass to the next, as configured.
        expected: Whether there is a hook, or push has ever worked here: who has no hooks loses none.
    """

    monotonic: Callable[[], float]
    pause: float
    expected: bool = False
    _ratio: float = 0.0
    _down: bool = False
    _missed_at: float = -math.inf
    _told: bool = False

    @property
    def loss(self) -> float:
        """Running ratio of lost announcements, 0 to 1."""
        self._forgive()
        return self._ratio

    @property
    def is_down(self) -> bool:
        """Whether the sweeps have to do its work."""
        self._forgive()
        return self._down

    def announced(self) -> None:
        """A webhook was the first to tell of a fact."""
        self.expected = True
        self._weigh(0.0)

    def missed(self, count: int = 1) -> None:
        """A sweep or Rossum's own log of failed deliveries was the first to tell."""
        if self.expected:
            self._forgive()
            self._missed_at = self.monotonic()
            for _ in range(min(count, 100)):
                self._weigh(1.0)

    def quiet(self) -> None:
        """A pass of a sweep found nothing that a webhook should have told: some trust comes back."""
        self._weigh(0.0)

    def has_news(self) -> bool:
        """Whether it has gone down or up since this was asked last."""
        changed, self._told = self._told != self.is_down, self.is_down
        return changed

    def _weigh(self, lost: float) -> None:
        self._ratio += WEIGHT * (lost - self._ratio)
        if self._ratio > DOWN_ABOVE:
            self._down = True
        elif self._ratio < UP_BELOW:
            self._down = False

    def _forgive(self) -> None:
        if self.monotonic() - self._missed_at > max(FORGIVEN_PAUSES * self.pause, FORGIVEN_AFTER):
            self._ratio, self._down = 0.0, False

    def interval(self, seconds: float) -> float:
        """The pause from one pass to the next, `seconds` as configured."""
        return min(seconds, max(seconds / TIGHTENING, SHORTEST)) if self.is_down else seconds
