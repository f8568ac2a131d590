"""Arrivals that are deleted before they are read: nobody can bring them back, but everybody is told."""

import re
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from tests.support.commands import command
from tests.support.deployment import ARRIVED, Deployment, deployment, inline
from tests.support.find_kafka import Kafka
from tests.support.topic_copies import delete_all
from tests.support.waiting import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]

QUICK = ("--rate-limit", "0", "--processing", "0.2", "--review", "0.3")
DOCUMENTS, LOST = 12, 5
OPS_TOKEN = "ops token of the tests"


async def test_arrivals_that_vanish_during_an_outage_are_told(kafka: Kafka, tmp_path: Path) -> None:
    """By the audit while the connector is away, by its log and its metrics when it is back."""
    settings = {"ROSSUM__REQUESTS_PER_SECOND": "0"}
    async with deployment(kafka.bootstrap_servers, "losses", tmp_path, simulator=QUICK, **settings) as world:
        await world.start_replica()
        await captured_after(world, 0, DOCUMENTS)
        await world.stop_replicas()
        await world.announce([inline(number) for number in range(DOCUMENTS, DOCUMENTS + LOST)])
        topic = world.prefix + ARRIVED
        await delete_all(world.bootstrap, topic)

        away = await command(world.settings, "audit")
        await world.start_replica()
        await eventually(lambda: lost(world), within=30)
        back = world.replicas[1].log.read_text()
        await captured_after(world, DOCUMENTS, DOCUMENTS + LOST)
        gone_on = await command(world.settings, "audit")

        told = [line for line in away.out.splitlines() if line.startswith("lost ")]
        assert away.code == 3, away.out
        assert told
        assert all(topic in line and "announce these documents again" in line for line in told)
        assert not away.out.endswith("no difference\n")
        assert f'"place": "{topic}[' in back or f'"place":"{topic}[' in back
        assert gone_on.code == 0, gone_on.out
        assert world.reader.duplicates() == []


async def test_markers_of_transactions_are_neither_behind_nor_lost(kafka: Kafka, tmp_path: Path) -> None:
    """Arrivals announced in transactions, the last of them aborted: offsets without records are passed by."""
    settings = {"ROSSUM__REQUESTS_PER_SECOND": "0"}
    async with deployment(kafka.bootstrap_servers, "losses", tmp_path, simulator=QUICK, **settings) as world:
        await world.start_replica()
        await announced_in_transactions(world, DOCUMENTS)
        await eventually(lambda: len(world.reader.captured()) == DOCUMENTS, within=60)
        await eventually(lambda: is_done(world), within=30)
        clean = await command(world.settings, "audit")
        await world.stop_replicas()
        await delete_all(world.bootstrap, world.prefix + ARRIVED)

        empty = await command(world.settings, "audit")
        await world.start_replica()
        await captured_after(world, DOCUMENTS, DOCUMENTS + 1)

        assert (clean.code, empty.code) == (0, 0), empty.out
        assert "not copied yet" not in clean.out
        assert await world.metric(1, r'records_lost_total\{log="arrived"\}') == 0


async def announced_in_transactions(world: Deployment, documents: int) -> None:
    """One that is committed, and one that is not."""
    producer = AIOKafkaProducer(bootstrap_servers=world.bootstrap, transactional_id=f"{world.prefix}announcer")
    await producer.start()
    await producer.begin_transaction()
    for number in range(documents):
        await producer.send(world.prefix + ARRIVED, orjson.dumps(inline(number)), key=b"%d" % number)
    await producer.commit_transaction()
    await producer.begin_transaction()
    for number in range(documents):
        await producer.send(world.prefix + ARRIVED, orjson.dumps(inline(number + 1000)), key=b"%d" % number)
    await producer.abort_transaction()
    await producer.stop()


async def is_done(world: Deployment) -> bool:
    """Whether nothing is behind in the topic of arrivals, and that is known."""
    async with world.http.get(world.ops_urls[0] + "/metrics") as response:
        lag = re.findall(
            rf'consumer_lag{{partition="\d+",topic="{world.prefix}{ARRIVED}"}} (\S+)', await response.text()
        )
    return set(lag) == {"0.0"}


