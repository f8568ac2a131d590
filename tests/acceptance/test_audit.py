"""The audit on real Kafka: nothing to say when all is well, and by name what is not."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.structs import ConsumerRecord, TopicPartition

from connector.domain.ids import format_clock, partition_of
from connector.domain.rows import AnyRow, ImportRow, ImportState, encode_row
from tests.support.commands import Done, command
from tests.support.deployment import PARTITIONS, Deployment, deployment, inline
from tests.support.find_kafka import Kafka
from tests.support.reader import CAPTURED
from tests.support.sources import sources
from tests.support.topic_copies import all_records, delete_before, make_copy
from tests.support.waiting import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]

QUICK, DOCUMENTS = ("--rate-limit", "0", "--processing", "0.2", "--review", "0.3"), 30


@asynccontextmanager
async def busy(kafka: Kafka, folder: Path, **settings: str) -> AsyncIterator[Deployment]:
    """Thirty documents that have come out, through a connector that goes on."""
    settings = {"ROSSUM__REQUESTS_PER_SECOND": "0"} | settings
    async with deployment(kafka.bootstrap_servers, "audit", folder, simulator=QUICK, **settings) as running:
        await running.start_replica()
        await running.announce([inline(number) for number in range(DOCUMENTS)])
        await eventually(lambda: len(running.reader.captured()) == DOCUMENTS, within=60)
        await eventually(lambda: len(running.reader.named("import.completed")) == DOCUMENTS, within=30)
        yield running


@pytest.fixture(scope="module")
async def world(kafka: Kafka, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Deployment]:
    """One for all tests that change only copies of topics."""
    async with busy(kafka, tmp_path_factory.mktemp("audit")) as running:
        yield running


async def audited(world: Deployment, *options: str) -> tuple[Done, Any]:
    """How the command ends and what it says as JSON."""
    done = await command(world.settings, "audit", "--json", *options)
    assert done.out, done.err
    return done, done.json


async def test_a_clean_run_has_no_difference(world: Deployment) -> None:
    """In = out while the service runs; progress goes to stderr, the result to stdout."""
    done = await command(world.settings, "audit")

    assert done.code == 0, done.out
    assert "imports              30 in = 30 out + 0 open\n" in done.out
    assert "captures in Rossum   30 in = 30 out + 0 open\n" in done.out
    assert done.out.endswith("no difference\n")
    assert "reading" in done.err
    assert "reading" not in done.out


async def test_an_event_that_a_copy_lacks_is_named(world: Deployment) -> None:
    """With the topic that lacks it and the command that makes up for it."""
    copy = f"{world.prefix}one-less"
    lost: list[ConsumerRecord] = []

    def without_one(records: list[ConsumerRecord]) -> list[ConsumerRecord]:
        lost.append(records.pop(7))
        return records

    await make_copy(world.bootstrap, world.prefix + CAPTURED, copy, without_one)
    number = orjson.loads(lost[0].value)["annotation"]["id"]

    done, report = await audited(world, "--captured-topic", copy)

    (difference,) = report["differences"]
    assert done.code == 3
    assert difference["kind"] == "missing-event"
    assert difference["entity"] == f"annotation/{number}"
    assert copy in difference["sentence"]
    assert f"replay --annotation {number}" in difference["sentence"]
    assert report["totals"]["captured revisions"]["missing"] == 1
    assert not report["totals"]["captured revisions"]["balances"]


async def test_a_doubled_event_is_named(world: Deployment) -> None:
    """With both places."""
    copy = f"{world.prefix}one-more"
    await make_copy(world.bootstrap, world.prefix + CAPTURED, copy, lambda records: [*records, records[3]])

    done, report = await audited(world, "--captured-topic", copy)

    (difference,) = report["differences"]
    assert done.code == 3
    assert difference["kind"] == "doubled"
    assert "2 times on" in difference["sentence"]


async def test_an_event_that_the_ledger_does_not_know_is_named(world: Deployment) -> None:
    """And one whose id does not follow from what it says."""
    copy = f"{world.prefix}strange"

    def strange(records: list[ConsumerRecord]) -> list[ConsumerRecord]:
        headers = dict(records[0].headers)
        changed = headers | {"ce_id": b"00000000-0000-0000-0000-000000000000"}
        return [*records, _with_headers(records[0], changed)]

    await make_copy(world.bootstrap, world.prefix + CAPTURED, copy, strange)

    done, report = await audited(world, "--captured-topic", copy)

    assert done.code == 3
    assert {difference["kind"] for difference in report["differences"]} >= {"foreign-id"}


def _with_headers(record: ConsumerRecord, headers: dict[str, bytes]) -> ConsumerRecord:
    return ConsumerRecord(
        record.topic, record.partition, record.offset, record.timestamp, 0, record.key, record.value, None, 0, 0,
        tuple(headers.items()),
    )  # fmt: skip


async def test_what_was_deleted_with_the_head_is_beyond_retention(kafka: Kafka, tmp_path: Path) -> None:
    """No loss: the place where the topic begins is told instead."""
    async with busy(kafka, tmp_path) as world:
        topic = world.prefix + CAPTURED
        records = await all_records(world.bootstrap, topic)
        cut = {TopicPartition(topic, record.partition): record.offset + 1 for record in records[: DOCUMENTS // 2]}
        await delete_before(world.bootstrap, cut)

        done, report = await audited(world)

        totals = report["totals"]["captured revisions"]
        assert done.code == 0, report["differences"]
        assert totals["beyond retention"] >= DOCUMENTS // 2
        assert totals["in"] == totals["out"] + totals["beyond retention"] == DOCUMENTS
        told = {(head["partition"], head["offset"]) for head in report["beyond_retention"]}
        assert told == {(place.partition, offset) for place, offset in cut.items()}


async def test_documents_in_flight_are_no_differences(kafka: Kafka, tmp_path: Path) -> None:
    """What is open now is listed with its stage and age; in = out + open at every moment."""
    async with busy(kafka, tmp_path) as world:
        await world.control("/faults", {"method": "POST", "path": "^/uploads", "action": "delay:60", "times": 0})
        await world.announce([inline(number) for number in range(1000, 1300)])
        await eventually(lambda: world.metric(0, r'open_entities\{kind="import"\}'), within=60)

        done, report = await audited(world)

        await world.control("/faults", method="DELETE")
        imports = report["totals"]["imports"]
        assert done.code == 0, report["differences"]
        assert imports["in"] == imports["out"] + imports["open"]
        assert imports["out"] == DOCUMENTS
        assert imports["open"] > 0


@pytest.mark.parametrize(
    "settings", [{"KAFKA__DELIVERY": "at-least-once"}, {"KAFKA__EVENT_MODE": "structured"}], ids=["once", "structured"]
)
async def test_other_ways_of_writing_are_understood(kafka: Kafka, tmp_path: Path, settings: dict[str, str]) -> None:
    """Rows with owners, and events whose attributes are in the value."""
    async with deployment(
        kafka.bootstrap_servers, "audit", tmp_path, simulator=QUICK, ROSSUM__REQUESTS_PER_SECOND="0", **settings
    ) as world:
        await world.start_replica()
        await world.announce([inline(number) for number in range(DOCUMENTS)])

        async def balance() -> bool:
            _, report = await audited(world)
            return bool(report["totals"]["captured revisions"]["out"] == DOCUMENTS)

        await eventually(balance, within=90)
        done, report = await audited(world)

        assert done.code == 0, report["differences"]
        assert report["totals"]["imports"]["out"] == DOCUMENTS


async def test_failures_and_redriven_letters_balance(kafka: Kafka, tmp_path: Path) -> None:
    """Each announcement counts: the one that failed with its dead letter, and the one that made up for it."""
    async with sources(tmp_path) as documents:
        settings = {"ROSSUM__REQUESTS_PER_SECOND": "0"} | documents.settings
        async with deployment(kafka.bootstrap_servers, "audit", tmp_path, simulator=QUICK, **settings) as world:
            arrival = documents.arrival(2)
            (documents.folder / "2.pdf").unlink()
            await world.start_replica()
            await world.announce([arrival])
            await eventually(lambda: world.reader.letters, within=60)

            failed, of_failure = await audited(world)
            documents.arrival(2)  # writes the file again
            redriven = await command(world.settings, "dead-letters", "redrive", "--everything", "--yes")
            await eventually(world.reader.captured, within=60)
            await eventually(lambda: world.reader.named("import.completed"), within=30)
            done, report = await audited(world)

            assert redriven.code == 0, redriven
            assert (failed.code, done.code) == (0, 0), report["differences"]
            assert (of_failure["totals"]["imports"]["in"], of_failure["totals"]["imports"]["out"]) == (1, 1)
            assert (report["totals"]["imports"]["in"], report["totals"]["imports"]["out"]) == (2, 2)


async def test_what_needs_a_person_is_listed_with_its_age(kafka: Kafka, tmp_path: Path) -> None:
    """An ambiguous import comes first, then what waits."""
    async with busy(kafka, tmp_path) as world:
        await world.stop_replicas()
        since = format_clock(datetime.now(UTC) - timedelta(hours=5, minutes=1))
        await _write_row(world, "import/unclear", ImportRow(ImportState.AMBIGUOUS, "unclear", intent_at=since))
        await _write_row(world, "import/waiting", ImportRow(ImportState.INTENT, "waiting", intent_at=since))

        done = await command(world.settings, "audit")

        lines = [line for line in done.out.splitlines() if line.startswith("open")]
        assert done.code == 0
        assert lines[0].startswith("open           import/unclear  import ambiguous, for 5 h (since ")
        assert lines[1].startswith("open           import/waiting  import intent, for 5 h (since ")
        assert "imports              32 in = 30 out + 1 open + 1 ambiguous" in done.out


async def _write_row(world: Deployment, entity: str, row: AnyRow) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=world.bootstrap)
    await producer.start()
    topic, partition = f"{world.prefix}rossum.connector.ledger", partition_of(entity, PARTITIONS)
    await producer.send_and_wait(topic, encode_row(row), key=entity.encode(), partition=partition)
    await producer.stop()


async def test_rossum_is_asked_for_what_nobody_has_published(kafka: Kafka, tmp_path: Path) -> None:
    """A capture that every sweep has passed by is a difference, one that a sweep will find is open."""
    long_ago = format_clock(datetime.now(UTC) - timedelta(days=2))
    async with busy(kafka, tmp_path, SWEEP__START=long_ago) as world:
        await eventually(lambda: len(world.reader.named("sweep.completed")) >= 7, within=30)
        passed_by = await world.make_exported(datetime.now(UTC) - timedelta(days=1))
        await world.stop_replicas()
        to_come = await world.make_exported(now := datetime.now(UTC))
        # Rossum tells its time in whole seconds, and the audit asks up to that.
        await eventually(lambda: datetime.now(UTC) - now > timedelta(seconds=1))

        done, report = await audited(world)

        (difference,) = report["differences"]
        assert done.code == 3
        assert (difference["kind"], difference["entity"]) == ("not-captured", f"annotation/{passed_by}")
        assert [(item["entity"], item["stage"]) for item in report["open"]] == [
            (f"annotation/{to_come}", "waits for the next sweep")
        ]


async def test_what_is_older_than_the_horizon_is_counted_or_listed(kafka: Kafka, tmp_path: Path) -> None:
    """It is no difference: only a replay publishes it."""
    async with busy(kafka, tmp_path) as world:
        old = await world.make_exported(datetime.now(UTC) - timedelta(days=30))

        done, report = await audited(world)
        done_beyond, beyond = await audited(world, "--beyond-horizon")

        assert (done.code, done_beyond.code) == (0, 0)
        assert report["before_horizon"] == 1
        assert [item["entity"] for item in beyond["beyond_horizon"]] == [f"annotation/{old}"]
        assert beyond["totals"]["captures in Rossum"]["beyond horizon"] == 1


async def test_an_audit_without_a_ledger_says_so(kafka: Kafka, tmp_path: Path) -> None:
    """In a sentence."""
    async with deployment(kafka.bootstrap_servers, "audit", tmp_path) as world:
        done = await command(world.settings, "audit")

        assert done.code == 3
        assert "holds nothing: has this deployment ever been started?" in done.err


async def test_a_replica_lists_its_own_open_work(kafka: Kafka, tmp_path: Path) -> None:
    """A document whose source is away, with age, due time and reason; nothing else is open."""
    token = "ops token of the tests"
    async with sources(tmp_path) as documents:
        settings = {"ROSSUM__REQUESTS_PER_SECOND": "0", "OPS__TOKEN": token} | documents.settings
        async with deployment(kafka.bootstrap_servers, "audit", tmp_path, simulator=QUICK, **settings) as world:
            documents.unavailable.add(1)
            await world.start_replica()
            await world.announce([documents.arrival(1)])

            async def waits() -> Any:
                headers = {"Authorization": f"Bearer {token}"}
                async with world.http.get(world.ops_urls[0] + "/v1/audit", headers=headers) as response:
                    body = orjson.loads(await response.read())
                return body if body["oldest"] and body["oldest"][0]["reason"] else None

            body = await eventually(waits, within=30)

            (item,) = body["oldest"]
            assert (body["open"], body["ambiguous"], len(body["partitions"])) == (1, 0, PARTITIONS)
            assert body["stages"] == [{"stage": "import waiting", "count": 1, "oldest_seconds": item["age_seconds"]}]
            assert (item["stage"], item["parked"]) == ("import waiting", False)
            assert item["due"]
