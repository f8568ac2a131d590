"""Dead letters as a person handles them: listed, looked at, repaired and sent again."""

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.structs import TopicPartition

from tests.support.deployment import ARRIVED, Deployment, deployment, inline, pdf, spawn
from tests.support.find_kafka import Kafka
from tests.support.waiting import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]

QUICK = ("--rate-limit", "0", "--processing", "0.2", "--review", "0.3")
#: Bytes of arrivals that the inner log does not take: a letter takes the first, but not the second.
FITS_A_LETTER, FITS_NOTHING = 1_100_000, 3_000_000
ODD_BYTES = b"\xff\x00 no JSON, no UTF-8 \xfe"
ODD_HEADERS = [("theirs", b"\x00\xff"), ("theirs", b"twice"), ("empty", b"")]


async def letters(world: Deployment, *arguments: str) -> tuple[int, str, str]:
    """`rossum-connector dead-letters …`: exit code, stdout, stderr."""
    async with AsyncExitStack() as stack:
        log = world.folder / "letters.log"
        process = await spawn(["-m", "connector.cli.main", "dead-letters", *arguments], log, world.settings, stack)
        assert process.process.stdout is not None
        said = (await process.process.stdout.read()).decode()
        return await process.process.wait(), said, log.read_text()


async def listed(world: Deployment, *arguments: str) -> list[Any]:
    """What `list --json` shows."""
    code, said, log = await letters(world, "list", "--json", *arguments)
    assert code == 0, log
    return [orjson.loads(line) for line in said.splitlines()]


async def poison(world: Deployment) -> None:
    """A record that no program could read."""
    producer = AIOKafkaProducer(bootstrap_servers=world.bootstrap, acks="all")
    await producer.start()
    await producer.send_and_wait(world.prefix + ARRIVED, ODD_BYTES, headers=ODD_HEADERS)
    await producer.stop()


async def announce_padded(world: Deployment, sizes: dict[int, int], folder: Path) -> None:
    """Arrivals of so many bytes, by number, whose files are not there; only small while they are compressed."""
    producer = AIOKafkaProducer(
        bootstrap_servers=world.bootstrap, acks="all", compression_type="gzip", max_request_size=2 * FITS_NOTHING
    )
    await producer.start()
    for number, size in sizes.items():
        await producer.send_and_wait(world.prefix + ARRIVED, orjson.dumps(missing(number, folder)).ljust(size))
    await producer.stop()


async def delete(world: Deployment, place: str) -> None:
    """Delete a record and all before it in its partition."""
    topic, partition, offset = place.split("/")
    admin = AIOKafkaAdminClient(bootstrap_servers=world.bootstrap)
    await admin.start()
    await admin.delete_records({TopicPartition(topic, int(partition)): RecordsToDelete(int(offset) + 1)})
    await admin.close()


def missing(number: int, folder: Path) -> dict[str, Any]:
    """An arrival whose file is not there."""
    return {**inline(number), "source": {"kind": "file", "path": str(folder / f"{number}.pdf")}}


async def test_a_letter_is_found_repaired_and_sent_again(kafka: Kafka, tmp_path: Path) -> None:
    """Three letters; one is repaired by a file, one by --set, one can't be; nothing is imported or published twice."""
    files = tmp_path / "files"
    files.mkdir()
    settings = {"IMPORTS__FILE_ROOTS": f'["{files}"]', "ROSSUM__REQUESTS_PER_SECOND": "0"}
    async with deployment(kafka.bootstrap_servers, "letters", tmp_path, simulator=QUICK, **settings) as world:
        await world.start_replica()
        await world.announce([missing(1, files), missing(2, files), inline(3)])
        await poison(world)
        await eventually(lambda: len(world.reader.letters) == 3, within=60)

        first = await listed(world)
        by_stage = await listed(world, "--stage", "validate")
        as_text = await letters(world, "list", "--stage", "validate")
        shown = await letters(world, "show", "doc-1")
        raw = await letters(world, "show", by_stage[0]["letter"], "-o", str(tmp_path / "raw"))
        dry = await letters(world, "redrive", "--everything", "--dry-run")
        (files / "1.pdf").write_bytes(pdf("document 1"))
        (files / "other.pdf").write_bytes(pdf("document 2"))
        one = await letters(world, "redrive", "doc-1", "--yes")
        await eventually(lambda: _captured(world) == {"doc-1", "doc-3"}, within=60)
        again = await letters(world, "redrive", "doc-1", "--yes")
        two = await letters(world, "redrive", "doc-2", "--yes", "--set", f"source.path={files / 'other.pdf'}")
        await eventually(lambda: _captured(world) == {"doc-1", "doc-2", "doc-3"}, within=60)
        three = await letters(world, "redrive", "--stage", "validate", "--yes", "--set", "queue=1")
        left = await listed(world)

        assert {letter["document"] for letter in first} == {"doc-1", "doc-2", "-"}
        assert [letter["stage"] for letter in by_stage] == ["validate"]
        assert as_text[2].splitlines()[-1] == "1 dead letter"
        assert shown[0] == 0
        assert "document       doc-1" in shown[1]
        assert '"kind": "file"' in shown[1]
        assert raw[0] == 0
        assert (tmp_path / "raw").read_bytes() == ODD_BYTES
        assert dry[0] == 0
        assert dry[1].count("would be redriven") == 3
        assert (one[0], two[0]) == (0, 0)
        assert again[0] == 3
        assert "waits for an answer" in again[2]
        assert three[0] == 3
        assert "can't be changed" in three[1]
        assert [letter["document"] for letter in left] == ["-"]
        assert world.reader.duplicates() == []
        assert set((await world.root_documents()).values()) == {1}


