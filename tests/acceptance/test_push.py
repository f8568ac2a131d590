"""The push workflow: the hook is made, repaired, watched, given another secret under traffic; its loss is noticed."""

from contextlib import AsyncExitStack
from pathlib import Path

import orjson
import pytest

from tests.support.deployment import SECRET, Deployment, deployment, inline, spawn
from tests.support.find_kafka import Kafka
from tests.support.kafka_settings import free_ports
from tests.support.waiting import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(240)]

QUICK = ("--rate-limit", "0", "--processing", "0.2", "--review", "0.3")
NEW_SECRET = "the next secret of the hook"


async def hooks(world: Deployment, command: str, **settings: str) -> tuple[int, str]:
    """`rossum-connector hooks …`: exit code, and what it says on stdout."""
    environment = world.settings | {f"CONNECTOR_{name}": value for name, value in settings.items()}
    async with AsyncExitStack() as stack:
        arguments = ["-m", "connector.cli.main", "hooks", *command.split()]
        process = await spawn(arguments, world.folder / "hooks.log", environment, stack)
        assert process.process.stdout is not None
        said = (await process.process.stdout.read()).decode()
        return await process.process.wait(), said


async def test_the_hook_is_made_repaired_and_its_secret_changed_under_traffic(kafka: Kafka, tmp_path: Path) -> None:
    """Documents flow all along; drift raises the alarm, the repair takes it away, and every webhook is taken."""
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}/hooks/rossum"
    settings = {"ROSSUM__REQUESTS_PER_SECOND": "0", "SWEEP__INTERVAL": "3600", "WEBHOOK__PUBLIC_URL": url}
    both = {"WEBHOOK__SECRETS": orjson.dumps([NEW_SECRET, SECRET]).decode()}
    async with deployment(kafka.bootstrap_servers, "push", tmp_path, simulator=QUICK, **settings) as world:
        missing = await hooks(world, "plan")
        made = await hooks(world, "apply --yes")
        again = await hooks(world, "plan")
        await world.start_replica(WEBHOOK__PORT=str(port), **both)
        await world.announce([inline(number) for number in range(30)])
        await eventually(lambda: len(world.reader.captured()) > 5, within=60)

        drifted = await hooks(world, "plan", **both)
        await eventually(lambda: _is(world.metric(0, r'hook_drift\{kind="secret"\}'), 1.0), within=90)
        repaired = await hooks(world, "apply --yes", **both)
        await world.announce([inline(number) for number in range(30, 60)])
        await eventually(lambda: len(world.reader.captured()) == 60, within=60)
        await eventually(lambda: _is(world.metric(0, r"hook_drift\{.*\}"), 0.0), within=90)

        log = await world.api("GET", "/hooks/logs")
        assert (missing[0], made[0], again[0], drifted[0], repaired[0]) == (3, 0, 0, 3, 0)
        assert "+ hook" in missing[1]
        assert "as it should be" in again[1]
        assert "config.secret" in drifted[1]
        assert SECRET not in "".join([missing[1], made[1], again[1], drifted[1], repaired[1]])
        assert NEW_SECRET not in drifted[1] + repaired[1]
        assert {line["status"] for line in log["results"]} == {"completed"}
        assert world.reader.duplicates() == []


async def test_sweeps_tighten_while_push_is_down_and_relax_after(kafka: Kafka, tmp_path: Path) -> None:
    """The circuit `push` opens when webhooks stop coming, documents come out by faster sweeps, and it closes again."""
    settings = {"ROSSUM__REQUESTS_PER_SECOND": "0", "SWEEP__INTERVAL": "30"}
    async with deployment(kafka.bootstrap_servers, "loss", tmp_path, simulator=QUICK, **settings) as world:
        await world.start_replica()
        await world.add_hook(world.webhook_urls[0])
        await world.announce([inline(number) for number in range(10)])
        await eventually(lambda: len(world.reader.captured()) == 10, within=60)

        await world.control("/hooks", {"loss": 1.0})
        await world.announce([inline(number) for number in range(10, 40)])
        await eventually(lambda: _is(world.metric(0, r'circuit_open\{circuit="push"\}'), 1.0), within=90)
        await eventually(lambda: len(world.reader.captured()) == 40, within=60)
        await world.control("/hooks", {"loss": 0.0})
        await world.announce([inline(number) for number in range(40, 80)])
        await eventually(lambda: len(world.reader.captured()) == 80, within=60)
        await eventually(lambda: _is(world.metric(0, r'circuit_open\{circuit="push"\}'), 0.0), within=60)

        assert world.reader.duplicates() == []


async def _is(answer: object, wanted: float) -> bool:
    return bool(await answer == wanted)  # type: ignore[misc] # an awaitable of a number
