"""Publishing again on real Kafka: the same ids, marked, by the command itself or by the owner."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.structs import ConsumerRecord

from connector.domain.ids import format_clock
from connector.domain.readings import CLOCKS
from tests.support.commands import Done, answered, command
from tests.support.deployment import Deployment, deployment, inline
from tests.support.find_kafka import Kafka
from tests.support.reader import CAPTURED, LIFECYCLE
from tests.support.topic_copies import PARTITIONS, all_records
from tests.support.waiting import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]

QUICK = ("--rate-limit", "0", "--processing", "0.2", "--review", "0.3")


@pytest.fixture
async def world(kafka: Kafka, tmp_path: Path) -> AsyncIterator[Deployment]:
    """Five documents that have come out, through a connector that goes on."""
    settings = {"ROSSUM__REQUESTS_PER_SECOND": "0"}
    async with deployment(kafka.bootstrap_servers, "replay", tmp_path, simulator=QUICK, **settings) as running:
        await running.start_replica()
        await running.announce([inline(number) for number in range(5)])
        await eventually(lambda: len(running.reader.captured()) == 5, within=60)
        await eventually(lambda: len(running.reader.named("import.completed")) == 5, within=30)
        yield running


async def replayed(world: Deployment, *options: str) -> Done:
    """How the command ends."""
    return await command(world.settings, "replay", *options)


async def captured(world: Deployment, topic: str = CAPTURED) -> list[tuple[str, dict[str, str], Any]]:
    """Key, headers and data of the captured records of a topic, in the order of reading."""
    records = await all_records(world.bootstrap, world.prefix + topic)
    return [one for record in records if (one := _parts(record))[1]["ce_type"].endswith("annotation.captured")]


def _parts(record: ConsumerRecord) -> tuple[str, dict[str, str], Any]:
    headers = {name: value.decode() for name, value in record.headers}
    return record.key.decode(), headers, orjson.loads(record.value)


async def _ends(world: Deployment) -> dict[str, int]:
    names = (CAPTURED, LIFECYCLE, "rossum.annotations.ready", "rossum.connector.work")
    return {name: len(await all_records(world.bootstrap, world.prefix + name)) for name in names}


async def _make_topic(world: Deployment, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=world.bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(topic, PARTITIONS, 1)])
    await admin.close()


async def test_a_document_is_published_again(world: Deployment) -> None:
    """On both topics, the same event but for how it was observed; the audit tells it from a double."""
    ((_, before, data),) = [event for event in await captured(world) if event[0] == "doc-3"]

    done = await replayed(world, "--document", "doc-3", "--yes")
    audit = await command(world.settings, "audit")

    full = [event for event in await captured(world) if event[0] == "doc-3"]
    thin = [event for event in await captured(world, LIFECYCLE) if event[0] == "doc-3"]
    (_, after, again) = full[1]
    assert (done.code, len(full), len(thin)) == (0, 2, 2), done
    assert after["ce_replay"] in done.out
    assert after.pop("ce_replay") == thin[1][1]["ce_replay"]
    assert (after.pop("ce_observedvia"), before.pop("ce_observedvia")) == ("replay", "sweep")
    assert (after, again) == (before, data)
    assert audit.code == 0, audit.out
    assert "2 of them by replays" in audit.out


async def test_another_topic_gets_the_whole_events(world: Deployment) -> None:
    """And the public ones nothing."""
    other = f"{world.prefix}elsewhere"
    await _make_topic(world, other)
    before = await _ends(world)

    done = await replayed(world, "--queue", "invoices", "--to-topic", other, "--yes", "--rate", "50")

    ids = {headers["ce_id"] for _, headers, _ in await captured(world)}
    copies = await captured(world, "elsewhere")
    assert done.code == 0, done
    assert {headers["ce_id"] for _, headers, _ in copies} == ids
    assert len(copies) == 5
    assert all(data["content"] for _, _, data in copies)
    assert (await _ends(world))[CAPTURED] == before[CAPTURED]


async def test_a_dry_run_writes_nothing(world: Deployment) -> None:
    """But says what would be published, and what the connector would be asked for."""
    await world.stop_replicas()
    old = await world.make_exported(datetime.now(UTC) - timedelta(days=30))
    before = await _ends(world)

    done = await replayed(world, "--queue", "8198", "--dry-run")

    lines = done.out.splitlines()
    assert done.code == 0, done
    assert len([line for line in lines if line.startswith("would be published annotation/")]) == 5
    assert [line for line in lines if line.startswith(f"would be asked     annotation/{old} ")]
    assert lines[-1] == "dry run, nothing was written: 1 asked, 5 published"
    assert await _ends(world) == before


async def test_the_horizon_is_crossed_on_request(world: Deployment) -> None:
    """The owner publishes what nobody had announced; the next replay publishes it again, with the same id."""
    old = await world.make_exported(datetime.now(UTC) - timedelta(days=30))
    key = f"rossum:{old}"

    first = await replayed(world, "--annotation", str(old), "--yes")
    await eventually(lambda: [e for e in world.reader.captured() if e.key == key], within=30)
    second = await replayed(world, "--annotation", str(old), "--yes")

    events = [headers for found, headers, _ in await captured(world) if found == key]
    audit = await command(world.settings, "audit")
    assert (first.code, second.code) == (0, 0)
    assert "1 asked" in first.out
    assert "1 published" in second.out
    assert len(events) == 2
    assert events[0]["ce_id"] == events[1]["ce_id"]
    assert [headers["ce_observedvia"] for headers in events] == ["replay", "replay"]
    assert events[0]["ce_replay"] in first.out
    assert events[1]["ce_replay"] in second.out
    assert audit.code == 0, audit.out


async def test_what_an_audit_misses_a_replay_makes_up_for(kafka: Kafka, tmp_path: Path) -> None:
    """A capture that every sweep had passed by is published when it is asked for."""
    settings = {
        "ROSSUM__REQUESTS_PER_SECOND": "0",
        "SWEEP__START": format_clock(datetime.now(UTC) - timedelta(days=2)),
    }
    async with deployment(kafka.bootstrap_servers, "replay", tmp_path, simulator=QUICK, **settings) as world:
        await world.start_replica()
        await eventually(lambda: world.reader.passes().keys() >= set(CLOCKS), within=60)
        missed = await world.make_exported(datetime.now(UTC) - timedelta(days=1))
        before = await command(world.settings, "audit")

        done = await replayed(world, "--from", str(datetime.now(UTC).date() - timedelta(days=2)), "--yes")
        await eventually(world.reader.captured, within=30)
        after = await command(world.settings, "audit")

        assert f"not-captured   annotation/{missed}" in before.out
        assert (before.code, done.code, after.code) == (3, 0, 0), after.out


async def test_a_revision_that_rossum_has_replaced_is_told(world: Deployment) -> None:
    """It can't be published again; the newer one is left to the connector."""
    await world.stop_replicas()
    number = (await captured(world))[0][2]["annotation"]["id"]
    await world.control(f"/annotations/{number}/status", {"status": "to_review"})
    await world.control(f"/annotations/{number}/status", {"status": "exported"})
    before = await _ends(world)

    done = await replayed(world, "--annotation", str(number), "--yes")

    assert done.code == 3
    assert f"changed            annotation/{number}" in done.out
    assert f"asked              annotation/{number}" in done.out
    assert (await _ends(world))[CAPTURED] == before[CAPTURED]


