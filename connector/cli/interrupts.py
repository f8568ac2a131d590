"""What happens to a command when a person presses Ctrl-C, or an operator ends it."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from connector.errors import Fatal

Result = TypeVar("Result")

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


async def until_stopped(work: Callable[[asyncio.Event], Awaitable[Result]]) -> Result:
    """Do work that ends by itself soon after its event is set, as a signal does."""
    stop = asyncio.Event()
    for number in _SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return await work(stop)


async def until_stopped_for_good(work: Callable[[asyncio.Event], Awaitable[Result]]) -> Result:
    """The same as the last thing that a process does.

    A loop that closes leaves SIGTERM deadly, and a second one may come then: there is nothing left that it could end
    in order, so it must not change how the process ends. A person's Ctrl-C still does.
    """
    try:
        return await until_stopped(work)
    finally:
        asyncio.get_running_loop().remove_signal_handler(signal.SIGTERM)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)


def run_until_stopped(work: Callable[[asyncio.Event], Awaitable[Result]]) -> Result:
    """Run such work."""
    return asyncio.run(until_stopped(work))


def run_or_break_off(work: Coroutine[Any, Any, Result]) -> Result:
    """Run work that may be broken off anywhere, as a signal does.

    Raises:
        Fatal: It was.
    """

    async def run() -> Result:
        task = asyncio.create_task(work)
        for number in _SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        try:
            return await task
        except asyncio.CancelledError:
            raise Fatal("interrupted") from None

    try:
        return asyncio.run(run())
    finally:
        # The loop leaves SIGTERM deadly; what follows it has files to tidy up, as after Ctrl-C.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
