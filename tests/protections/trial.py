"""Tries removals on a copy of the tree, so that the tree itself stays as it is."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree as ET

from tests.protections.removal import Removal, Story, edited

ROOT = Path(__file__).resolve().parents[2]
#: Left out of the copy: what is large, made, or another tree's.
_NOT_COPIED = shutil.ignore_patterns(".*", "__pycache__", "build", "dist", "*.egg-info")
#: Seconds for a whole run of tests or a command.
_LONGEST = 900.0
#: Seconds for one test where nothing is removed.
_USUAL_PATIENCE = 180
#: How a test says no: what it asserts, what it waits for, what it expects to be raised.
_SAYS_NO = ("assert", "AssertionError", "Failed:", "TimeoutError")


@dataclass(slots=True)
class Seen:
    """What witnesses did.

    Attributes:
        noticed: Those that said no, and how.
        otherwise: Those that did not, and what they did instead.
    """

    noticed: dict[str, str] = field(default_factory=dict)
    otherwise: dict[str, str] = field(default_factory=dict)


class Trial:
    """A copy of the tree."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._changes = 0

    def untouched(self, removals: Iterable[Removal]) -> Seen:
        """What the witnesses say where nothing is removed: they must have nothing to say."""
        tests = dict.fromkeys(name for removal in removals for name in removal.tests)
        stories = dict.fromkeys(story for removal in removals for story in removal.stories)
        seen = self._tests(list(tests), _USUAL_PATIENCE, ()) if tests else Seen()
        for story in stories:
            self._story(story, seen)
        return seen

    def without(self, removal: Removal) -> Seen:
        """What the witnesses say without a protection."""
        before = {path: path.read_text(encoding="utf-8") for path in edited(self._root, removal.edits)}
        self._write(edited(self._root, removal.edits))
        try:
            seen = self._tests(removal.tests, removal.patience, removal.raises) if removal.tests else Seen()
            for story in removal.stories:
                self._story(story, seen)
            return seen
        finally:
            self._write(before)

    def _write(self, texts: dict[Path, str]) -> None:
        for path, text in texts.items():
            path.write_text(text, encoding="utf-8")
            # Compiled files are told from stale ones by the second and the size.
            self._changes += 10
            os.utime(path, (self._changes, self._changes))

    def _tests(self, names: Iterable[str], patience: int, raises: tuple[str, ...]) -> Seen:
        report = self._root / "report.xml"
        report.unlink(missing_ok=True)
        options = ["-q", "-n0", "-p", "no:cacheprovider", f"--timeout={patience}", f"--junitxml={report}"]
        self._run(["pytest", *options, *(f"tests/{name}" for name in names)])
        cases = _cases(report)
        seen = Seen()
        for name in names:
            said = [_said(case, raises) for case in cases.get(name, ())]
            noes = [text for is_no, text in said if is_no]
            if noes:
                seen.noticed[name] = noes[0]
            else:
                seen.otherwise[name] = next(
                    (text for _, text in said if text != "passed"), "passed" if said else "lost"
                )
        return seen

    def _story(self, story: Story, seen: Seen) -> None:
        done = self._run([f"tests.{story.module}", *shlex.split(story.options)])
        lines = [line for line in done.stdout.splitlines() if re.search(story.says, line)]
        if lines:
            seen.noticed[str(story)] = f"{lines[0].strip()} (and {len(lines) - 1} more)"
        else:
            last = (done.stdout + done.stderr).strip().splitlines()[-1:]
            seen.otherwise[str(story)] = "passed" if done.returncode == 0 else f"ended otherwise: {last}"

    def _run(self, module: list[str]) -> subprocess.CompletedProcess[str]:
        # Commands that tests start find this tree before the one that is installed.
        environ = os.environ | {"PYTHONPATH": str(self._root)}
        command = [sys.executable, "-m", *module]
        try:
            return subprocess.run(
                command,
                cwd=self._root,
                env=environ,
                capture_output=True,
                text=True,
                check=False,
                timeout=_LONGEST,
            )
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(command, -1, "", f"did not end within {_LONGEST:g} s")


@contextmanager
def trial() -> Iterator[Trial]:
    """A copy of the tree in a temporary directory."""
    with tempfile.TemporaryDirectory(prefix="protections-") as folder:
        copy = Path(folder) / "tree"
        shutil.copytree(ROOT, copy, ignore=_NOT_COPIED)
        yield Trial(copy)


def _cases(report: Path) -> dict[str, list[ET.Element]]:
    """What was reported, by the name of the test function."""
    found: dict[str, list[ET.Element]] = {}
    if not report.is_file():
        return found
    for case in ET.parse(report).iter("testcase"):  # noqa: S314 - pytest has just written it
        file = case.get("classname", "").removeprefix("tests.").replace(".", "/")
        function = case.get("name", "").partition("[")[0]
        found.setdefault(f"{file}.py::{function}", []).append(case)
    return found


def _said(case: ET.Element, raises: tuple[str, ...]) -> tuple[bool, str]:
    """Whether a test said no, and in which words; an error in its preparation or in the edited code is no answer."""
    failure = case.find("failure")
    if failure is None:
        odd = next((kind for kind in ("error", "skipped") if case.find(kind) is not None), None)
        return False, "passed" if odd is None else f"{odd}: {_first_line(case.find(odd))}"
    said = _first_line(failure)
    kind = said.partition(":")[0].rpartition(".")[2]
    return said.startswith(_SAYS_NO) or kind in raises, said


def _first_line(element: ET.Element | None) -> str:
    text = (element.get("message") or "") if element is not None else ""
    return next(iter(text.splitlines()), "")[:160]
