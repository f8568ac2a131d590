"""What is wrong at the start is said in one sentence, with the documented exit code.

One sentence is one line: whatever is wrong with topics is one line for each topic, so that none hides another.
"""

from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.support.deployment import PARTITIONS, Deployment, deployment, inline, spawn
from tests.support.find_kafka import Kafka
from tests.support.waiting import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]

QUICK = ("--rate-limit", "0", "--processing", "0.2", "--review", "0.3")
#: Topics that need the same number of partitions, in the order in which they are told of.
INNER = ("rossum.connector.imports", "rossum.connector.work", "rossum.connector.ledger")
PORTS = {"WEBHOOK__PORT": "0", "OPS__PORT": "0"}


async def refusal(world: Deployment, **changes: str) -> tuple[int, str]:
    """Exit code and words of a replica that should not start."""
    environment = world.settings | {f"CONNECTOR_{key}": value for key, value in (PORTS | changes).items()}
    number = len(list(world.folder.glob("refused-*.log")))
    log = world.folder / f"refused-{number}.log"
    replica = await spawn(["-m", "connector.cli.main", "run"], log, environment, world.stack)
    await eventually(lambda: replica.process.returncode is not None, within=60)
    words = "\n".join(line for line in log.read_text().splitlines() if not line.startswith("{"))
    assert "Traceback" not in log.read_text()
    return replica.process.returncode or 0, words


def one_line(words: str) -> str:
    """The words, which must be one line of ours."""
    assert words.startswith("rossum-connector: ")
    assert len(words.splitlines()) == 1, words
    return words


async def test_settings_topics_and_token(kafka: Kafka, tmp_path: Path) -> None:
    """A typo names the nearest key; topics that are missing or wrong, and a bad token, are named."""
    async with deployment(kafka.bootstrap_servers, "refused", tmp_path, simulator=QUICK) as world:
        typo = await refusal(world, KAFKA__GROUPID="x")
        missing = await refusal(world, KAFKA__TOPICS__WORK="nowhere")
        partitions = await refusal(world, KAFKA__WORK_PARTITIONS="7")
        token = await refusal(world, ROSSUM__TOKEN="wrong")

    assert typo == (
        2,
        "rossum-connector: CONNECTOR_KAFKA__GROUPID is not a setting; did you mean CONNECTOR_KAFKA__GROUP_ID?",
    )
    assert missing[0] == 3
    assert "nowhere does not exist" in one_line(missing[1])
    assert partitions[0] == 3
    wrong = partitions[1].removeprefix("rossum-connector: ").splitlines()
    said = f"has {PARTITIONS} partitions, but KAFKA__WORK_PARTITIONS is 7"
    assert [line.partition(said)[:2] for line in wrong] == [(f"topic {world.prefix}{name} ", said) for name in INNER]
    assert token[0] == 3
    assert "ROSSUM__TOKEN" in one_line(token[1])


async def test_a_ledger_that_is_not_ours(kafka: Kafka, tmp_path: Path) -> None:
    """Another deployment's ledger, and one that was emptied, are refused, never rebuilt into duplicates."""
    async with deployment(kafka.bootstrap_servers, "ledger", tmp_path, simulator=QUICK) as world:
        replica = await world.start_replica()
        await world.announce([inline(number) for number in range(30)])
        await eventually(lambda: len(world.reader.captured()) >= 30, within=60)
        await replica.stop()

        foreign = await refusal(world, KAFKA__GROUP_ID="somebody-else")
        await _empty(world, "rossum.connector.ledger")
        emptied = await refusal(world)

    assert foreign[0] == 3
    assert "belongs to another deployment: KAFKA__GROUP_ID is somebody-else here" in one_line(foreign[1])
    assert emptied[0] == 3
    assert "is empty although group" in one_line(emptied[1])


async def _empty(world: Deployment, name: str) -> None:
    """Delete the topic and make it again, as an operator's mistake would."""
    topic = NewTopic(world.prefix + name, PARTITIONS, 1, topic_configs={"cleanup.policy": "compact"})
    admin = AIOKafkaAdminClient(bootstrap_servers=world.bootstrap)
    await admin.start()

    async def made_again() -> bool:
        answer = await admin.create_topics([topic])
        return bool(answer.topic_errors[0][1] == 0)

    try:
        await admin.delete_topics([topic.name])
        await eventually(made_again, within=30)
    finally:
        await admin.close()
