"""`rossum-connector export`: the file that comes out is Rossum's own, whole or not there at all."""

import csv
import io
import json
import signal
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from connector.cli.export_options import ClockName, StatusName
from connector.domain.readings import CLOCKS
from connector.export.workbook import read_sheet
from connector.sandbox.simulator.model import STATUSES
from tests.support.commands import answered
from tests.support.waiting import eventually
from tests.wire.cli.commanding import HOUR, WINDOW, Commands, commands, names_in
from tests.wire.simulator.simulator_harness import UNREVIEWED


async def pages(there: Commands, path: str) -> list[Any]:
    """All rows of Rossum's own paged JSON."""
    rows: list[Any] = []
    following: str | None = path
    while following:
        body = await there.rossum.get(following)
        rows += body["results"]
        following = body["pagination"]["next"]
    return rows


async def test_every_form_is_what_rossum_would_give_at_once(tmp_path: Path) -> None:
    """The queue's whole export and ours, joined from several calls, hold the same."""
    async with commands() as there:
        await there.rossum.finished(230, **HOUR)
        (bound,) = await there.rossum.finished(1, **{"from": "2026-05-01T01:00:00Z", "to": "2026-05-01T01:00:00Z"})
        endings = {}
        for form in ("json", "csv", "xml", "xlsx"):
            file = tmp_path / f"export.{form}"
            endings[form] = await there("export", "--queue", "invoices", *WINDOW, "--format", form, "-o", str(file))
        elements = [
            row for row in await pages(there, "/queues/8198/export?page_size=100") if row["url"][-6:] != str(bound)
        ]
        ids = ",".join(row["url"].rpartition("/")[2] for row in elements)
        _, table = await there.rossum.send("GET", f"/queues/8198/export?format=csv&id={ids}")
        _, tree = await there.rossum.send("GET", f"/queues/8198/export?format=xml&id={ids}")

    assert {done.code for done in endings.values()} == {0}, endings
    assert json.loads((tmp_path / "export.json").read_bytes())["results"] == elements
    assert (tmp_path / "export.csv").read_bytes().decode() == table
    assert ours_as_xml(tmp_path / "export.xml") == ours_as_xml(tree)
    with (tmp_path / "export.xlsx").open("rb") as book:
        cells = [[cell.value for cell in row] for row in read_sheet(book).rows]
    assert [_filled(row) for row in cells] == [_filled(row) for row in csv.reader(io.StringIO(table, newline=""))]
    assert names_in(tmp_path) == sorted(f"export.{form}" for form in endings)


def ours_as_xml(source: Path | str) -> tuple[list[str], str | None]:
    """Annotations and total of an XML export."""
    text = source.read_text("utf-8") if isinstance(source, Path) else source
    root = ET.fromstring(text.encode())  # noqa: S314 - the simulator's own answer
    found = [ET.canonicalize(ET.tostring(row), strip_text=True) for row in root.findall("results/annotation")]
    return found, root.findtext("pagination/total")


def _filled(row: list[str]) -> list[str]:
    while row and not row[-1]:
        row = row[:-1]
    return row


async def test_stdout_holds_the_export_and_nothing_else() -> None:
    """Progress and sums are on stderr, with the window for the next time."""
    async with commands() as there:
        await there.rossum.finished(3, **HOUR)

        done = await there(
            "export", *WINDOW, "--columns", "document_id", "--format", "csv", ROSSUM__DEFAULT_QUEUE="8198"
        )

    assert (done.code, done.out.splitlines()[0]) == (0, "Invoice number")
    assert "exported   3 annotations to stdout (exported_at from 2026-05-01T00:00:00.000000Z to" in done.err
    assert "annotations exported: 3" in done.err


async def test_an_empty_window_is_an_empty_export(tmp_path: Path) -> None:
    """Nothing is wrong with it."""
    async with commands() as there:
        done = await there("export", "--queue", "8198", "--to", "2026-01-01", "-o", str(tmp_path / "x.json"), "--quiet")

    assert (done.code, done.out) == (0, "")
    assert json.loads((tmp_path / "x.json").read_bytes())["results"] == []


