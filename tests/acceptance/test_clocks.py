"""Clocks that disagree and clocks that jump: sweeps go by Rossum's own time, so they miss nothing."""

from pathlib import Path

import pytest

from tests.support.deployment import deployment, inline
from tests.support.find_kafka import Kafka
from tests.support.waiting import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]

QUICK = ("--rate-limit", "0", "--processing", "0.2", "--review", "0.3")


@pytest.mark.parametrize("jump", [600, -3600])
async def test_rossums_clock_jumps(kafka: Kafka, tmp_path: Path, jump: int) -> None:
    """Without webhooks, ours and other documents come out once, before and after the jump (seconds)."""
    settings = {"SWEEP__START": "2026-01-01T00:00:00Z"}
    async with deployment(kafka.bootstrap_servers, "clocks", tmp_path, simulator=QUICK, **settings) as world:
        await world.control("/time", {"shift": 300})
        await world.start_replica()
        await world.announce([inline(number) for number in range(5)])
        await eventually(lambda: len(world.reader.captured()) == 5, within=60)

        now = (await world.control("/time", {"shift": jump}))["now"]
        await world.announce([inline(number) for number in range(5, 10)])
        window = {"from": now, "to": now}
        await world.control("/annotations", {"count": 5, "queue": 8198, "status": "exported", **window})
        await eventually(lambda: len(world.reader.captured()) == 15, within=60)

        found = {event.key for event in world.reader.captured()}
        assert len([key for key in found if key.startswith("rossum:")]) == 5
        assert len(found) == 15
        assert world.reader.duplicates() == []
