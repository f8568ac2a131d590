"""For how long this process may believe that its partitions are still its own."""

from connector.clock import Clock


class Lease:
    """Holds for a while after each renewal; a process that was frozen finds it run out, whatever it looks at first.

    Transactions need no lease, they are fenced. Rossum fences nobody: this is asked before the byte that makes an
    upload valid.

    Args:
        seconds: How long a renewal holds: shorter than the group waits before it gives partitions away.
    """

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self._renewed_at = clock.monotonic()

    @property
    def holds(self) -> bool:
        """Whether it was renewed lately."""
        return self._clock.monotonic() - self._renewed_at < self._seconds

    def renew(self) -> None:
        """The group still counts us in."""
        self._renewed_at = self._clock.monotonic()
