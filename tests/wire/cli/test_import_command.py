"""`rossum-connector import`: what became of each file is told, and nothing goes up that nobody meant."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.support.deployment import pdf
from tests.support.waiting import eventually
from tests.wire.cli.commanding import Commands, commands


def documents(folder: Path, *names: str) -> list[str]:
    """Files of these names; their paths."""
    for name in names:
        (folder / name).write_bytes(pdf(name))
    return [str(folder / name) for name in names]


async def uploaded(there: Commands) -> list[dict[str, Any]]:
    """What Rossum has, by file name."""
    found: list[dict[str, Any]] = await there.rossum.get("/sandbox/documents")
    return sorted(found, key=lambda document: str(document["file_name"]))


async def test_files_and_folders_are_imported(tmp_path: Path) -> None:
    """Each is told with its annotation, and has what was given to it and our mark."""
    documents(tmp_path, "b.pdf", "a.pdf")
    async with commands() as there:
        done = await there("import", str(tmp_path), "--queue", "receipts", "--metadata", "order=7", "--quiet")
        found = await uploaded(there)

    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert [line.split()[:3] for line in lines[:2]] == [
        ["imported", "a.pdf", "annotation"],
        ["imported", "b.pdf", "annotation"],
    ]
    assert lines[2:] == ["documents: 2 imported"]
    assert [(one["file_name"], one["metadata"]["order"]) for one in found] == [("a.pdf", "7"), ("b.pdf", "7")]
    assert {one["metadata"]["rossum_kafka_connector"]["document_key"] for one in found} == {"a.pdf", "b.pdf"}


async def test_what_could_not_be_imported_is_told_beside_the_rest(tmp_path: Path) -> None:
    """With the reason; the exit code says that not all is well. Progress is on stderr."""
    files = documents(tmp_path, "a.pdf")
    for name, content in (("b.txt", b"text"), ("c.pdf", b"")):
        (tmp_path / name).write_bytes(content)
        files.append(str(tmp_path / name))
    async with commands() as there:
        done = await there("import", *files, "--queue", "8198", "--json")
        found = await uploaded(there)

    told = [json.loads(line) for line in done.out.splitlines()]
    assert done.code == 1
    assert [(one["document_id"], one["fate"]) for one in told] == [
        ("a.pdf", "imported"),
        ("b.txt", "failed"),
        ("c.pdf", "failed"),
    ]
    assert "File type of b.txt is not supported" in told[1]["sentence"]
    assert "is empty" in told[2]["sentence"]
    assert "documents uploaded: 3" in done.err
    assert [one["file_name"] for one in found] == ["a.pdf"]


async def test_what_rossum_has_can_be_skipped(tmp_path: Path) -> None:
    """The second time nothing goes up and nothing is wrong; without the option it is another document."""
    (file,) = documents(tmp_path, "a.pdf")
    async with commands() as there:
        await there("import", file, "--queue", "8198")
        skipped = await there("import", file, "--queue", "8198", "--skip-identical")
        again = await there("import", file, "--queue", "8198")
        found = await uploaded(there)

    assert (skipped.code, again.code) == (0, 0)
    assert skipped.out.startswith("identical  a.pdf")
    assert "documents: 1 identical" in skipped.out
    assert len(found) == 2


async def test_the_key_of_one_document_can_be_given(tmp_path: Path) -> None:
    """It is in the mark; two files can't have one key."""
    one, two = documents(tmp_path, "a.pdf", "b.pdf")
    async with commands() as there:
        done = await there("import", one, "--queue", "8198", "--document-id", "invoice-7", "--no-wait")
        refused = await there("import", one, two, "--queue", "8198", "--document-id", "invoice-7")
        (found,) = await uploaded(there)

    assert (done.code, refused.code) == (0, 2)
    assert done.out.startswith("uploaded   a.pdf\n")
    assert "--document-id names one document, but there are 2 files" in refused.err
    assert found["metadata"]["rossum_kafka_connector"]["document_key"] == "invoice-7"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_person_may_stop_it(tmp_path: Path, number: signal.Signals) -> None:
    """What went up, and of what nobody knows, is told for each file."""
    files = documents(tmp_path, "a.pdf", "b.pdf")
    async with commands() as there:
        await there.rossum.fault(path="/uploads", method="POST", action="delay:0", times=1)
        await there.rossum.fault(path="/uploads", method="POST", action="delay:120", times=0)
        async with there.started("import", *files, "--queue", "8198", "--no-wait") as command:
            await eventually(lambda: _has_both(there), within=60)

            done = await command.stopped(number)

    assert done.code == 1
    words = [line.split()[0] for line in done.out.splitlines()]
    assert sorted(words) == ["documents:", "unknown", "uploaded"]
    assert "look for it in Rossum before you import it again" in done.out
    assert "Traceback" not in done.err


async def _has_both(there: Commands) -> bool:
    return len(await uploaded(there)) == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Missing argument"),
        (("none.pdf",), "none.pdf can't be read"),
        (("a.pdf", "--queue", "bills"), "invoices, receipts"),
        (("a.pdf", "--values", "x"), "'x' is no KEY=VALUE"),
        (("a.pdf", "--timeout", "soon"), "e.g. 15m"),
        (("a.pdf", "--by-path"), "it belongs to --via-kafka"),
        (("a.pdf", "--via-kafka", "--skip-identical"), "the connector decides"),
        (("a.pdf",), "ROSSUM__DEFAULT_QUEUE"),
    ],
)
async def test_wrong_usage_is_told(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    """Before anything goes up."""
    documents(tmp_path, "a.pdf")
    async with commands() as there:
        done = await there("import", *(str(tmp_path / text) if text.endswith(".pdf") else text for text in arguments))
        found = await uploaded(there)

    assert (done.code, done.out, found) == (2, "", [])
    assert said in " ".join(done.err.replace("│", " ").split())


async def test_a_queue_that_rossum_does_not_know_is_told(tmp_path: Path) -> None:
    """One sentence, and the exit code of a failed check."""
    (file,) = documents(tmp_path, "a.pdf")
    async with commands() as there:
        done = await there("import", file, "--queue", "4242")

    assert done.code == 3
    assert done.err.splitlines()[-1] == (
        "rossum-connector: Rossum answered 404 to POST /uploads: Not found.; "
        "check that it exists and that the credentials may use it"
    )