@pytest.mark.parametrize("log", ["imports", "work"])
async def test_what_an_inner_log_has_lost_is_told_once(kafka: Kafka, tmp_path: Path, log: str) -> None:
    """The connector goes on, and its place is known from then on: also where nothing comes any more."""
    topic = f"rossum.connector.{log}"
    settings = {"ROSSUM__REQUESTS_PER_SECOND": "0", "SWEEP__INTERVAL": "1h"}
    async with deployment(kafka.bootstrap_servers, "losses", tmp_path, simulator=QUICK, **settings) as world:
        await world.start_replica()
        await world.add_hook(world.webhook_urls[0])
        await captured_after(world, 0, DOCUMENTS)
        await eventually(lambda: is_audited(world), within=60)
        await world.stop_replicas()
        producer = AIOKafkaProducer(bootstrap_servers=world.bootstrap)
        await producer.start()
        for _ in range(LOST):
            await producer.send_and_wait(world.prefix + topic, b"{}", partition=1)
        await producer.stop()
        await delete_all(world.bootstrap, world.prefix + topic)

        away = await command(world.settings, "audit")
        lost = []
        for number in (1, 2):
            await world.start_replica()
            lost.append(await world.metric(number, rf'records_lost_total\{{log="{log}"\}}'))
            await world.stop_replicas()
        gone_on = await command(world.settings, "audit")

        assert (away.code, gone_on.code) == (3, 0), gone_on.out
        assert lost == [LOST, 0]


async def is_audited(world: Deployment) -> bool:
    """Whether the audit finds nothing, finished or not."""
    return (await command(world.settings, "audit")).code == 0


async def captured_after(world: Deployment, start: int, end: int) -> None:
    """Announce these documents and wait until that many have come out."""
    await world.announce([inline(number) for number in range(start, end)])
    await eventually(lambda: len(world.reader.captured()) == end, within=60)


async def lost(world: Deployment) -> bool:
    """Whether the second replica has counted the lost arrivals, each once."""
    return await world.metric(1, r'records_lost_total\{log="arrived"\}') == LOST


async def test_a_topic_of_arrivals_that_is_gone_is_a_warning(kafka: Kafka, tmp_path: Path) -> None:
    """Webhooks are taken in as before, so the replica stays ready; one that is held back is only behind."""
    settings = {"ROSSUM__REQUESTS_PER_SECOND": "0", "OPS__TOKEN": OPS_TOKEN}
    async with deployment(kafka.bootstrap_servers, "losses", tmp_path, simulator=QUICK, **settings) as world:
        await world.start_replica()
        await captured_after(world, 0, DOCUMENTS)
        url, headers = world.ops_urls[0] + "/v1/pause", {"Authorization": f"Bearer {OPS_TOKEN}"}
        (await world.http.post(url, headers=headers)).raise_for_status()
        await eventually(lambda: is_behind(world), within=30)
        well = await readiness(world)

        admin = AIOKafkaAdminClient(bootstrap_servers=world.bootstrap)
        await admin.start()
        await admin.delete_topics([world.prefix + ARRIVED])
        await admin.close()
        await eventually(lambda: warned(world), within=90)
        ill = await readiness(world)

        assert well == {"ready": True, "checks": {"kafka": "ok", "partitions": "ok"}, "warnings": {}}
        assert ill["ready"]
        assert world.prefix + ARRIVED in ill["warnings"]["intake"], ill


async def is_behind(world: Deployment) -> bool:
    """Whether arrivals wait, once there is another one: the first may still have been read."""
    await world.announce([inline(DOCUMENTS)])
    return await world.metric(0, rf'consumer_lag\{{partition="\d+",topic="{world.prefix}{ARRIVED}"\}}') > 0


async def readiness(world: Deployment) -> Any:
    """What the replica says of itself."""
    async with world.http.get(world.ops_urls[0] + "/readyz") as response:
        return await response.json()


async def warned(world: Deployment) -> bool:
    """Whether it complains of the topic; at first an answer may be missing that was asked for before."""
    return ARRIVED in (await readiness(world))["warnings"].get("intake", "")
