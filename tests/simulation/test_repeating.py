"""A seed is worth something only if it tells the same story again."""

import asyncio
import sys

import pytest

pytestmark = pytest.mark.timeout(180)


async def _story(seed: int) -> str:
    command = [sys.executable, "-m", "tests.simulation", "--seed", str(seed), "-v"]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    said, _ = await process.communicate()
    return said.decode()


async def test_a_seed_tells_the_same_story_again() -> None:
    """Two processes of their own come to the same faults, moments and figures."""
    first, second = await asyncio.gather(_story(11), _story(11))

    assert first == second
    assert "fault" in first
