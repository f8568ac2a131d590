"""The simulator's own time: wall clock that tests can shift, and the formats Rossum writes it in.

Instants are whole microseconds since 1970 (``int``), so that they compare and index cheaply.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import formatdate

MICROS = 1_000_000
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - naive on purpose: the fastest way to print UTC
_MICROSECOND = timedelta(microseconds=1)


def iso(instant: int) -> str:
    """The instant as Rossum writes it: ISO 8601, UTC, always six decimals, ``Z``."""
    return (_EPOCH + timedelta(microseconds=instant)).isoformat(timespec="microseconds") + "Z"


def iso_or_none(instant: int | None) -> str | None:
    """Like ``iso``; nothing stays nothing."""
    return None if instant is None else iso(instant)


def parse_instant(text: str) -> int:
    """The instant that a filter or a control request names; a bare date is its midnight, no zone is UTC.

    Raises:
        ValueError: the text is no ISO 8601 date or date-time.
    """
    moment = datetime.fromisoformat(text.strip())
    aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return (aware.replace(tzinfo=None) - _EPOCH) // _MICROSECOND


class SimulatorClock:
    """Wall clock with a shift; one instance is the simulator's only source of time.

    Args:
        wall: Nanoseconds since 1970.
        monotonic: Seconds that never go back. Both are the machine's own, unless a simulation has other time.
    """

    def __init__(self, wall: Callable[[], int] = time.time_ns, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._wall = wall
        self.monotonic = monotonic
        self._shift = 0
        self._date = (-1, "")

    def now(self) -> int:
        """Microseconds since 1970, shifted."""
        return self._wall() // 1000 + self._shift

    def shift(self, seconds: float) -> None:
        """Move the wall clock by that many seconds from where it is; timers that run are not moved."""
        self._shift += round(seconds * MICROS)

    @property
    def shifted(self) -> float:
        """The whole shift so far (seconds)."""
        return self._shift / MICROS

    def http_date(self) -> str:
        """The value of a ``Date`` header; formatted once a second."""
        second = self.now() // MICROS
        if second != self._date[0]:
            self._date = (second, formatdate(second, usegmt=True))
        return self._date[1]
