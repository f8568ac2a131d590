"""Waiting for a condition: the only place in the tests that sleeps."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any


async def eventually(check: Callable[[], Any | Awaitable[Any]], *, within: float = 10, every: float = 0.05) -> Any:
    """What `check` returns once it is true; fails with the last value after `within` seconds."""
    value: Any = None
    try:
        async with asyncio.timeout(within):
            while True:
                value = check()
                if inspect.isawaitable(value):
                    value = await value
                if value:
                    return value
                await asyncio.sleep(every)
    except TimeoutError:
        raise AssertionError(f"not within {within:g} s; last seen: {value!r}") from None
