"""Faults that hurt at one moment only, staged at that moment."""

import asyncio
import sys

import pytest

from tests.simulation.children import LAST_IN_LINE


@pytest.mark.timeout(600)
async def test_no_scene_breaks_a_promise() -> None:
    """Frozen uploads, late commits, a signal, a copy that waits, wrong clocks: nothing lost, nothing twice."""
    process = await asyncio.create_subprocess_exec(
        *LAST_IN_LINE, sys.executable, "-m", "tests.simulation.scenes", stdout=asyncio.subprocess.PIPE
    )

    said, _ = await process.communicate()

    assert process.returncode == 0, said.decode()
    assert "broken=0" in said.decode()
