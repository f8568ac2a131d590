"""The long form of the terminations counts only those who end in order: a figure that can't fail shows nothing."""

import random
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest

from tests.chaos.terminations import Terminations
from tests.support.deployment import Deployment, spawn
from tests.support.fleet import Berth, Fleet
from tests.support.kafka_requests import Hold
from tests.support.proxy import proxied
from tests.support.reader import Reader
from tests.support.waiting import eventually

#: A process that says that it hears signals, and ends with a code of its own when one has come.
SCRIPT = """
import signal, sys

def end(*_):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit({code})

signal.signal(signal.SIGTERM, end)
print(file=sys.stderr)
signal.pause()
"""


@pytest.mark.parametrize(("code", "in_order"), [(0, 1), (3, 0)])
async def test_that_only_code_0_is_in_order(tmp_path: Path, code: int, in_order: int) -> None:
    """Whoever ends with another code is a problem, and told with the moment of the signal."""
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession())
        rossum = await stack.enter_async_context(proxied(1))
        world = Deployment("", "", "", tmp_path, http, Reader("", ""), {}, stack)
        berth = Berth(world, 0, 0, 0, None, rossum, Hold(), {})
        log = tmp_path / "replica-0-0.log"
        berth.process = await spawn(["-c", SCRIPT.format(code=code)], log, {}, stack)
        await eventually(log.read_text)
        terminations = Terminations(Fleet(world, [berth]), random.Random(1), lambda _: None)  # noqa: S311 - no secret

        await terminations.end(berth, "at rest")

        assert len(terminations.seconds) == in_order
        assert len(terminations.problems) == 1 - in_order
        assert all(f"code {code} (at rest)" in problem for problem in terminations.problems)
