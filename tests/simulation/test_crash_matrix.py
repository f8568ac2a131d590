"""A crash on either side of everything that the connector does to the outside world, once and twice."""

import asyncio
import sys

import pytest

from tests.simulation.boundaries import BOUNDARIES
from tests.simulation.children import LAST_IN_LINE

#: Seconds for the whole matrix, at the lowest priority: about 3 minutes on two idle cores.
PATIENCE = 3000.0


@pytest.mark.timeout(PATIENCE)
async def test_a_crash_anywhere_breaks_no_promise() -> None:
    """Every boundary is hit on each side, one crash and two, in both deliveries; nothing is lost, nothing doubled."""
    process = await asyncio.create_subprocess_exec(
        *LAST_IN_LINE, sys.executable, "-m", "tests.simulation.crash_matrix", stdout=asyncio.subprocess.PIPE
    )

    said, _ = await process.communicate()

    count = sum(len(boundaries) for boundaries in BOUNDARIES.values())
    sys.stdout.write(said.decode())
    assert process.returncode == 0, said.decode()
    assert f"boundaries={count}/{count} " in said.decode()
    assert "broken=0" in said.decode()
