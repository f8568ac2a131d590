"""Uploads by hand: each file arrives once, and of each it is told how it ended."""

import asyncio
from pathlib import Path

import pytest

from connector.domain.ids import QueueId
from connector.domain.readings import METADATA_LIMIT
from connector.errors import NotOurs
from connector.upload.outcomes import Fate
from connector.upload.uploading import Destination
from tests.support.waiting import eventually
from tests.wire.rossum.client_harness import QUEUE
from tests.wire.upload.sending import Sender, sending


async def test_files_arrive_with_their_marks(tmp_path: Path) -> None:
    """Under their names, with metadata and our mark, so that a running connector knows their events' key."""
    async with sending(tmp_path) as sender:
        sent = await sender.upload(sender.file("účet 1.pdf"), sender.file("b.pdf"), po="77")

        documents = {document["file_name"]: document for document in await sender.side.documents()}
        marks = await sender.marks()
    assert [one.fate for one in sent] == [Fate.UPLOADED, Fate.UPLOADED]
    assert marks == [("b.pdf", "b.pdf"), ("účet 1.pdf", "účet 1.pdf")]
    assert documents["b.pdf"]["metadata"]["po"] == "77"
    assert len({one.import_id for one in sent}) == 2


@pytest.mark.parametrize("fault", ["drop-after", "status:503", "drop-before", "garbage"])
async def test_an_upload_in_the_dark_is_looked_up(tmp_path: Path, fault: str) -> None:
    """It is never repeated blindly: found by its mark it has arrived, not found it is unknown, with what to do."""
    async with sending(tmp_path) as sender:
        await sender.side.fault("/uploads", fault)

        (sent,) = await sender.upload(sender.file("a.pdf"))

        marks = await sender.marks()
        attempts = await sender.side.count("POST /uploads")
    arrived = fault == "drop-after"
    assert attempts == 1
    assert len(marks) == int(arrived)
    assert sent.fate is (Fate.UPLOADED if arrived else Fate.UNKNOWN)
    assert bool(sent.annotations) is arrived
    assert arrived or sent.sentence.endswith("look for it in Rossum before you import it again")


async def test_a_renamed_document_is_found(tmp_path: Path) -> None:
    """The last look does not go by the file name."""
    async with sending(tmp_path) as sender:
        await sender.side.control("POST", "/behaviour", {"rename_files": True})
        await sender.side.fault("/uploads", "drop-after")

        (sent,) = await sender.upload(sender.file("a (1).pdf"))

    assert sent.fate is Fate.UPLOADED


async def test_what_certainly_did_not_arrive_is_sent_again(tmp_path: Path) -> None:
    """Being told to slow down counts for nothing."""
    async with sending(tmp_path) as sender:
        await sender.side.fault("/uploads", "retry-after:0", times=6)

        (sent,) = await sender.upload(sender.file("a.pdf"))

        marks = await sender.marks()
    assert (sent.fate, len(marks)) == (Fate.UPLOADED, 1)


async def test_what_can_never_arrive_is_told(tmp_path: Path) -> None:
    """A kind that Rossum does not take, a file too large, one that is gone; the others go up all the same."""
    async with sending(tmp_path) as sender:
        gone = sender.file("gone.pdf")
        gone.path.unlink()
        files = [sender.file("a.txt", b"text"), sender.file("b.pdf", b"%PDF-" + b"x" * 1_000_001), gone]

        sent = await sender.upload(*files, sender.file("c.pdf"))
        (fat,) = await sender.upload(sender.file("d.pdf"), big="x" * METADATA_LIMIT)

    assert [one.fate for one in sent] == [Fate.FAILED] * 3 + [Fate.UPLOADED]
    assert "File type of a.txt is not supported" in sent[0].sentence
    assert "1000000" in sent[1].sentence
    assert "no such file" in sent[2].sentence
    assert f"Rossum takes {METADATA_LIMIT}" in fat.sentence


async def test_identical_files_can_be_skipped(tmp_path: Path) -> None:
    """Rossum knows them by name and content, where it is asked to."""
    async with sending(tmp_path, reject_identical=True) as sender:
        skipping = Destination(QUEUE, skip_identical=True)
        file = sender.file("a.pdf")
        first = await sender.uploading(skipping).run([file])

        second = await sender.uploading(skipping).run([file, sender.file("b.pdf")])

        marks = await sender.marks()
    assert [one.fate for one in first + second] == [Fate.UPLOADED, Fate.IDENTICAL, Fate.UPLOADED]
    assert len(marks) == 2


async def test_a_refusal_of_everything_is_one_error(tmp_path: Path) -> None:
    """A queue that is not there: one sentence, not one a file."""
    async with sending(tmp_path) as sender:
        nowhere = sender.uploading(Destination(QueueId(7)))

        with pytest.raises(NotOurs, match="404"):
            await nowhere.run([sender.file(f"{number}.pdf") for number in range(9)])

        assert await sender.side.count("POST /uploads") <= 4


async def test_a_refusal_later_leaves_the_statement(tmp_path: Path) -> None:
    """What had gone up is told as such, the rest as not sent, with the reason."""
    async with sending(tmp_path) as sender:
        await sender.side.fault("/uploads", "delay:0", times=2)
        await sender.side.fault("/uploads", "status:403", times=0)

        sent = await sender.upload(*(sender.file(f"{number}.pdf") for number in range(9)))

        marks = await sender.marks()
    fates = [one.fate for one in sent]
    assert fates.count(Fate.UPLOADED) == len(marks) == 2
    assert fates.count(Fate.NOT_SENT) == 7
    assert all("403" in one.sentence for one in sent if one.fate is Fate.NOT_SENT)


async def test_a_person_who_stops_learns_what_went_up(tmp_path: Path) -> None:
    """What Rossum has whole may still answer; all others are certainly not sent, and told as that."""
    async with sending(tmp_path) as sender:
        await sender.side.fault("/uploads", "delay:1", times=0)
        running = asyncio.create_task(sender.upload(*(sender.file(f"{number}.pdf") for number in range(9))))
        await eventually(lambda: _accepted(sender, 4))

        sender.stop.set()
        sent = await running

        marks = await sender.marks()
    fates = [one.fate for one in sent]
    assert fates == [Fate.UPLOADED] * 4 + [Fate.NOT_SENT] * 5
    assert len(marks) == 4
    assert {one.sentence for one in sent[4:]} == {"interrupted before it was sent whole"}


async def _accepted(sender: Sender, count: int) -> bool:
    return len(await sender.marks()) == count
