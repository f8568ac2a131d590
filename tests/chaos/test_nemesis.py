"""What the nemesis tells of its own deeds is what happened."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import aiohttp
import pytest

from tests.chaos.nemesis import Nemesis
from tests.chaos.plan import Plan, Stroke
from tests.chaos.verdict import Tally
from tests.support.deployment import Deployment
from tests.support.fleet import Fleet
from tests.support.reader import Reader
from tests.wire.simulator.simulator_harness import UNREVIEWED, Rossum, running


@pytest.fixture
async def rossum() -> AsyncIterator[Rossum]:
    """Rossum alone."""
    async with running(UNREVIEWED) as simulator:
        yield simulator


@pytest.fixture
def nemesis(rossum: Rossum, tmp_path: Path) -> Nemesis:
    """Of a fleet without ships, with three answers to swallow."""
    url, nobody = rossum.simulator.base_url, Reader("", "")
    world = Deployment("", "", url, tmp_path, rossum.http, nobody, {}, AsyncExitStack())
    return Nemesis(Fleet(world, []), None, Plan(documents=3, kills=0, swallowed=3))


async def upload(rossum: Rossum, times: int) -> int:
    """How many of so many uploads were answered."""
    answered = 0
    for _ in range(times):
        with suppress(aiohttp.ClientConnectionError):
            await rossum.upload()
            answered += 1
    return answered


async def test_that_it_heals_when_all_that_was_ordered_has_happened(nemesis: Nemesis, rossum: Rossum) -> None:
    """An order that no upload has met yet is not withdrawn while uploads may come."""
    await nemesis.strike(Stroke.SWALLOW)
    healing = asyncio.create_task(nemesis.heal(lambda: False))
    answered = await upload(rossum, 3)
    await healing

    assert answered == 0
    assert nemesis.swallowed == Tally(3, 3)


async def test_that_orders_for_which_no_upload_came_do_not_count(nemesis: Nemesis, rossum: Rossum) -> None:
    """When nothing is left to upload, the rest of an order is withdrawn and shows in the figure."""
    await nemesis.strike(Stroke.SWALLOW)
    await upload(rossum, 1)

    await nemesis.heal(lambda: True)

    assert await upload(rossum, 1) == 1
    assert nemesis.swallowed == Tally(1, 3)
    assert str(nemesis.swallowed) == "1/3"
