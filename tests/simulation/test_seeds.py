"""The whole connector through thousands of small disasters, each told by a number that repeats it."""

import asyncio
import os
import sys

import pytest

from tests.simulation.children import LAST_IN_LINE

#: More with SIMULATION_SEEDS; the long form is `python -m tests.simulation --seeds 100000`.
SEEDS = int(os.environ.get("SIMULATION_SEEDS", "2000"))
#: Seconds that a seed may take, at the lowest priority, before something is wrong with the machine or with us.
SECONDS_A_SEED = 2.0


@pytest.mark.timeout(SEEDS * SECONDS_A_SEED)
async def test_no_seed_breaks_a_promise() -> None:
    """Crashes, frozen replicas, lost calls, a broker away: nothing lost, nothing twice, within 60 s after the last."""
    process = await asyncio.create_subprocess_exec(
        *LAST_IN_LINE, sys.executable, "-m", "tests.simulation", "--seeds", str(SEEDS), stdout=asyncio.subprocess.PIPE
    )

    said, _ = await process.communicate()

    sys.stdout.write(said.decode())
    assert process.returncode == 0, said.decode()
    assert f"broken=0 seeds=0..{SEEDS - 1}" in said.decode()
    assert " forgotten=0 " not in said.decode()
    assert " refused=0 " not in said.decode()