async def test_letters_of_arrivals_that_are_too_large_to_copy(kafka: Kafka, tmp_path: Path) -> None:
    """With or without their values they go back by where they were announced, until that is deleted."""
    files = tmp_path / "files"
    files.mkdir()
    settings = {"IMPORTS__FILE_ROOTS": f'["{files}"]'}
    async with deployment(kafka.bootstrap_servers, "large-letters", tmp_path, simulator=QUICK, **settings) as world:
        await world.start_replica()
        await announce_padded(world, {1: FITS_A_LETTER, 2: FITS_NOTHING, 3: FITS_NOTHING}, files)
        await eventually(lambda: len(world.reader.letters) == 3, within=60)
        of_queue = await listed(world, "--queue", str(inline(1)["queue"]))
        for number in (1, 2):
            (files / f"{number}.pdf").write_bytes(pdf(f"document {number}"))
        sent = await letters(world, "redrive", "doc-1", "doc-2", "--yes")
        await eventually(lambda: _captured(world) == {"doc-1", "doc-2"}, within=60)
        await delete(world, next(letter["arrived"] for letter in of_queue if letter["document"] == "doc-3"))
        refused = await letters(world, "redrive", "doc-3", "--yes")

        assert {letter["document"]: letter["bytes"] for letter in of_queue} == {
            "doc-1": FITS_A_LETTER,
            "doc-2": FITS_NOTHING,
            "doc-3": FITS_NOTHING,
        }
        assert sorted(bool(letter.value) for letter in world.reader.letters) == [False, False, True]
        assert sent[0] == 0, sent
        assert sent[1].count("redriven") == 2
        assert refused[0] == 3
        assert "the arrival is deleted; announce the document again" in refused[1]


async def test_a_loop_of_letters_is_guarded(kafka: Kafka, tmp_path: Path) -> None:
    """The fourth time somebody has to insist; a letter counts how often it was sent, and its bytes never change."""
    async with deployment(kafka.bootstrap_servers, "loop", tmp_path, simulator=QUICK) as world:
        await world.start_replica()
        await poison(world)
        for count in range(1, 4):
            await eventually(lambda: len(world.reader.letters) == count, within=60)  # noqa: B023 - awaited here
            sent = await letters(world, "redrive", "--everything", "--yes")
            assert sent[0] == 0, sent
        await eventually(lambda: len(world.reader.letters) == 4, within=60)

        refused = await letters(world, "redrive", "--everything", "--yes")
        forced = await letters(world, "redrive", "--everything", "--yes", "--force")
        await eventually(lambda: len(world.reader.letters) == 5, within=60)

        newest = (await listed(world))[0]
        assert refused[0] == 3
        assert "--force" in refused[1]
        assert forced[0] == 0
        assert newest["redrives"] == 4
        assert {letter.value for letter in world.reader.letters} == {ODD_BYTES}
        assert {tuple(letter.headers)[:3] for letter in world.reader.letters} == {tuple(ODD_HEADERS)}


def _captured(world: Deployment) -> set[str]:
    return {event.key for event in world.reader.captured()}
