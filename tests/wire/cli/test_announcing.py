"""`rossum-connector import --via-kafka`: each file is announced, or told with what is wrong with it."""

from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer

from connector.sandbox.embedded_broker import EmbeddedBroker
from tests.support.commands import command
from tests.support.deployment import pdf


@pytest.mark.parametrize("how", [(), ("--by-path",)])
async def test_a_bad_file_fails_alone(tmp_path: Path, how: tuple[str, ...]) -> None:
    """What comes after it is announced as well, and the exit code says that not all is well."""
    for name, content in (("a.pdf", pdf("a")), ("b.pdf", b""), ("c\x01.pdf", pdf("c")), ("d.pdf", pdf("d"))):
        (tmp_path / name).write_bytes(content)
    with EmbeddedBroker() as broker:
        # This broker makes a topic when somebody asks for it.
        async with AIOKafkaConsumer("documents.arrived", bootstrap_servers=broker.bootstrap_servers):
            pass
        settings = {
            "CONNECTOR_KAFKA__BOOTSTRAP_SERVERS": broker.bootstrap_servers,
            "CONNECTOR_KAFKA__MANAGED": "false",
            "CONNECTOR_KAFKA__DELIVERY": "at-least-once",
        }

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
