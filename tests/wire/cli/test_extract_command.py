"""`rossum-connector extract`: documents go up, their captured data come down; who is not done is told apart."""

import csv
import io
import json
import signal
from pathlib import Path

import pytest

from connector.export.workbook import read_sheet
from tests.support.deployment import pdf
from tests.support.waiting import eventually
from tests.wire.cli.commanding import Commands, commands, names_in
from tests.wire.simulator.simulator_harness import UNREVIEWED


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    """A folder with two documents."""
    folder = tmp_path / "inbox"
    folder.mkdir()
    for name in ("a.pdf", "b.pdf"):
        (folder / name).write_bytes(pdf(name))
    return folder


async def test_data_go_to_stdout_and_nothing_else(inbox: Path) -> None:
    """What became of the documents is on stderr."""
    async with commands() as there:
        table = ("--format", "csv", "--columns", "meta_file_name,amount_total")
        done = await there("extract", str(inbox), "--queue", "8198", *table)

    rows = list(csv.reader(io.StringIO(done.out)))
    assert done.code == 0, done
    assert {row[0] for row in rows[1:]} == {"a.pdf", "b.pdf"}
    assert all(float(row[1]) for row in rows[1:])
    assert "documents: 2 exported" in done.err.splitlines()


@pytest.mark.parametrize("form", ["json", "xml", "csv", "xlsx"])
async def test_each_document_can_have_a_file(inbox: Path, form: str) -> None:
    """In a folder that is made when its name ends like one, and holds just what belongs to the document."""
    async with commands() as there:
        out = inbox.parent / "new" / "folder"
        done = await there("extract", str(inbox), "--queue", "8198", "--format", form, "-o", f"{out}/")

    assert done.code == 0, done
    assert names_in(out) == [f"a.pdf.{form}", f"b.pdf.{form}"]
    if form == "json":
        (row,) = json.loads((out / "b.pdf.json").read_bytes())["results"]
        assert row["document"]["file_name"] == "b.pdf"
    if form == "xlsx":
        with (out / "a.pdf.xlsx").open("rb") as book:
            assert len(list(read_sheet(book).rows)) >= 2


async def test_all_can_go_to_one_file(inbox: Path) -> None:
    """What was there is replaced."""
    target = inbox.parent / "all.json"
    target.write_text("old")
    async with commands() as there:
        done = await there("extract", str(inbox), "--queue", "8198", "-o", str(target), "--quiet")

    assert (done.code, done.out) == (0, "")
    assert len(json.loads(target.read_bytes())["results"]) == 2


async def test_who_still_waits_is_told_apart(inbox: Path) -> None:
    """The exit code says so; `--until to_review` is content with it and has the data."""
    async with commands(UNREVIEWED) as there:
        late = await there("extract", str(inbox / "a.pdf"), "--queue", "8198", "--timeout", "1s")
        early = await there("extract", str(inbox / "b.pdf"), "--queue", "8198", "--until", "to_review")

    assert (late.code, late.out) == (1, "")
    assert "waiting    a.pdf  annotation" in late.err
    assert "still to_review after" in late.err
    assert early.code == 0, early
    assert [row["status"] for row in json.loads(early.out)["results"]] == ["to_review"]


async def test_what_is_done_is_written_beside_what_failed(inbox: Path) -> None:
    """The reason is told, and the exit code is 1."""
    (inbox / "c.txt").write_text("no document")
    async with commands() as there:
        done = await there("extract", str(inbox), "--queue", "8198", "--json")

    told = {one["document_id"]: one["fate"] for one in map(json.loads, _json_lines(done.err))}
    assert done.code == 1
    assert told == {"a.pdf": "exported", "b.pdf": "exported", "c.txt": "failed"}
    assert len(json.loads(done.out)["results"]) == 2


def _json_lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("{")]


@pytest.mark.parametrize(
    ("output", "said"),
    [("none/x.json", "does not exist"), ("inbox/a.pdf/", "can't be made"), ("", "-o FILE.xlsx")],
)
async def test_a_target_that_can_be_none_is_told_before_anything_goes_up(inbox: Path, output: str, said: str) -> None:
    """Nobody waits for data that can't be written."""
    async with commands() as there:
        target = ("-o", f"{inbox.parent}/{output}") if output else ("--format", "xlsx")
        done = await there("extract", str(inbox), "--queue", "8198", *target)
        found = await there.rossum.get("/sandbox/documents")

    assert (done.code, done.out, found) == (2, "", [])
    assert said in " ".join(done.err.replace("│", " ").split())


async def test_data_that_cannot_be_written_can_be_had_later(inbox: Path) -> None:
    """The sentence has the command for it."""
    async with commands() as there:
        out = inbox.parent / "out"
        (out / "a.pdf.json").mkdir(parents=True)
        done = await there("extract", str(inbox / "a.pdf"), "--queue", "8198", "-o", f"{out}/")
        ids = done.err.partition("--ids ")[2].split()[0]
        later = await there("export", "--queue", "8198", "--ids", ids)

    assert done.code == 1
    assert "done, not written: rossum-connector export --queue 8198 --ids" in done.err
    assert "cannot write" in done.err.splitlines()[-1]
    assert json.loads(later.out)["results"][0]["document"]["file_name"] == "a.pdf"


async def test_a_person_may_stop_it(inbox: Path) -> None:
    """What went up is told, and that nothing was exported; no file is there."""
    target = inbox.parent / "x.json"
    arguments = ("extract", str(inbox), "--queue", "8198", "-o", str(target))
    async with commands(UNREVIEWED) as there, there.started(*arguments) as command:
        await eventually(lambda: _is_waiting(there), within=60)

        done = await command.stopped(signal.SIGINT)

    assert done.code == 1
    assert done.err.count("waiting ") == 2
    assert done.err.splitlines()[-1] == "rossum-connector: interrupted"
    assert "nothing was exported" in done.err
    assert "Traceback" not in done.err
    assert not target.exists()


async def _is_waiting(there: Commands) -> bool:
    return "GET /annotations" in await there.rossum.get("/sandbox/counters")
