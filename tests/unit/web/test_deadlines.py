"""Many requests share one timer, and each is ended in its own time."""

import asyncio

import pytest

from connector.web.deadlines import Deadlines

SHORT = 0.05


class _Request:
    """Runs until it is ended."""

    def __init__(self, deadlines: Deadlines) -> None:
        self.begun = asyncio.Event()
        self._deadlines = deadlines
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        with self._deadlines.running():
            self.begun.set()
            await asyncio.Event().wait()


async def test_whoever_takes_too_long_is_ended() -> None:
    """The first one's timer serves those who come later as well, and one who comes after it has fired."""
    deadlines = Deadlines(SHORT)
    requests = [_Request(deadlines)]
    await requests[0].begun.wait()
    requests.append(_Request(deadlines))

    await asyncio.wait([request.task for request in requests])
    requests.append(_Request(deadlines))
    await asyncio.wait([requests[2].task])

    assert [type(request.task.exception()) for request in requests] == [TimeoutError] * 3


async def test_who_is_done_in_time_is_left_alone() -> None:
    """Also while another one's time runs out: the task goes on after it."""
    deadlines = Deadlines(SHORT)
    late = _Request(deadlines)
    with deadlines.running():
        await late.begun.wait()

    await asyncio.wait([late.task])

    assert isinstance(late.task.exception(), TimeoutError)


async def test_a_cancellation_by_others_is_no_matter_of_time() -> None:
    """Who hangs up, or stops the process, is not told that it took too long."""
    request = _Request(Deadlines(60.0))
    await request.begun.wait()
    request.task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await request.task
