"""When the next call may start, and whose it is: the arithmetic of the API budget, without clock or task."""

from collections.abc import Collection, Mapping

from connector.ports import Lane

#: Share of each lane (per cent) while all of them wait: captured data leads, sweeps and ops keep their part.
WEIGHTS: Mapping[Lane, int] = {
    Lane.CAPTURED: 45,
    Lane.UPLOADS: 25,
    Lane.READS: 15,
    Lane.SWEEPS: 10,
    Lane.OPS: 5,
}
#: Calls a second that the ops lane always gets, so that a replica without partitions can tell its health.
OPS_FLOOR = 0.5

#: How far the rate falls when Rossum says 429 although we kept to it: others share the limit.
_CUT = 0.7
#: The rate never falls below this (calls a second), or below the configured one where that is lower.
_LOWEST = 1.0
#: Seconds from nothing back to the configured rate: slow, so that the limit is found and not fought.
_RECOVERY = 120.0


class Pacer:
    """Starts at least `interval` apart on average and never two of a backlog at once.

    A start that comes late by less than an interval does not delay the next ones (timers are always a little
    late); after a longer pause the spacing begins anew. So at most rate + 1 starts fall into any second.
    """

    __slots__ = ("due",)

    def __init__(self) -> None:
        self.due = float("-inf")

    def spend(self, now: float, interval: float) -> None:
        """A start at `now` (monotonic seconds): the next is due one interval later."""
        late = now - self.due
        self.due = (self.due if late < interval else now) + interval


class Fairness:
    """Start-time fair queueing over the lanes: each waiting lane gets its weight, none starves."""

    def __init__(self) -> None:
        self._virtual = 0.0
        self._finish = dict.fromkeys(Lane, 0.0)

    def pick(self, waiting: Collection[Lane]) -> Lane:
        """The lane whose turn it is, of those that wait (at least one); its turn is taken."""
        tags = {lane: max(self._finish[lane], self._virtual) for lane in Lane if lane in waiting}
        chosen = min(tags, key=lambda lane: tags[lane])
        self._virtual = max(self._virtual, tags[chosen])
        self._finish[chosen] = tags[chosen] + 1.0 / WEIGHTS[chosen]
        return chosen


class AdaptiveRate:
    """The rate in use: the configured one, less after each 429, then slowly more again (calls a second)."""

    def __init__(self, configured: float) -> None:
        self.configured = configured
        self._cut_to = configured
        self._cut_at = float("-inf")

    def at(self, now: float) -> float:
        """The rate at `now` (monotonic seconds)."""
        if self._cut_to >= self.configured:
            return self.configured
        return min(self.configured, self._cut_to + (now - self._cut_at) * self.configured / _RECOVERY)

    def cut(self, now: float) -> None:
        """Rossum said 429."""
        lowest = min(_LOWEST, self.configured)
        self._cut_to = max(lowest, self.at(now) * _CUT)
        self._cut_at = now