async def test_a_person_is_asked_first(world: Deployment) -> None:
    """And may say no, which leaves everything as it was."""
    no = await answered(world.settings, "n", "replay", "--document", "doc-1")
    unchanged = len(await captured(world))
    yes = await answered(world.settings, "y", "replay", "--document", "doc-1")

    assert (no.code, unchanged, yes.code) == (3, 5, 0), (no, yes)
    assert "Publish again to the public topics (annotations: 1)?" in no.err
    assert "1 published" in yes.out


async def test_what_can_not_be_done_is_said_before_anything_is(world: Deployment) -> None:
    """Nobody to ask, nothing named, nothing found, an unknown event, an unknown topic."""
    nobody = await replayed(world, "--document", "doc-1")
    nothing = await replayed(world, "--yes")
    unfound = await replayed(world, "--document", "no such document", "--yes")
    event = await replayed(world, "--document", "doc-1", "--event", "annotation.lost", "--yes")
    topic = await replayed(world, "--document", "doc-1", "--to-topic", "nowhere", "--yes")

    assert (nobody.code, nothing.code, unfound.code, event.code, topic.code) == (2, 2, 3, 2, 3)
    assert "add --yes" in nobody.err
    assert "--document or --annotation" in nothing.err
    assert "nothing matches" in unfound.err
    assert "annotation.captured" in event.err
    assert topic.err.splitlines()[-1] == "rossum-connector: topic nowhere does not exist, or this user may not see it"
    assert "not found in cluster metadata" not in topic.err
