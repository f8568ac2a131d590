"""`rossum-connector sandbox`, run as its users run it."""

import asyncio
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from connector.sandbox.samples import KINDS
from tests.support.find_kafka import Kafka

#: Seconds for one whole run; the command itself gives up before.
PATIENCE = 150
NAMES = [f"{kind.name}-1" for kind in KINDS]


@asynccontextmanager
async def sandbox(*arguments: str, path: str | None = None) -> AsyncIterator[Process]:
    """The command as a process of its own, gone at the end."""
    environment = {name: text for name, text in os.environ.items() if not name.startswith("CONNECTOR_")}
    if path is not None:
        environment["PYTHONPATH"] = path
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "connector.cli.main", "sandbox", *arguments, stdout=PIPE, stderr=PIPE, env=environment
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def ended(process: Process) -> tuple[int | None, str, str]:
    """Exit code, output and errors."""
    async with asyncio.timeout(PATIENCE):
        output, errors = await process.communicate()
    return process.returncode, output.decode(), errors.decode()


def outcomes(output: str) -> dict[str, str]:
    """The first word of the line of each document in the summary."""
    lines = re.findall(r"^(ok|open|wrong) +(\S+)", output, re.MULTILINE)
    return {document: word for word, document in lines}


async def test_that_every_document_comes_out_right_on_the_embedded_broker() -> None:
    """Without anything set up every document reaches its outcome, and nothing is written to stderr."""
    async with sandbox("--once") as process:
        code, output, errors = await ended(process)

    assert (code, errors) == (0, ""), output
    assert outcomes(output) == dict.fromkeys(NAMES, "ok")
    assert "proves nothing about exactly-once" in output
    assert "CONNECTOR_ROSSUM__BASE_URL" in output


@pytest.mark.kafka
async def test_that_every_document_comes_out_right_on_real_kafka(kafka: Kafka) -> None:
    """On one's own broker every document reaches its outcome exactly once, twice in a row."""
    for _ in range(2):
        async with sandbox("--once", "--bootstrap-servers", kafka.bootstrap_servers) as process:
            code, output, errors = await ended(process)

        assert (code, errors) == (0, ""), output
        assert outcomes(output) == dict.fromkeys(NAMES, "ok")


async def test_that_it_goes_on_until_it_is_interrupted() -> None:
    """After the first documents more follow; SIGINT ends it soon, cleanly, with exit code 0."""
    async with sandbox("--documents", "1") as process:
        assert process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            while b"from-file-1" not in await process.stdout.readline():
                assert process.returncode is None
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(60):
            output, errors = await process.communicate()

    assert (process.returncode, errors) == (0, b"")
    assert outcomes(output.decode())["captured-1"] == "ok"


async def test_that_a_missing_extra_is_said_in_a_sentence(tmp_path: Path) -> None:
    """Without confluent-kafka the command says which extra to install, in one line, and ends with 3."""
    (tmp_path / "confluent_kafka.py").write_text("raise ImportError('not installed')\n", encoding="utf-8")

    async with sandbox("--once", path=str(tmp_path)) as process:
        code, _, errors = await ended(process)

    assert code == 3
    assert "rossum-kafka-connector[sandbox]" in errors
    assert len(errors.splitlines()) == 1


async def test_that_a_broker_that_is_not_there_is_said_in_a_sentence() -> None:
    """With the address of nothing the command ends with 1 and one line, without a traceback."""
    async with sandbox("--once", "--bootstrap-servers", "127.0.0.1:1") as process:
        code, _, errors = await ended(process)

    assert code == 1
    assert errors.startswith("rossum-connector: Kafka")
    assert len(errors.splitlines()) == 1
