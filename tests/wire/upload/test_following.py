"""Following uploads: what became of each is told apart, and many cost no more calls than one."""

import io
import re
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from connector.domain.readings import DocumentReading
from connector.upload import following
from connector.upload.outcomes import Fate, Followed
from tests.support.deployment import pdf
from tests.wire.upload.sending import Sender, sending


async def ended(sender: Sender, fate: str, **more: Any) -> Followed:
    """What becomes of a document of that fate."""
    options = {name: more.pop(name) for name in ("goal", "within") if name in more}
    sent = await sender.upload(sender.file(f"{fate}.pdf"), sandbox={"fate": fate, **more})
    (followed,) = await sender.follow(sent, **options)
    return followed


async def test_many_are_followed_by_few_calls(tmp_path: Path) -> None:
    """All of them are exported; nobody asks for a single one."""
    async with sending(tmp_path) as sender:
        sent = await sender.upload(*(sender.file(f"{number}.pdf") for number in range(60)))

        followed = await sender.follow(sent)

        counters = await sender.side.control("GET", "/counters")
    assert [(one.fate, one.file) for one in followed] == [(Fate.DONE, one.file) for one in sent]
    assert len({number for one in followed for number, _ in one.annotations}) == 60
    assert set(counters) == {"POST /uploads", "GET /annotations", "GET /organizations"}
    assert counters["GET /annotations"]["200"] < 20


@pytest.mark.parametrize(
    ("fate", "said"),
    [
        ("rejected", "is rejected"),
        ("failed_import", "is failed_import: The file could not be processed."),
        ("failed_export", "is failed_export"),
        ("deleted", "is deleted"),
        ("failed_task", "Rossum's import failed: Processing of the upload failed"),
        ("no_annotation", "Rossum made no annotation of it"),
    ],
)
async def test_each_bad_end_is_told(tmp_path: Path, fate: str, said: str) -> None:
    """Long before the time is over, in Rossum's words where it has some."""
    async with sending(tmp_path) as sender:
        followed = await ended(sender, fate, within=60)

    assert followed.fate is Fate.FAILED
    assert said in followed.sentence


async def test_who_waits_for_a_person_is_told_apart(tmp_path: Path) -> None:
    """When the time is over, with the status in which the document is."""
    async with sending(tmp_path, review=-1) as sender:
        sent = await sender.upload(sender.file("a.pdf"))
        await sender.follow(sent, goal="to_review")

        (followed,) = await sender.follow(sent, within=0.5)

    assert followed.fate is Fate.WAITING
    assert re.fullmatch(r"still to_review after [1-9]\d* s", followed.sentence)
    assert [status for _, status in followed.annotations] == ["to_review"]


@pytest.mark.parametrize(
    ("goal", "status", "fate"),
    [
        ("exported", "confirmed", Fate.WAITING),
        ("confirmed", "confirmed", Fate.DONE),
        ("confirmed", "exported", Fate.DONE),
        ("confirmed", "to_review", Fate.WAITING),
        ("to_review", "to_review", Fate.DONE),
        ("to_review", "postponed", Fate.DONE),
        ("to_review", "failed_export", Fate.DONE),
        ("to_review", "rejected", Fate.FAILED),
        ("imported", "to_review", Fate.DONE),
        ("imported", "failed_import", Fate.FAILED),
    ],
)
async def test_how_far_is_far_enough(tmp_path: Path, goal: str, status: str, fate: Fate) -> None:
    """Is for the person to say."""
    async with sending(tmp_path, review=-1) as sender:
        (sent,) = await sender.upload(sender.file("a.pdf"))
        (waiting,) = await sender.follow([sent], goal="to_review")
        ((number, _),) = waiting.annotations
        await sender.side.control("POST", f"/annotations/{number}/status", {"status": status})

        (followed,) = await sender.follow([sent], goal=goal, within=0.3)

    assert followed.fate is fate
    assert followed.annotations == ((number, status),)


