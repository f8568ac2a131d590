"""Local state: a restart reads little, and losing the folder loses nothing."""

import shutil
from pathlib import Path

import orjson
import pytest

from tests.support.deployment import Deployment, deployment, inline
from tests.support.find_kafka import Kafka
from tests.support.waiting import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]

QUICK = ("--rate-limit", "0", "--processing", "0.2", "--review", "0.3")
DOCUMENTS = 60


def told(folder: Path, number: int, event: str) -> list[dict[str, object]]:
    """Lines of that event in a replica's log."""
    lines = (orjson.loads(line) for line in (folder / f"replica-{number}.log").read_bytes().splitlines())
    return [line for line in lines if line.get("event") == event]


async def captured(world: Deployment, count: int) -> None:
    """Wait until so many documents are out, and the imports with them."""
    await eventually(lambda: len(world.reader.captured()) == count, within=60)
    await eventually(lambda: len(world.reader.named("import.completed")) == count, within=60)


async def test_a_restart_goes_on_with_the_local_state(kafka: Kafka, tmp_path: Path) -> None:
    """Nothing of it is thrown away, and documents announced again are recognised."""
    settings = {"ROSSUM__REQUESTS_PER_SECOND": "0", "STATE__DIRECTORY": str(tmp_path / "state")}
    async with deployment(kafka.bootstrap_servers, "state", tmp_path, simulator=QUICK, **settings) as world:
        await world.start_replica()
        await world.announce([inline(number) for number in range(DOCUMENTS)])
        await captured(world, DOCUMENTS)
        await world.stop_replicas()

        await world.start_replica()
        await world.announce([inline(number) for number in range(DOCUMENTS + 5)])
        await captured(world, DOCUMENTS + 5)

        assert told(tmp_path, 1, "state_lost") == []
        assert world.reader.duplicates() == []
        assert set((await world.root_documents()).values()) == {1}


async def test_losing_the_folder_while_running_loses_nothing(kafka: Kafka, tmp_path: Path) -> None:
    """`rm -rf`: it goes on in memory or with what the system still holds; the next start rebuilds from the ledger."""
    settings = {"ROSSUM__REQUESTS_PER_SECOND": "0", "STATE__DIRECTORY": str(tmp_path / "state")}
    async with deployment(kafka.bootstrap_servers, "lost", tmp_path, simulator=QUICK, **settings) as world:
        await world.start_replica()
        await world.announce([inline(number) for number in range(DOCUMENTS)])
        await eventually(lambda: len(world.reader.captured()) > DOCUMENTS // 3, within=60)

        shutil.rmtree(tmp_path / "state")
        await world.announce([inline(number) for number in range(DOCUMENTS, 2 * DOCUMENTS)])
        await captured(world, 2 * DOCUMENTS)
        await world.stop_replicas()
        await world.start_replica()
        await world.announce([inline(number) for number in range(2 * DOCUMENTS + 5)])
        await captured(world, 2 * DOCUMENTS + 5)

        assert world.reader.duplicates() == []
        assert set((await world.root_documents()).values()) == {1}


async def test_a_state_of_another_deployment_is_not_used(kafka: Kafka, tmp_path: Path) -> None:
    """The folder was made from another ledger: it is thrown away, and the documents of this one are imported."""
    settings = {"ROSSUM__REQUESTS_PER_SECOND": "0", "STATE__DIRECTORY": str(tmp_path / "state")}
    for name in ("first", "second"):
        folder = tmp_path / name
        folder.mkdir()
        async with deployment(kafka.bootstrap_servers, name, folder, simulator=QUICK, **settings) as world:
            await world.start_replica()
            await world.announce([inline(number) for number in range(DOCUMENTS)])
            await captured(world, DOCUMENTS)
            await world.stop_replicas()

            losses = told(folder, 0, "state_lost")
    assert len(losses) == len(list((tmp_path / "state").glob("partition-*")))
