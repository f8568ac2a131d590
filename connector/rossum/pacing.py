"""When the next call may start, and whose it is: the arithmetic of the API budget, without clock or task."""

import math
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
#: Most of the configured rate that this floor may take: with a tiny rate others must go on too.
OPS_FLOOR_PART = 0.25

#: How far the rate falls when Rossum says 429 although we kept to it: others share the limit.
_CUT = 0.7
#: The rate never falls below this (calls a second), or below the configured one where that is lower.
_LOWEST = 1.0
#: Seconds from nothing back to the configured rate: slow, so that the limit is found and not fought.
_RECOVERY = 120.0
#: Seconds that sums of floats may be wrong by.
_ROUNDING = 1e-9


class Pacer:
    """Starts evenly apart, at most rate + 1 of them in any second.

    A start that comes a little late, as timers do, does not delay the next ones; after a longer wait the spacing
    begins anew. With starts less than `f` seconds late, those of one second were due within 1 + f seconds: at most
    (1 + f) * rate of them, rounded up. So `f` may be as large as keeps that at the whole part of the rate and one.
    """

    __slots__ = ("due",)

    def __init__(self) -> None:
        self.due = float("-inf")

    def spend(self, now: float, rate: float) -> None:
        """A start at `now` (monotonic seconds): the next is due one interval later (`rate` calls a second)."""
        forgiven = (math.floor(rate) + 1) / rate - 1 - _ROUNDING
        self.due = (self.due if now - self.due < forgiven else now) + 1 / rate


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