async def test_an_interrupted_export_goes_on(tmp_path: Path) -> None:
    """Half of it is never under its name; without `--resume`, or with other options, nothing is touched."""
    file = tmp_path / "x.csv"
    wanted = ("export", "--queue", "8198", *WINDOW, "--format", "csv", "-o", str(file), "--quiet")
    async with commands() as there:
        await there.rossum.finished(350, **HOUR)
        await there.rossum.fault(path="/export", action="delay:0", times=2)
        await there.rossum.fault(path="/export", action="status:500", times=0)
        broken = await there(*wanted)
        await there.rossum.send("DELETE", "/sandbox/faults")
        partial = names_in(tmp_path)
        refused, other = await there(*wanted), await there(*wanted, "--resume", "--status", "exported")
        done = await there(*wanted, "--resume")
        counters = await there.rossum.get("/sandbox/counters")

    assert (broken.code, partial) == (1, ["x.csv.partial"])
    assert "the same command with --resume goes on" in broken.err
    assert "Rossum answered 500" in broken.err
    assert (refused.code, other.code) == (2, 2)
    assert "add --resume to go on, or remove" in refused.err
    assert "is of another export (--status none)" in other.err
    assert done.code == 0, done
    assert counters["GET /queues/{id}/export"]["200"] == 4
    assert names_in(tmp_path) == ["x.csv"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_person_may_stop_it(tmp_path: Path, number: signal.Signals) -> None:
    """With one sentence, and nothing under the file's name; with nothing fetched there is nothing to go on with."""
    file = tmp_path / "x.json"
    async with commands() as there:
        await there.rossum.finished(3, **HOUR)
        await there.rossum.fault(path="/export", action="delay:120", times=0)
        async with there.started("export", "--queue", "8198", *WINDOW, "-o", str(file)) as export:
            await eventually((tmp_path / "x.json.partial").exists, within=60)

            done = await export.stopped(number)

    assert (done.code, done.out) == (1, "")
    assert done.err.splitlines()[-1] == "rossum-connector: interrupted"
    assert "Traceback" not in done.err
    assert names_in(tmp_path) == []


async def test_moving_asks_first(tmp_path: Path) -> None:
    """With what would be moved; only what is confirmed is, and nobody to ask is an error."""
    file = tmp_path / "x.json"
    wanted = (
        "export",
        "--queue",
        "8198",
        *WINDOW,
        "--clock",
        "confirmed_at",
        "--to-status",
        "exported",
        "-o",
        str(file),
    )
    async with commands(UNREVIEWED) as there:
        confirmed = await there.rossum.finished(3, status="confirmed", **HOUR)
        await there.rossum.finished(2, status="exported", **HOUR)
        nobody = await there(*wanted)
        no = await answered(there.settings, "n", *wanted)
        untouched = [(await there.rossum.annotation(number))["status"] for number in confirmed]
        yes = await answered(there.settings, "y", *wanted)
        moved = [(await there.rossum.annotation(number))["status"] for number in confirmed]

    assert (nobody.code, no.code, yes.code) == (2, 3, 0), yes
    assert "add --yes" in nobody.err
    assert "Move 3 annotations (3 confirmed) to exported in Rossum?" in no.err
    assert "nothing was exported" in no.err
    assert untouched == ["confirmed"] * 3
    assert moved == ["exported"] * 3
    assert [row["status"] for row in json.loads(file.read_bytes())["results"]] == moved


async def test_what_is_left_out_fails_the_command(tmp_path: Path) -> None:
    """The rest is written, and told apart."""
    file = tmp_path / "x.json"
    async with commands() as there:
        (number,) = await there.rossum.finished(1)

        done = await there("export", "--queue", "8198", "--ids", f"{number},999", "-o", str(file))

    assert done.code == 1
    assert "left out   annotation 999 is not in Rossum" in done.err
    assert "exported   1 annotation to" in done.err
    assert len(json.loads(file.read_bytes())["results"]) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "say which annotations"),
        (("--ids", "1", "--from", "2026-01-01"), "not both"),
        (("--ids", "one"), "4711,4712"),
        (("--from", "yesterday"), "2026-01-31"),
        (("--from", "2026-02-01", "--to", "2026-01-01"), "is not before"),
        (("--ids", "1", "--format", "xlsx"), "-o FILE.xlsx"),
        (("--ids", "1", "--columns", "document_id"), "choose csv or xlsx"),
        (("--ids", "1", "--resume"), "add -o FILE"),
        (("--ids", "1", "--status", "done"), "to_review"),
        (("--ids", "1", "--queue", "invoice"), "invoices, receipts"),
    ],
)
async def test_wrong_usage_is_told(arguments: tuple[str, ...], said: str) -> None:
    """With what would be right, and nothing on stdout."""
    async with commands() as there:
        queue = () if "--queue" in arguments else ("--queue", "8198")
        done = await there("export", *queue, *arguments)

    assert (done.code, done.out) == (2, "")
    assert said in " ".join(done.err.replace("│", " ").split())


async def test_what_is_missing_in_the_settings_is_told() -> None:
    """Only how to reach Rossum is needed, and a queue."""
    async with commands() as there:
        queueless = await there("export", "--ids", "1")
        tokenless = await there("export", "--ids", "1", "--queue", "1", ROSSUM__TOKEN="", ROSSUM__BASE_URL="")
        refused = await there("export", "--ids", "1", "--queue", "1", ROSSUM__TOKEN="wrong")

    assert (queueless.code, tokenless.code, refused.code) == (2, 2, 3)
    assert "CONNECTOR_ROSSUM__DEFAULT_QUEUE" in queueless.err
    assert "CONNECTOR_ROSSUM__BASE_URL is not set" in tokenless.err
    assert "CONNECTOR_ROSSUM__QUEUES" not in tokenless.err
    assert "set a valid ROSSUM__TOKEN" in refused.err


def test_all_clocks_and_statuses_can_be_chosen() -> None:
    """Those that the rest of the product knows."""
    assert [name.value for name in ClockName] == list(CLOCKS)
    assert {name.value for name in StatusName} == set(STATUSES)
