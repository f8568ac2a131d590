"""Work for an owner is taken at any time, and never harms who brings it."""

import asyncio

import pytest

from connector.engine.crew import Crew


async def test_that_early_work_waits_and_late_work_is_dropped() -> None:
    """What comes before the owner runs is done then; what comes while it ends or afterwards is dropped silently."""
    crew, done = Crew(), []

    async def work(name: str) -> None:
        done.append(name)

    async def brings_more_in_the_end() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            crew.take(work("while it ends"))

    async def fail() -> None:
        raise ConnectionError

    async def run() -> None:
        async with crew.working():
            crew.take(brings_more_in_the_end())
            await asyncio.wait([asyncio.ensure_future(work("outside"))])
            crew.take(fail())

    crew.take(work("early"))
    with pytest.raises(ExceptionGroup) as raised:
        await run()
    crew.take(work("afterwards"))

    assert done == ["early", "outside"]
    assert [type(error) for error in raised.value.exceptions] == [ConnectionError]
