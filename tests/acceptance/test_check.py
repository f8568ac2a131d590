"""`rossum-connector check` on a deployment that is right, and on ones where something is wrong."""

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.support.deployment import TOKEN, Deployment, deployment, spawn
from tests.support.find_kafka import Kafka
from tests.support.kafka_settings import free_ports

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]


async def check(world: Deployment, **settings: str) -> tuple[int, dict[str, Any]]:
    """Exit code, and for each check whether it is fine and what it says."""
    environment = world.settings | {f"CONNECTOR_{name}": value for name, value in settings.items()}
    async with AsyncExitStack() as stack:
        arguments = ["-m", "connector.cli.main", "check", "--json"]
        process = await spawn(arguments, world.folder / "check.log", environment, stack)
        assert process.process.stdout is not None
        lines = (await process.process.stdout.read()).splitlines()
        found = {line["check"]: (line["ok"], line["sentence"]) for line in map(orjson.loads, lines)}
        return await process.process.wait(), found


async def test_what_is_right_is_told_as_right(kafka: Kafka, tmp_path: Path) -> None:
    """Every check is there, fine, and the exit code is 0."""
    async with deployment(kafka.bootstrap_servers, "check", tmp_path) as world:
        settings = {"IMPORTS__FILE_ROOTS": f'["{tmp_path}"]', "STATE__DIRECTORY": str(tmp_path)}
        code, found = await check(world, **settings, EMBEDDED__TOKEN=TOKEN)

    assert code == 0
    assert {name for name, (is_fine, _) in found.items() if is_fine} == set(found)
    assert set(found) == {
        *("settings", "state directory", "file root", "kafka", "topics", "consumer group", "trimming"),
        *("transactions", "rossum", "clock", "role", "queue invoices", "queue receipts", "embedded user"),
    }


WRONG = {
    "kafka": ({"KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:{closed}"}, "KAFKA__BOOTSTRAP_SERVERS"),
    "topic": ({"KAFKA__TOPICS__CAPTURED": "nowhere"}, "rossum-connector topics create"),
    "rossum": ({"ROSSUM__TOKEN": "another"}, "ROSSUM__TOKEN"),
    "queue typo": ({"ROSSUM__QUEUES": '{"invoices": 8198, "typo": 1}'}, "ROSSUM__QUEUES"),
    "embedded user": ({"EMBEDDED__USERNAME": "e@example.com", "EMBEDDED__PASSWORD": "x"}, "EMBEDDED__TOKEN"),
    "hook": ({"WEBHOOK__PUBLIC_URL": "https://example.com/hooks/rossum"}, "rossum-connector hooks plan"),
    "state directory": ({"STATE__DIRECTORY": "/nowhere/at/all"}, "STATE__DIRECTORY"),
    "file root": ({"IMPORTS__FILE_ROOTS": '["/nowhere/at/all"]'}, "IMPORTS__FILE_ROOTS"),
    "captured fields": ({"CAPTURE__FIELDS": '["document_id", "amout_total"]'}, "did you mean amount_total?"),
    "ca file": ({"IMPORTS__CA_FILE": "/nowhere/ca.pem"}, "IMPORTS__CA_FILE"),
}


async def test_each_thing_that_is_wrong_is_told_with_its_remedy(kafka: Kafka, tmp_path: Path) -> None:
    """One thing at a time: its line is not fine, names the remedy, and the exit code is 3; all others are fine."""
    (closed,) = free_ports(1)
    async with deployment(kafka.bootstrap_servers, "check", tmp_path) as world:
        for name, (settings, remedy) in WRONG.items():
            filled = {key: value.replace("{closed}", str(closed)) for key, value in settings.items()}

            code, found = await check(world, **filled)

            bad = {check_name: sentence for check_name, (is_fine, sentence) in found.items() if not is_fine}
            assert code == 3, name
            assert list(bad) == [name]
            assert remedy in bad[name]


async def test_clock_role_and_object_store_are_told(kafka: Kafka, tmp_path: Path) -> None:
    """Windows are in Rossum's time; a viewer can read everything, so that nothing else would tell."""
    async with deployment(kafka.bootstrap_servers, "check", tmp_path) as world:
        await world.control("/time", {"shift": 120})
        await world.control("/behaviour", {"viewer_user": True})

        code, found = await check(world, IMPORTS__ALLOWED_BUCKETS='["nowhere"]')

    assert code == 3
    assert {name for name, (is_fine, _) in found.items() if not is_fine} == {"clock", "role", "object store nowhere"}
    assert "NTP" in found["clock"][1]
    assert "annotator" in found["role"][1]
