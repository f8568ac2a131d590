"""`rossum-connector import --via-kafka`: each file is announced, or told with what is wrong with it."""

import asyncio
import re
import signal
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from connector.sandbox.embedded_broker import EmbeddedBroker
from tests.support.commands import command
from tests.support.deployment import pdf
from tests.support.waiting import eventually
from tests.wire.cli.commanding import started

#: So many that a person has the time to stop it.
MANY = 8000
AGAIN = "; the same command again is harmless, an unchanged file is not imported twice"


def settings_at(broker: str) -> dict[str, str]:
    """Of a broker that can't be managed."""
    return {
        "CONNECTOR_KAFKA__BOOTSTRAP_SERVERS": broker,
        "CONNECTOR_KAFKA__MANAGED": "false",
        "CONNECTOR_KAFKA__DELIVERY": "at-least-once",
    }


@pytest.mark.parametrize("how", [(), ("--by-path",)])
async def test_a_bad_file_fails_alone(tmp_path: Path, how: tuple[str, ...]) -> None:
    """What comes after it is announced as well, and the exit code says that not all is well."""
    for name, content in (("a.pdf", pdf("a")), ("b.pdf", b""), ("c\x01.pdf", pdf("c")), ("d.pdf", pdf("d"))):
        (tmp_path / name).write_bytes(content)
    with EmbeddedBroker() as broker:
        # This broker makes a topic when somebody asks for it.
        async with AIOKafkaConsumer("documents.arrived", bootstrap_servers=broker.bootstrap_servers):
            pass
        settings = settings_at(broker.bootstrap_servers)

        done = await command(settings, "import", str(tmp_path), "--queue", "8198", "--via-kafka", *how)

    assert done.code == 1, done
    assert done.out.splitlines() == [
        "announced  a.pdf",
        "failed     b.pdf: b.pdf is empty",
        "failed     c\x01.pdf: c\x01.pdf has no name for events: choose a shorter one with --document-id",
        "announced  d.pdf",
        "documents: 2 announced, 2 failed",
    ]
    assert "documents announced: 4" in done.err


async def test_who_stops_it_hears_what_was_announced(tmp_path: Path) -> None:
    """For each file and in sum; what is announced again is the same arrival, so that nothing comes twice."""
    for number in range(MANY):
        (tmp_path / f"{number:04}.pdf").write_bytes(pdf(f"{number}"))
    wanted = ("import", str(tmp_path), "--queue", "8198", "--via-kafka", "--by-path", "--quiet")
    with EmbeddedBroker() as broker:
        settings = settings_at(broker.bootstrap_servers)
        async with AIOKafkaConsumer(bootstrap_servers=broker.bootstrap_servers) as consumer:
            consumer.assign([TopicPartition("documents.arrived", number) for number in range(4)])
            await consumer.seek_to_beginning()
            async with started(settings, *wanted) as announcing:
                await eventually(lambda: _stored(consumer), within=60, every=0.01)
                done = await announcing.stopped(signal.SIGINT)
            there = await _stored(consumer)
            again = await command(settings, *wanted)
            ids = [dict((await consumer.getone()).headers)["ce_id"] for _ in range(await _stored(consumer))]

    words = [line.split()[0] for line in done.out.splitlines()]
    announced, unsure = words.count("announced"), words.count("unknown")
    assert (done.code, again.code) == (1, 0)
    assert 0 < announced < MANY
    assert announced <= there <= announced + unsure
    assert done.err == (
        f"rossum-connector: interrupted: {announced:,} announced (acknowledged by Kafka), "
        f"{MANY - announced:,} not{AGAIN}\n"
    )
    sums = done.out.splitlines()[-1]
    assert re.fullmatch(rf"documents: {announced:,} announced, .*{MANY - announced - unsure:,} not sent", sums)
    assert (len(ids), len(set(ids))) == (there + MANY, MANY)


async def _stored(consumer: AIOKafkaConsumer) -> int:
    """How many records there are."""
    return sum((await consumer.end_offsets(consumer.assignment())).values())


async def test_a_broker_that_does_not_answer_holds_nobody_up(tmp_path: Path) -> None:
    """Nothing was announced then, and it is said."""
    (tmp_path / "a.pdf").write_bytes(pdf("a"))
    asked, connected = asyncio.Event(), set[asyncio.StreamWriter]()

    async def keep_quiet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.add(writer)
        asked.set()
        await reader.read()
        writer.close()
        connected.discard(writer)

    silent = await asyncio.start_server(keep_quiet, "127.0.0.1", 0)
    async with silent:
        settings = settings_at(f"127.0.0.1:{silent.sockets[0].getsockname()[1]}")
        async with started(
            settings, "import", str(tmp_path), "--queue", "8198", "--via-kafka", "--quiet"
        ) as announcing:
            await asked.wait()
            done = await announcing.stopped(signal.SIGTERM, within=30)
        await eventually(lambda: not connected)

    assert done.code == 1
    assert done.out.splitlines() == ["not sent   a.pdf: interrupted", "documents: 1 not sent"]
    assert done.err == f"rossum-connector: interrupted: 0 announced (acknowledged by Kafka), 1 not{AGAIN}\n"
