"""The real commands as subprocesses, against a simulator of the test's own."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from connector.sandbox.simulator.server import SimulatorOptions
from tests.support.commands import Done, command
from tests.wire.simulator.simulator_harness import QUICK, Rossum, running

#: Exported within the hour after this, when `Rossum.finished` is told so.
HOUR = {"from": "2026-05-01T00:00:01Z", "to": "2026-05-01T00:59:59Z"}
WINDOW = ("--from", "2026-05-01T00:00:00Z", "--to", "2026-05-01T01:00:00Z")


@dataclass(frozen=True)
class Commands:
    """Runs commands that know nothing but how to reach Rossum."""

    rossum: Rossum
    settings: dict[str, str]

    async def __call__(self, *arguments: str, **more: str) -> Done:
        """How a command ends."""
        extra = {f"CONNECTOR_{name}": value for name, value in more.items()}
        return await command(self.settings | extra, *arguments)

    @asynccontextmanager
    async def started(self, *arguments: str) -> AsyncIterator["Started"]:
        """A command under way; killed at the end if it still runs."""
        async with started(self.settings, *arguments) as command:
            yield command


@dataclass(frozen=True)
class Started:
    """A command under way."""

    process: asyncio.subprocess.Process

    async def stopped(self, number: signal.Signals = signal.SIGINT, *, within: float = 60) -> Done:
        """How it ends after a signal."""
        self.process.send_signal(number)
        async with asyncio.timeout(within):
            out, err = await self.process.communicate()
        assert self.process.returncode is not None
        return Done(self.process.returncode, out.decode(), err.decode())


@asynccontextmanager
async def started(settings: Mapping[str, str], *arguments: str) -> AsyncIterator[Started]:
    """A command under way; killed at the end if it still runs."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CONNECTOR_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "connector.cli.main", *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=clean | dict(settings),
    )
    try:
        yield Started(process)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


@asynccontextmanager
async def commands(options: SimulatorOptions = QUICK) -> AsyncIterator[Commands]:
    """A simulator and commands for it; the budget does not hold them up."""
    async with running(options) as rossum:
        settings = {
            "CONNECTOR_ROSSUM__BASE_URL": rossum.simulator.base_url,
            "CONNECTOR_ROSSUM__TOKEN": options.token,
            "CONNECTOR_ROSSUM__QUEUES": '{"invoices": 8198, "receipts": 8199}',
            "CONNECTOR_ROSSUM__REQUESTS_PER_SECOND": "0",
        }
        yield Commands(rossum, settings)


def names_in(folder: Path) -> list[str]:
    """What is in a folder, sorted."""
    return sorted(path.name for path in folder.iterdir())
