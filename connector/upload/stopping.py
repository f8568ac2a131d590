"""Waits that end early when a person wants to stop."""

import asyncio

from connector.clock import Clock


async def sleep_unless(stop: asyncio.Event, clock: Clock, seconds: float) -> None:
    """Return after so many seconds, or as soon as `stop` is set."""
    waits: list[asyncio.Task[object]] = [
        asyncio.create_task(clock.sleep(seconds)),
        asyncio.create_task(stop.wait()),
    ]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
