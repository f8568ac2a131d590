"""Many requests share one timer, and each is ended in its own time."""

import asyncio

import pytest

from connector.web.deadlines import Deadlines

SHORT = 0.05


async def _wait_in(deadlines: Deadlines) -> None:
    with deadlines.running():
        await asyncio.Event().wait()


async def test_whoever_takes_too_long_is_ended() -> None:
    """The first one's timer serves those who come later as well, and one who comes after it has fired."""
    deadlines = Deadlines(SHORT)
    first = asyncio.create_task(_wait_in(deadlines))
    await asyncio.sleep(SHORT / 2)

    ends = [
        *await asyncio.gather(first, _wait_in(deadlines), return_exceptions=True),
        *await asyncio.gather(_wait_in(deadlines), return_exceptions=True),
    ]

    assert [type(end) for end in ends] == [TimeoutError] * 3


async def test_who_is_done_in_time_is_left_alone() -> None:
    """Also while another one's time runs out, and the task goes on after it."""
    deadlines = Deadlines(SHORT)
    late = asyncio.create_task(_wait_in(deadlines))
    with deadlines.running():
        await asyncio.sleep(0)

    await asyncio.wait([late])
    await asyncio.sleep(0)

    assert isinstance(late.exception(), TimeoutError)


async def test_a_cancellation_by_others_is_no_matter_of_time() -> None:
    """Who hangs up, or stops the process, is not told that it took too long."""
    task = asyncio.create_task(_wait_in(Deadlines(60.0)))
    await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
