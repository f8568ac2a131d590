"""Exports that end too early: what was moved in Rossum or fetched already is still there for the next try."""

import json
import re
import shlex
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.support.waiting import eventually
from tests.wire.cli.commanding import HOUR, WINDOW, Commands, commands, names_in
from tests.wire.simulator.simulator_harness import UNREVIEWED

MOVING = ("export", "--queue", "8198", *WINDOW, "--clock", "confirmed_at", "--to-status", "exported", "--yes")


@asynccontextmanager
async def confirmed(count: int) -> AsyncIterator[tuple[Commands, list[int]]]:
    """Commands, and so many confirmed annotations in the window."""
    async with commands(UNREVIEWED) as there:
        yield there, await there.rossum.finished(count, status="confirmed", **HOUR)


async def are_moved(there: Commands, numbers: list[int]) -> bool:
    """Whether all of them are exported in Rossum."""
    return {(await there.rossum.annotation(number))["status"] for number in numbers} == {"exported"}


def numbers_in(file: Path) -> list[int]:
    """The annotations of a JSON export, in its order."""
    return [int(row["url"].rpartition("/")[2]) for row in json.loads(file.read_bytes())["results"]]


def done_in(folder: Path) -> list[str]:
    """The notes of the parts that an export has fetched."""
    return [path.name for path in folder.glob("x.json.partial/*.done")]


@pytest.mark.parametrize("how", ["failure", "signal"])
async def test_what_was_moved_is_exported_by_the_next_try(tmp_path: Path, how: str) -> None:
    """Everything was moved and nothing fetched; no default status finds it again, but the folder has the set."""
    file = tmp_path / "x.json"
    wanted = (*MOVING, "-o", str(file), "--quiet")
    async with confirmed(45) as (there, numbers):
        await there.rossum.fault(
            method="GET", path="/export", action="status:403" if how == "failure" else "delay:120", times=0
        )
        if how == "failure":
            broken = await there(*wanted)
        else:
            async with there.started(*wanted) as export:
                await eventually(lambda: are_moved(there, numbers), within=60)
                broken = await export.stopped(signal.SIGINT)
        moved, kept = await are_moved(there, numbers), names_in(tmp_path)
        again = await there(*wanted, "--resume") if how == "failure" else broken
        still = names_in(tmp_path)
        await there.rossum.send("DELETE", "/sandbox/faults")
        refused, done = await there(*wanted), await there(*wanted, "--resume")

    assert (broken.code, again.code, moved) == ((3, 3, True) if how == "failure" else (1, 1, True))
    assert kept == still == ["x.json.partial"]
    assert "the same command with --resume goes on" in broken.err
    assert refused.code == 2
    assert done.code == 0, done
    assert numbers_in(file) == numbers
    assert names_in(tmp_path) == ["x.json"]


async def test_what_was_moved_for_stdout_is_told(tmp_path: Path) -> None:
    """The options on stderr bring all of it into a file."""
    async with confirmed(25) as (there, numbers):
        there.settings["TMPDIR"] = str(tmp_path)
        await there.rossum.fault(method="GET", path="/export", action="status:403", times=0)
        broken = await there(*MOVING, "--quiet")
        moved = await are_moved(there, numbers)
        await there.rossum.send("DELETE", "/sandbox/faults")
        told = re.search(r"the same command with (-o .+ --resume) goes on", broken.err)
        assert told, broken.err
        done = await there(*MOVING, "--quiet", *shlex.split(told[1]))

    assert (broken.code, broken.out, moved, done.code) == (3, "", True, 0), done
    (name,) = names_in(tmp_path)
    assert numbers_in(tmp_path / name) == numbers


async def test_an_export_to_stdout_that_moves_nothing_leaves_nothing(tmp_path: Path) -> None:
    """Neither when it ends well nor when it does not: the same command finds the same."""
    async with commands() as there:
        there.settings["TMPDIR"] = str(tmp_path)
        await there.rossum.finished(3, **HOUR)
        fine = await there("export", "--queue", "8198", *WINDOW, "--quiet")
        await there.rossum.fault(method="GET", path="/export", action="status:403", times=0)
        broken = await there("export", "--queue", "8198", *WINDOW, "--quiet")

    assert (fine.code, broken.code) == (0, 3), broken
    assert names_in(tmp_path) == []


async def test_what_was_fetched_is_kept_without_the_first_part(tmp_path: Path) -> None:
    """Parts come in any order: the second is not thrown away because the first was not there yet."""
    file = tmp_path / "x.json"
    wanted = ("export", "--queue", "8198", *WINDOW, "-o", str(file), "--quiet")
    async with commands() as there:
        numbers = await there.rossum.finished(150, **HOUR)
        await there.rossum.fault(method="GET", path="/export", action="delay:120", times=1)
        async with there.started(*wanted) as export:
            await eventually(lambda: done_in(tmp_path), within=60)
            broken = await export.stopped(signal.SIGINT)
        fetched = done_in(tmp_path)
        done = await there(*wanted, "--resume")

    assert (broken.code, fetched) == (1, ["000001.done"])
    assert "the same command with --resume goes on" in broken.err
    assert done.code == 0, done
    assert sorted(numbers_in(file)) == numbers
