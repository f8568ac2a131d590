"""Moments in which the machine had no time for this process, and so perhaps for none of those that it has started."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

#: Seconds from one look to the next, and by how much one has to come late.
EVERY, LATE = 0.02, 0.05
#: Seconds of a stall after which what takes its time says nothing about the product.
HELD_UP = 1.0


@dataclass(slots=True)
class Stalls:
    """What was felt so far.

    Attributes:
        seen: How many.
        longest: Seconds.
    """

    seen: int = 0
    longest: float = 0.0


@contextmanager
def stalls() -> Iterator[Stalls]:
    """Look all along; the time for which the process itself was at work is no stall."""
    loop, felt = asyncio.get_running_loop(), Stalls()
    timer: asyncio.TimerHandle

    def look(due: float, worked: float) -> None:
        late = loop.time() - due - (time.process_time() - worked)
        felt.longest = max(felt.longest, late)
        felt.seen += late > LATE
        look_again()

    def look_again() -> None:
        nonlocal timer
        due = loop.time() + EVERY
        timer = loop.call_at(due, look, due, time.process_time())

    look_again()
    try:
        yield felt
    finally:
        timer.cancel()
