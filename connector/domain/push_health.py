"""Whether webhooks can be relied on now, judged by what they announced and what only sweeps found."""

from dataclasses import dataclass

#: Weight of one fact in the running loss ratio: some twenty facts tell.
WEIGHT = 0.1
#: The ratio above which push counts as down, and below which it counts as up again.
DOWN_ABOVE, UP_BELOW = 0.4, 0.1
#: How much shorter the pause between sweeps is while push is down, and the shortest (seconds).
TIGHTENING, SHORTEST = 6.0, 5.0


@dataclass(slots=True)
class PushHealth:
    """What this process has seen of push.

    Attributes:
        loss: Running ratio of lost announcements, 0 to 1.
        expected: Whether push has ever worked here: who has no hooks loses none.
        is_down: Whether the sweeps have to do its work.
    """

    loss: float = 0.0
    expected: bool = False
    is_down: bool = False
    _told: bool = False

    def announced(self) -> None:
        """A webhook was the first to tell of a fact."""
        self.expected = True
        self._weigh(0.0)

    def missed(self, count: int = 1) -> None:
        """A sweep or Rossum's own log of failed deliveries was the first to tell."""
        if self.expected:
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
        self.loss += WEIGHT * (lost - self.loss)
        if self.loss > DOWN_ABOVE:
            self.is_down = True
        elif self.loss < UP_BELOW:
            self.is_down = False

    def interval(self, seconds: float) -> float:
        """The pause from one pass to the next, `seconds` as configured."""
        return min(seconds, max(seconds / TIGHTENING, SHORTEST)) if self.is_down else seconds