async def test_a_split_document_is_done_with_its_parts(tmp_path: Path) -> None:
    """The parts take the place of the whole."""
    async with sending(tmp_path) as sender:
        followed = await ended(sender, "split")

    assert followed.fate is Fate.DONE
    assert [status for _, status in followed.annotations] == ["exported", "exported"]


async def test_a_replica_that_lags_hides_no_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It shows one of two parts, then one without its annotation: neither is all there is."""
    async with sending(tmp_path) as sender:
        children, looks = sender.side.client.children, 0

        async def lagging(document: int) -> Sequence[DocumentReading]:
            nonlocal looks
            first, *others = await children(document)
            looks += 1
            late = [replace(other, annotations=()) for other in others]
            return [first] if looks == 1 else [first, *(late if looks == 2 else others)]

        monkeypatch.setattr(sender.side.client, "children", lagging)
        followed = await ended(sender, "split")

    assert followed.fate is Fate.DONE
    assert [status for _, status in followed.annotations] == ["exported", "exported"]


async def test_a_part_that_never_gets_an_annotation_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For longer than a while: the document is done with the parts that have one."""
    monkeypatch.setattr(following, "SPLIT_PATIENCE", 0.2)
    async with sending(tmp_path) as sender:
        children = sender.side.client.children

        async def half(document: int) -> Sequence[DocumentReading]:
            first, *others = await children(document)
            return [first, *(replace(other, annotations=()) for other in others)]

        monkeypatch.setattr(sender.side.client, "children", half)
        followed = await ended(sender, "split")

    assert followed.fate is Fate.DONE
    assert [status for _, status in followed.annotations] == ["exported"]


async def test_an_archive_is_done_with_all_that_was_in_it(tmp_path: Path) -> None:
    """What it became is asked for, since marks do not tell how many there are."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in ("a.pdf", "b.pdf", "c.pdf"):
            archive.writestr(name, pdf(name))
    async with sending(tmp_path) as sender:
        sent = await sender.upload(sender.file("all.zip", file.getvalue()))

        (followed,) = await sender.follow(sent)

    assert followed.fate is Fate.DONE
    assert len(followed.annotations) == 3


async def test_a_mark_that_was_overwritten_does_no_harm(tmp_path: Path) -> None:
    """The task tells then, after a while."""
    async with sending(tmp_path) as sender:
        await sender.side.control("POST", "/behaviour", {"overwrite_metadata": True})
        sent = await sender.upload(sender.file("a.pdf"))

        (followed,) = await sender.follow(sent, within=60)

    assert followed.fate is Fate.DONE


async def test_trouble_is_waited_out(tmp_path: Path) -> None:
    """As long as there is time; then it is told."""
    async with sending(tmp_path) as sender:
        sent = await sender.upload(sender.file("a.pdf"))
        await sender.side.fault("/annotations", "status:503", times=7)
        (followed,) = await sender.follow(sent)
        await sender.side.fault("/annotations", "status:503", times=0)
        (lost,) = await sender.follow(sent, within=0.3)
        await sender.side.control("DELETE", "/faults")
        await sender.side.fault("/annotations", "status:403", times=0)
        (refused,) = await sender.follow(sent, within=60)

    assert followed.fate is Fate.DONE
    assert (lost.fate, refused.fate) == (Fate.WAITING, Fate.WAITING)
    assert "Rossum answered 503" in lost.sentence
    assert "Rossum answered 403" in refused.sentence


async def test_a_person_who_stops_does_not_wait(tmp_path: Path) -> None:
    """What is known by then is told."""
    async with sending(tmp_path, review=-1) as sender:
        sent = await sender.upload(sender.file("a.pdf"))
        sender.stop.set()

        (followed,) = await sender.follow([replace(one, annotations=()) for one in sent], within=60)

    assert followed.fate is Fate.WAITING
