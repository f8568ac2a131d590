"""Joining, staying and leaving while others are slow."""

from pathlib import Path

import psutil  # type: ignore[import-untyped] # it has no types
import pytest

from tests.support.deployment import Deployment, deployment, inline
from tests.support.find_kafka import Kafka
from tests.support.waiting import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]

QUICK = ("--rate-limit", "0", "--processing", "0.2", "--review", "0.3")
#: Longer than running work gets at a rebalance, and than a poll may take while nothing is rebalanced.
LONG_UPLOAD = {"method": "POST", "path": "^/uploads", "action": "delay:25", "times": 0}


async def test_a_rebalance_may_wait_for_long_uploads(kafka: Kafka, tmp_path: Path) -> None:
    """A second replica joins while the first one's uploads hang: both stay members, nothing is imported twice."""
    settings = {"ROSSUM__REQUESTS_PER_SECOND": "0", "IMPORTS__SETTLE": "30s", "IMPORTS__TASK_AFTER": "5s"}
    async with deployment(kafka.bootstrap_servers, "rebalance", tmp_path, simulator=QUICK, **settings) as world:
        await world.start_replica()
        await world.control("/faults", LONG_UPLOAD)
        await world.announce([inline(number) for number in range(12)])
        await eventually(lambda: _open_imports(world), within=30)

        await world.start_replica()
        await world.control("/faults", method="DELETE")
        await eventually(lambda: len(world.reader.captured()) == 12, within=90)

        logs = [(tmp_path / f"replica-{number}.log").read_text() for number in range(2)]
        assert [log.count("circuit_open") for log in logs] == [0, 0]
        assert world.reader.duplicates() == []
        assert set((await world.root_documents()).values()) == {1}


async def _open_imports(world: Deployment) -> bool:
    """Whether the first replica has taken all twelve on."""
    async with world.http.get(world.ops_urls[0] + "/metrics") as response:
        return 'rossum_connector_open_entities{kind="import"} 12.0' in await response.text()


async def test_a_start_that_waits_for_rossum_can_be_stopped(kafka: Kafka, tmp_path: Path) -> None:
    """Rossum takes the call and is silent: SIGTERM ends the process at once, and as it should."""
    async with deployment(kafka.bootstrap_servers, "silent", tmp_path, simulator=QUICK) as world:
        await world.control("/faults", {"method": "GET", "path": ".", "action": "delay:100", "times": 0})
        port = int(world.base_url.split(":")[2].split("/")[0])
        await world.launch_replica()
        process = psutil.Process(world.replicas[0].process.pid)
        await eventually(
            lambda: [one for one in process.net_connections() if one.raddr and one.raddr.port == port], within=30
        )

        code = await world.replicas[0].stop(within=30)

        assert code == 0
        assert "Traceback" not in (tmp_path / "replica-0.log").read_text()
