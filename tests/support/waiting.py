"""Waiting for a condition: the only place in the tests that sleeps."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any


async def eventually(check: Callable[[], Any | Awaitable[Any]], *, within: float = 10, every: float = 0.05) -> Any:
    """What `check` returns once it is true; until then an exception is as good as a false value.

    Raises:
        AssertionError: It is not true after `within` seconds (shows the last value or exception), or `check` itself
            raised one: nothing is left to wait for.
    """
    last: Any = "nothing, the first check never returned"
    try:
        async with asyncio.timeout(within):
            while True:
                succeeded, last = await _attempt(check)
                if succeeded:
                    return last
                await asyncio.sleep(every)
    except TimeoutError:
        raise AssertionError(f"not within {within:g} s; last seen: {last!r}") from None


def until(check: Callable[[], Any], *, within: float, every: float = 0.05) -> Any:
    """What `check` returns once it is true, outside of an event loop; exceptions pass.

    Raises:
        AssertionError: It is not true after `within` seconds.
    """
    deadline = time.monotonic() + within
    while not (value := check()):
        if time.monotonic() >= deadline:
            raise AssertionError(f"not within {within:g} s; last seen: {value!r}")
        time.sleep(every)
    return value


async def _attempt(check: Callable[[], Any | Awaitable[Any]]) -> tuple[bool, Any]:
    try:
        value = check()
        if inspect.isawaitable(value):
            value = await value
    except AssertionError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, the next attempt may go better
        return False, error
    return bool(value), value
