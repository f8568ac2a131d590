"""SIGTERM under load, again and again: what runs ends in order, and nothing has to be looked for afterwards."""

import asyncio
from pathlib import Path

import pytest

from tests.chaos.ending import all_out_once
from tests.support.deployment import deployment, inline
from tests.support.find_kafka import Kafka
from tests.support.fleet import at_work
from tests.support.waiting import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]

QUICK = ("--rate-limit", "0", "--processing", "0.2", "--review", "0.3")
SETTINGS = {"ROSSUM__REQUESTS_PER_SECOND": "0", "IMPORTS__SETTLE": "60s", "IMPORTS__TASK_AFTER": "4s"}
TIMES = 5
AT_ONCE = 30
#: Seconds that the answer to each upload takes: every SIGTERM comes in the middle of many.
SLOW = 1.5
#: Bytes of some uploads.
SOME = 5_000
#: Seconds from the signal to the end of the process.
DRAINED_WITHIN = 45.0


async def test_a_signal_in_the_middle_of_uploads(kafka: Kafka, tmp_path: Path) -> None:
    """Code 0 within 45 s, a second signal or not; uploads under way are finished and committed before."""
    loop = asyncio.get_running_loop()
    seconds = []
    deploying = deployment(kafka.bootstrap_servers, "term", tmp_path, simulator=QUICK, **SETTINGS)
    async with at_work(deploying, 2) as both:
        world = both.world
        await world.control("/faults", {"method": "POST", "path": "^/uploads", "action": f"delay:{SLOW}", "times": 0})
        for number in range(TIMES):
            berth = both[number % 2]
            sent = berth.rossum.to_server.passed
            first = number * AT_ONCE
            await world.announce([inline(one) for one in range(first, first + AT_ONCE)])
            await eventually(lambda: berth.rossum.to_server.passed > sent + SOME, within=40)  # noqa: B023 - awaited
            signalled = loop.time()
            await berth.stop(again=bool(number % 2))
            seconds.append(round(loop.time() - signalled, 1))
            await berth.start()

        figures = {"terms": TIMES, "seconds": seconds, "looked_for": len(both.said("upload_resolved", how="found"))}
        await all_out_once(both, TIMES * AT_ONCE, within=90, **figures)
        counters = await world.control("/counters")
        codes = {code for berth in both.berths for code in berth.codes}

        assert codes == {0}
        assert max(seconds) < DRAINED_WITHIN
        assert both.said("upload_resolved", how="found") == []
        assert counters["POST /uploads"] == {"202": TIMES * AT_ONCE}
