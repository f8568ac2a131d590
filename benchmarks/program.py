"""Programs that run beside a benchmark, each a process of its own: pinned to a core, asked what it has used."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

#: Seconds that a program gets to end by itself.
ENDS = 10
#: Bytes of the longest line that it may print.
LONGEST_LINE = 16 * 1024 * 1024
_KB = 1024
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Program:
    """A running Python program."""

    process: asyncio.subprocess.Process

    async def line(self) -> str:
        """The next line that it prints.

        Raises:
            RuntimeError: It ended instead.
        """
        assert self.process.stdout is not None
        line = await self.process.stdout.readline()
        if not line:
            msg = f"a program of the benchmark ended with {await self.process.wait()}; what it said is above"
            raise RuntimeError(msg)
        return line.decode().strip()

    def memory(self) -> float:
        """The most memory that it ever had resident, MB; 0 where the system does not tell."""
        return peak_memory(self.process.pid)

    def cpu(self) -> float:
        """Seconds of CPU so far; 0 where the system does not tell."""
        return cpu_seconds(self.process.pid)


def peak_memory(pid: int) -> float:
    """The most memory that a process ever had resident, MB; 0 where the system does not tell."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    lines = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    return int(lines["VmHWM"].split()[0]) / _KB


def cpu_seconds(pid: int | None = None) -> float:
    """Seconds of CPU of a process (this one when None) so far; 0 where the system does not tell."""
    try:
        fields = Path(f"/proc/{pid or 'self'}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    user, system = int(fields[11]), int(fields[12])
    return (user + system) / os.sysconf("SC_CLK_TCK")


@asynccontextmanager
async def program(module: str, *arguments: str, core: int | None = None) -> AsyncIterator[Program]:
    """Run `python -m module` as long as the context lasts.

    Args:
        module: Its name.
        arguments: Of its command line.
        core: The only core that it may use, where the system allows to say so and has two.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stdin=asyncio.subprocess.DEVNULL,
        limit=LONGEST_LINE,
    )
    if core is not None and hasattr(os, "sched_setaffinity") and (os.cpu_count() or 1) > core:
        os.sched_setaffinity(process.pid, {core})
    try:
        yield Program(process)
    finally:
        if process.returncode is None:
            process.terminate()
        try:
            async with asyncio.timeout(ENDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


@contextmanager
def confined(pid: int | None, core: int) -> Iterator[None]:
    """All threads of a process on one core as long as the context lasts, where it is known and the system has two."""
    cores = os.cpu_count() or 1
    if pid is None or not hasattr(os, "sched_setaffinity") or cores <= core:
        yield
        return
    _confine(pid, {core})
    try:
        yield
    finally:
        _confine(pid, set(range(cores)))


def _confine(pid: int, cores: set[int]) -> None:
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with suppress(ProcessLookupError):
            os.sched_setaffinity(int(thread.name), cores)


def on_best_loop(main: Coroutine[Any, Any, _Result]) -> _Result:
    """Run a coroutine on the loop that the product uses; what it returns."""
    if sys.platform == "win32":
        return asyncio.run(main)
    import uvloop  # noqa: PLC0415 - not installed on Windows

    return uvloop.run(main)
