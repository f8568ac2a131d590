"""The rate limit: at most so many requests in any sliding second."""

import math
from collections import deque

from connector.sandbox.simulator.behaviour import Behaviour
from connector.sandbox.simulator.clock import SimulatorClock


class SlidingLimit:
    """Admits at most ``rate`` requests within any second; a refused one does not count. 0 = no limit.

    A rate below 1 admits one request in any ``1 / rate`` seconds.
    """

    def __init__(self, rate: float, clock: SimulatorClock) -> None:
        self._most = max(1, int(rate))
        self._window = 1.0 if rate >= 1 or rate <= 0 else 1 / rate
        self._off = rate <= 0
        self._clock = clock
        self._admitted: deque[float] = deque()

    def refuse(self) -> int | None:
        """Admit one request now (None), or say after how many whole seconds to come again (1 at least)."""
        if self._off:
            return None
        now = self._clock.monotonic()
        while self._admitted and self._admitted[0] <= now - self._window:
            self._admitted.popleft()
        if len(self._admitted) < self._most:
            self._admitted.append(now)
            return None
        return max(1, math.ceil(self._admitted[0] + self._window - now))


class Limits:
    """The limit of everybody together or, with ``limit_scope`` ``token``, one for each ``Authorization``."""

    def __init__(self, rate: float, clock: SimulatorClock, behaviour: Behaviour) -> None:
        self._rate = rate
        self._clock = clock
        self._behaviour = behaviour
        self._limits: dict[str, SlidingLimit] = {}

    def refuse(self, authorization: str) -> int | None:
        """Like that of the limit that this request falls under."""
        scope = authorization if self._behaviour.limit_scope == "token" else ""
        if scope not in self._limits:
            self._limits[scope] = SlidingLimit(self._rate, self._clock)
        return self._limits[scope].refuse()
