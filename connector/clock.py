"""The only place that knows what time it is, so that tests and simulations can.

Instants are timezone-aware UTC ``datetime``; durations are seconds (``float``).
"""

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What the rest of the code may know about time."""

    def now(self) -> datetime:
        """The wall clock, aware, UTC."""

    def monotonic(self) -> float:
        """Seconds that never go back; only differences mean anything."""

    async def sleep(self, seconds: float) -> None:
        """Wait that long (seconds)."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """The wall clock, aware, UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds since an unknown start."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait on the running event loop (seconds)."""
        await asyncio.sleep(seconds)
