"""Stalls are told from work of the process itself."""

import asyncio
import os
import time
from select import select

from tests.support.stalls import LATE, stalls
from tests.support.waiting import eventually


async def test_that_a_moment_without_time_is_seen() -> None:
    """A process that gets nothing done for a while has felt a stall of that length."""
    reading, writing = os.pipe()
    try:
        with stalls() as felt:
            select([reading], [], [], 4 * LATE)
            await eventually(lambda: felt.seen)
    finally:
        os.close(reading)
        os.close(writing)

    assert felt.longest > LATE


async def test_that_work_of_its_own_is_no_stall() -> None:
    """Whoever computes for as long keeps others waiting, but the machine does not stand still."""
    started, work = time.monotonic(), 8 * LATE
    with stalls() as felt:
        until = time.process_time() + work
        while time.process_time() < until:
            pass
        looked = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_later(0.001, looked.set_result, None)
        await looked

    # Others may have had the processor in between, for all but the time of the work itself.
    assert felt.longest < time.monotonic() - started - work
