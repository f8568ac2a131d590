"""Dead letters as a person handles them: listed, looked at, repaired and sent again."""

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiokafka import AIOKafkaProducer

from tests.support.deployment import ARRIVED, Deployment, deployment, inline, pdf, spawn
from tests.support.find_kafka import Kafka
from tests.support.waiting import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]

QUICK = ("--rate-limit", "0", "--processing", "0.2", "--review", "0.3")
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
