"""Terminal sessions as they stand in the README: run for real, and written so that each run reads the same."""

import asyncio
import os
import re
import shlex
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"

_UUID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
_ANNOTATIONS = re.compile(r"\bannotations?[ /](\d+)\b")
_INSTANT = re.compile(r"\b(\d{4}-\d\d-\d\d)T(?!00:00:00)\d\d:\d\d:\d\d(?:\.\d+)?Z")
#: The day of every transcript, the hour in which it happens, and its first annotation.
DAY, HOUR, FIRST = "2026-03-02", "09:00", 4711


@dataclass(slots=True)
class Terminal:
    """A person's terminal: a folder, the settings of a deployment, and what was typed and shown so far.

    Attributes:
        names: What stands for this run's addresses and names in the transcript.
        day: Today as Rossum sees it (ISO date).
    """

    folder: Path
    settings: Mapping[str, str]
    names: Mapping[str, str]
    day: str
    _lines: list[str] = field(default_factory=list)

    async def run(self, line: str, *, code: int = 0, within: float = 90) -> str:
        """Type a shell command; what it shows, as it shows it.

        Raises:
            AssertionError: It ends with another exit code.
        """
        process = await asyncio.create_subprocess_exec(
            *("sh", "-c", line),
            cwd=self.folder,
            env=self._environment(),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            async with asyncio.timeout(within):
                shown = (await process.communicate())[0].decode()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode == code, f"{line} ended with {process.returncode}:\n{shown}"
        self.show(f"$ {line}", *shown.splitlines())
        return shown

    def show(self, *lines: str) -> None:
        """Add lines as they are: a remark, or what a command that goes on was started with."""
        self._lines += lines

    def transcript(self) -> str:
        """The session as it stands in the README."""
        return steady("\n".join(line.rstrip() for line in self._lines), self.names, self.day)

    def _environment(self) -> dict[str, str]:
        """The caller's, without settings of its own; the product's commands come first."""
        commands = self.folder / ".commands"
        if not commands.exists():
            commands.mkdir()
            _command(commands / "rossum-connector", "-m", "connector.cli.main")
            _command(commands / "python")
        clean = {name: value for name, value in os.environ.items() if not name.startswith("CONNECTOR_")}
        path = f"{commands}{os.pathsep}{clean.get('PATH', os.defpath)}"
        return clean | dict(self.settings) | {"PATH": path, "PYTHONPATH": str(ROOT), "COLUMNS": "100", "LC_ALL": "C"}


def _command(path: Path, *arguments: str) -> None:
    path.write_text(f'#!/bin/sh\nexec {shlex.join([sys.executable, *arguments])} "$@"\n', encoding="utf-8")
    path.chmod(0o755)


def steady(text: str, names: Mapping[str, str], day: str) -> str:
    """A session without what differs from run to run: addresses, ids, and the time of day.

    Ids and instants are numbered in the order in which they appear, so that what was equal stays equal.
    """
    for name, stands_for in names.items():
        text = text.replace(name, stands_for)
    text = _numbered(text, _UUID.findall(text), lambda n: f"00000000-0000-4000-8000-{n + 1:012}")
    text = _numbered(text, _ANNOTATIONS.findall(text), lambda n: str(FIRST + n))
    instants = [found.group() for found in _INSTANT.finditer(text)]
    text = _numbered(text, instants, lambda n: f"{DAY}T{HOUR}:{n + 1:02}.000000Z")
    return text.replace(day, DAY)


def _numbered(text: str, found: Iterable[str], name: Callable[[int], str]) -> str:
    names = {one: name(number) for number, one in enumerate(dict.fromkeys(found))}
    if not names:
        return text
    return re.sub("|".join(rf"\b{re.escape(one)}\b" for one in names), lambda match: names[match.group()], text)


def block(readme: str, name: str) -> str:
    """The transcript of that name in the README.

    Raises:
        ValueError: Its markers are missing.
    """
    return _parts(readme, name)[1]


def with_block(readme: str, name: str, transcript: str) -> str:
    """The README with that transcript.

    Raises:
        ValueError: Its markers are missing.
    """
    before, _, after = _parts(readme, name)
    return f"{before}{_fenced(transcript)}{after}"


def _fenced(transcript: str) -> str:
    return f"\n```console\n{transcript}\n```\n"


def _parts(readme: str, name: str) -> tuple[str, str, str]:
    begin, end = f"<!-- transcript:{name}:begin -->", f"<!-- transcript:{name}:end -->"
    before, found, rest = readme.partition(begin)
    inside, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"README.md lacks the markers {begin} and {end}")
    return before + begin, inside.removeprefix("\n```console\n").removesuffix("\n```\n"), end + after
