"""A command that is told to stop, at any moment."""

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest

from connector.cli.interrupts import run_or_break_off, until_stopped_for_good
from connector.cli.run import run_on_best_loop
from connector.errors import Fatal


@pytest.fixture(autouse=True)
def _handler() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def test_a_signal_breaks_work_off() -> None:
    """With one sentence."""

    async def work() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.Event().wait()

    with pytest.raises(Fatal, match=r"^interrupted$"):
        run_or_break_off(work())


def test_what_follows_the_work_can_tidy_up() -> None:
    """SIGTERM is then like Ctrl-C, not the end of the process."""

    async def work() -> None:
        pass

    run_or_break_off(work())

    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)


def test_a_second_signal_after_the_end_changes_nothing() -> None:
    """The loop is closed, the process not over: SIGTERM would be deadly, and end it with another code than 0."""

    async def work(stop: asyncio.Event) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        await stop.wait()

    run_on_best_loop(until_stopped_for_good(work))

    assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
