"""The control endpoints that make and move annotations, and the command that starts it all."""

import asyncio
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

import aiohttp
import pytest

from connector.sandbox.sample_files import sample_files
from connector.sandbox.simulator.content_store import ContentStore
from tests.wire.simulator.simulator_harness import PDF, UNREVIEWED, receiving, running

ROOT = Path(__file__).parents[3]


async def test_finished_annotations_are_spread_evenly() -> None:
    """They get ascending ids and clocks from ``from`` to ``to``, both included, and count in their queue."""
    order = {
        "queue": 8199,
        "status": "rejected",
        "from": "2025-01-01T00:00:00Z",
        "to": "2025-01-01T00:00:02Z",
    }
    async with running(UNREVIEWED) as rossum:
        numbers = await rossum.finished(3, **order)
        rows = (await rossum.get("/annotations?fields=id,rejected_at,status"))["results"]
        counts = (await rossum.get("/queues/8199"))["counts"]

    assert [(row["id"], row["rejected_at"][17:]) for row in rows] == [
        (numbers[0], "00.000000Z"),
        (numbers[1], "01.000000Z"),
        (numbers[2], "02.000000Z"),
    ]
    assert counts["rejected"] == 3


async def test_a_person_can_be_played() -> None:
    """Setting a status sets its clock and fires hooks; ``exporting`` runs the export."""
    async with receiving() as receiver, running(UNREVIEWED) as rossum:
        await rossum.hook(receiver.url, "annotation_status.changed")
        rejected, exported = await rossum.finished(2, status="to_review")
        await rossum.post(f"/sandbox/annotations/{rejected}/status", {"status": "rejected"})
        await rossum.post(f"/sandbox/annotations/{exported}/status", {"status": "exporting"})
        done = await rossum.until_status(exported, "exported")
        row = await rossum.annotation(rejected)
        calls = await receiver.wait_for_calls(3)

    assert row["rejected_at"] is not None
    assert done["exported_at"] is not None
    assert {call.payload["annotation"]["status"] for call in calls} == {"rejected", "exporting", "exported"}


async def test_annotations_are_copied_moved_and_purged() -> None:
    """Copy makes another of the same document, move changes the queue, purge empties."""
    async with running(UNREVIEWED) as rossum:
        (number,) = await rossum.finished(1)
        _, copied = await rossum.post(f"/sandbox/annotations/{number}/copy", {"queue": 8199})
        _, moved = await rossum.post(f"/sandbox/annotations/{number}/move", {"queue": 8199})
        _, purged = await rossum.post(f"/sandbox/annotations/{number}/purge")
        listed = await rossum.get("/annotations?queue=8199&fields=id,status")
        (told,) = await rossum.get("/sandbox/documents")

    assert moved == {"id": number, "queue": 8199}
    assert purged["status"] == "purged"
    assert {row["id"] for row in listed["results"]} == {number, copied["id"]}
    assert [row["id"] for row in told["annotations"]] == [number, copied["id"]]


async def test_the_truth_about_documents_is_told() -> None:
    """GET documents lists id, name, hash, uploads, the metadata as sent and the annotations as they are."""
    async with running(UNREVIEWED) as rossum:
        number = await rossum.import_one(metadata={"k": 1})
        await rossum.send("PATCH", f"/annotations/{number}", json={"metadata": {"k": 2}})
        (told,) = await rossum.get("/sandbox/documents")
        status = (await rossum.annotation(number))["status"]

    expected = {"id", "parent", "file_name", "sha256", "created_at", "uploads", "metadata", "annotations"}
    assert set(told) == expected
    assert (told["file_name"], told["uploads"], told["metadata"]) == ("a.pdf", 1, {"k": 1})
    assert told["annotations"] == [{"id": number, "status": status, "metadata": {"k": 2}}]


def test_old_bytes_make_room() -> None:
    """The store never holds more than its total; the oldest go first, and too large a claim is refused."""
    store = ContentStore(kept=10)
    for number in (1, 2, 3):
        assert store.reserve(4)
        store.put(number, b"four")

    assert (store.get(1), store.get(2), store.get(3)) == (None, b"four", b"four")
    assert not store.reserve(11)


async def _command(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "connector.cli.simulator",
        *arguments,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_command_serves_until_it_is_told(number: signal.Signals, tmp_path: Path) -> None:
    """Its first line is the base URL, the options hold, a signal ends it with code 0 and no noise."""
    options = ("--port", "0", "--queues", "7,8", "--token", "t0ken", "--review", "-1")
    process = await _command(*options, "--samples", str(tmp_path / "new"))
    try:
        assert process.stdout is not None
        url = (await asyncio.wait_for(process.stdout.readline(), 60)).decode().strip()
        headers = {"Authorization": "Bearer t0ken", "Content-Disposition": "attachment; filename=a.pdf"}
        async with aiohttp.ClientSession(headers=headers) as http:
            async with http.post(f"{url}/uploads?queue=7", data=PDF) as response:
                status = response.status
            process.send_signal(number)
            _, errors = await asyncio.wait_for(process.communicate(), 60)
    finally:
        with suppress(ProcessLookupError):
            process.kill()

    assert url.endswith("/api/v1")
    assert status == 202
    assert (process.returncode, errors) == (0, b"")
    assert {path.name: path.read_bytes() for path in (tmp_path / "new").iterdir()} == sample_files()


async def test_the_command_refuses_wrong_queues() -> None:
    """An unusable list of queues is a usage error that shows a right one."""
    process = await _command("--queues", "a,b")
    _, errors = await asyncio.wait_for(process.communicate(), 60)

    assert process.returncode == 2
    assert b"8198,8199" in errors


async def test_the_command_says_where_it_cannot_write(tmp_path: Path) -> None:
    """A directory for samples that is a file is an error with a remedy."""
    (tmp_path / "file").touch()
    process = await _command("--samples", str(tmp_path / "file"))
    _, errors = await asyncio.wait_for(process.communicate(), 60)

    assert process.returncode == 1
    assert b"choose another --samples" in errors


async def test_the_samples_are_what_their_names_say() -> None:
    """Each is taken as its kind, and what is in the ZIP as well."""
    async with running(UNREVIEWED) as rossum:
        for name, content in sample_files().items():
            status, _ = await rossum.upload(content, name=name)
            assert status == 202
        documents = (await rossum.get("/documents?ordering=original_file_name"))["results"]

    assert [(each["original_file_name"], each["mime_type"]) for each in documents] == [
        ("batch.zip", "application/zip"),
        ("fax.tiff", "image/tiff"),
        ("invoice-1.pdf", "application/pdf"),
        ("invoice-2.pdf", "application/pdf"),
        ("invoice-3.pdf", "application/pdf"),
        ("scan-1.png", "image/png"),
        ("scan-2.png", "image/png"),
    ]
