"""Forward to a later version and back: nothing that the later one wrote is lost, nothing is published again."""

from pathlib import Path
from typing import Any

import orjson
import pytest
from aiokafka import AIOKafkaProducer

from tests.support.deployment import Deployment, deployment, inline
from tests.support.find_kafka import Kafka
from tests.support.topic_copies import all_records
from tests.support.waiting import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]

QUICK = ("--rate-limit", "0", "--processing", "0.2", "--review", "0.3")
LATER = {"mood": "good", "nested": {"of": ["a", "later", "version"]}}

Rows = dict[tuple[int, str], dict[str, Any]]


async def ledger(world: Deployment) -> Rows:
    """The newest row of every entity, by partition and key, as it stands on the topic."""
    records = await all_records(world.bootstrap, world.prefix + "rossum.connector.ledger")
    return {(record.partition, record.key.decode()): orjson.loads(record.value) for record in records}


async def written_by_a_later_version(world: Deployment, rows: Rows) -> None:
    """Write rows as a version does that knows more fields and one more kind of row."""
    producer = AIOKafkaProducer(bootstrap_servers=world.bootstrap, acks="all")
    await producer.start()
    topic = world.prefix + "rossum.connector.ledger"
    later = {place: {**value, "row": {**value["row"], **LATER}} for place, value in rows.items()}
    for (partition, key), value in {**later, (3, "pigeon/1"): {"kind": "pigeon", "row": LATER}}.items():
        await producer.send_and_wait(topic, orjson.dumps(value), key=key.encode(), partition=partition)
    await producer.stop()


async def test_back_to_this_version_and_nothing_is_lost(kafka: Kafka, tmp_path: Path) -> None:
    """Rows with fields that this version does not know are worked on, and keep them; no event comes twice."""
    async with deployment(kafka.bootstrap_servers, "versions", tmp_path, simulator=QUICK) as world:
        first = await world.start_replica()
        await world.announce([inline(number) for number in range(6)])
        await eventually(lambda: len(world.reader.captured()) == 6, within=60)
        await first.stop()
        before = await ledger(world)
        await written_by_a_later_version(world, before)

        await world.start_replica()
        again = world.reader.captured()[0].data["annotation"]["id"]
        await world.control(f"/annotations/{again}/status", {"status": "to_review"})
        await world.control(f"/annotations/{again}/status", {"status": "exported"})
        await world.announce([inline(6)])
        await eventually(lambda: len(world.reader.captured()) == 8, within=60)

        rows = {key: value["row"] for (_, key), value in (await ledger(world)).items()}
        kept = {key: {name: rows[key].get(name) for name in LATER} for _, key in before}
        assert rows["pigeon/1"] == LATER
        assert set(map(repr, kept.values())) == {repr(LATER)}
        assert rows[f"annotation/{again}"]["counts"] == {"exported": 2}
        assert world.reader.duplicates() == []
