"""Runs the real command as a subprocess, with the settings of a deployment."""

import asyncio
import os
import pty
import sys
from collections.abc import Mapping
from dataclasses import dataclass

import orjson


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, object]:
        """Its output as a JSON document."""
        document: dict[str, object] = orjson.loads(self.out)
        return document


async def answered(settings: Mapping[str, str], answer: str, *arguments: str) -> Done:
    """The same for a person who sits at a terminal and gives that answer."""
    ours, theirs = pty.openpty()
    try:
        os.write(ours, answer.encode() + b"\n")
        return await command(settings, *arguments, stdin=theirs)
    finally:
        os.close(ours)
        os.close(theirs)


async def command(
    settings: Mapping[str, str], *arguments: str, within: float = 90, stdin: int = asyncio.subprocess.DEVNULL
) -> Done:
    """Run `rossum-connector` with these arguments and settings; `CONNECTOR_` variables of the caller do not count."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CONNECTOR_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "connector.cli.main",
        *arguments,
        stdin=stdin,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=clean | dict(settings),
    )
    try:
        async with asyncio.timeout(within):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return Done(process.returncode, out.decode(), err.decode())
