"""`rossum-connector import --via-kafka` beside a running connector: announced by hand, imported once."""

from collections import Counter
from pathlib import Path

import pytest

from tests.support.commands import command
from tests.support.deployment import Deployment, deployment, pdf
from tests.support.find_kafka import Kafka
from tests.support.waiting import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]

QUICK = ("--rate-limit", "0", "--processing", "0.2", "--review", "0.3")


def folder_of(place: Path, *names: str) -> Path:
    """A folder with documents of these names."""
    folder = place / "inbox"
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(pdf(name))
    return folder


async def announced(world: Deployment, *arguments: str) -> Counter[str]:
    """How the command told each file."""
    done = await command(world.settings, "import", *arguments, "--via-kafka", "--quiet")
    assert done.code == 0, done
    return Counter(line.split()[0] for line in done.out.splitlines())


async def test_what_is_announced_again_is_not_imported_again(kafka: Kafka, tmp_path: Path) -> None:
    """By bytes or by path it is the same import; the file's name is its key, its metadata is on every event."""
    inbox = folder_of(tmp_path, "a.pdf", "deep/b.pdf")
    settings = {"ROSSUM__REQUESTS_PER_SECOND": "0", "IMPORTS__FILE_ROOTS": f'["{inbox}"]'}
    async with deployment(kafka.bootstrap_servers, "byhand", tmp_path, simulator=QUICK, **settings) as world:
        await world.start_replica()
        first = await announced(world, str(inbox), "--recursive", "--metadata", "order=7", "--by-path")
        await eventually(lambda: len(world.reader.captured()) == 2, within=60)
        again = await announced(world, str(inbox), "--recursive", "--metadata", "order=7")
        await eventually(lambda: _repeated(world, 2), within=60)
        (inbox / "a.pdf").write_bytes(pdf("another a"))
        await announced(world, str(inbox / "a.pdf"), "--queue", "receipts")
        await eventually(lambda: len(world.reader.captured()) == 3, within=60)

        roots = await world.root_documents()

    assert first == again == Counter({"announced": 2, "documents:": 1})
    assert Counter(event.key for event in world.reader.captured()) == {"a.pdf": 2, "deep/b.pdf": 1}
    assert [event.data["metadata"] for event in world.reader.captured()][:2] == [{"order": "7"}] * 2
    assert sorted(roots.values()) == [1, 1, 1]
    assert world.reader.duplicates() == []


async def _repeated(world: Deployment, count: int) -> bool:
    return await world.metric(0, r'arrivals_total\{outcome="repeated"\}') == count


async def test_what_cannot_be_announced_is_told(kafka: Kafka, tmp_path: Path) -> None:
    """A file that its topic can't take is told beside the rest, with what to do; so are a missing topic and broker."""
    inbox = folder_of(tmp_path, "a.pdf")
    (inbox / "large.pdf").write_bytes(pdf("x" * 2_000_000))
    async with deployment(kafka.bootstrap_servers, "byhand", tmp_path, simulator=QUICK) as world:
        wanted = ("import", str(inbox), "--via-kafka", "--quiet")
        done = await command(world.settings, *wanted)
        topicless = await command(world.settings | {"CONNECTOR_KAFKA__TOPICS__ARRIVED": "nowhere"}, *wanted)
        away = await command(world.settings | {"CONNECTOR_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1"}, *wanted)

    assert (done.code, topicless.code, away.code) == (1, 3, 1), done
    assert "announced  a.pdf" in done.out
    assert "failed     large.pdf: its arrival has 2," in done.out
    assert "announce it with --by-path, or import it without --via-kafka" in done.out
    assert "nowhere does not exist: create it" in topicless.err
    assert "127.0.0.1:1 (KAFKA__BOOTSTRAP_SERVERS)" in away.err
