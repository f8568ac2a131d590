"""How annotations live: fates, the reviewer, clocks and the habits that make them awkward."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from tests.support.jumping import jump
from tests.wire.simulator.simulator_harness import QUICK, UNREVIEWED, Rossum, eventually, id_in, running

ENDS = {
    "exported": ("exported", "exported_at"),
    "rejected": ("rejected", "rejected_at"),
    "failed_import": ("failed_import", None),
    "failed_export": ("failed_export", "export_failed_at"),
    "split": ("split", None),
    "postponed": ("postponed", None),
    "deleted": ("deleted", "deleted_at"),
}
CLOCKS = {"confirmed_at", "deleted_at", "exported_at", "export_failed_at", "purged_at", "rejected_at"}


def fated(fate: str, **more: Any) -> dict[str, Any]:
    """Upload metadata that asks for a fate."""
    return {"mine": 1, "sandbox": {"fate": fate, **more}}


@pytest.mark.parametrize("fate", ENDS)
async def test_a_document_meets_its_fate(fate: str) -> None:
    """Each fate ends in its status, with that status' clock and the upload's metadata."""
    status, clock = ENDS[fate]
    async with running() as rossum:
        number = await rossum.import_one(metadata=fated(fate))
        annotation = await rossum.until_status(number, status)

    set_clocks = {name for name in CLOCKS if annotation[name] is not None}
    reviewed = {"confirmed_at"} if fate in {"exported", "failed_export"} else set()
    assert set_clocks == reviewed | ({clock} if clock else set())
    assert annotation["metadata"] == fated(fate)


async def test_a_split_gives_children_without_metadata() -> None:
    """The children are new documents below the root's, told by an edit relation, and are exported."""
    async with running() as rossum:
        number = await rossum.import_one(name="two.pdf", metadata=fated("split"))
        parent = await rossum.until_status(number, "split")
        (relation,) = (await rossum.get(f"/relations?type=edit&parent={number}"))["results"]
        children = [await rossum.until_status(id_in(url), "exported") for url in relation["annotations"]]
        documents = [await rossum.get(child["document"]) for child in children]

    assert len(children) == 2
    assert [child["metadata"] for child in children] == [{}, {}]
    assert {document["parent"] for document in documents} == {parent["document"]}
    assert [document["original_file_name"] for document in documents] == ["two_1.pdf", "two_2.pdf"]


@pytest.mark.asyncio(loop_scope="function")
async def test_a_document_can_be_exported_again() -> None:
    """``re_export_after`` brings it back to review and exports it with a later clock and other data."""
    async with running() as rossum:
        number = await rossum.import_one(metadata=fated("exported", re_export_after=60))
        first = await rossum.until_status(number, "exported")
        before = await rossum.get(f"/queues/8198/export?id={number}")
        jump(60)

        async def again() -> Any:
            now = await rossum.annotation(number)
            return now if now["status"] == "exported" and now["exported_at"] != first["exported_at"] else None

        second = await eventually(again)
        after = await rossum.get(f"/queues/8198/export?id={number}")

    assert second["exported_at"] > first["exported_at"]
    assert before["results"][0]["content"] != after["results"][0]["content"]


async def test_nobody_reviews_when_review_is_negative() -> None:
    """A negative review leaves documents in ``to_review``, also when only its own metadata says so."""
    async with running() as rossum:
        own = await rossum.import_one(name="own.pdf", metadata=fated("exported", review=-1))
        other = await rossum.import_one(name="other.pdf")
        await rossum.until_status(other, "exported")
        status = (await rossum.annotation(own))["status"]

    assert status == "to_review"


async def test_its_own_pace_overrides_the_simulators() -> None:
    """``processing`` in the metadata replaces the simulator's."""
    async with running(replace(QUICK, processing=60.0)) as rossum:
        slow = await rossum.import_one(name="slow.pdf")
        quick = await rossum.import_one(name="quick.pdf", metadata=fated("exported", processing=0))
        await rossum.until_status(quick, "exported")
        status = (await rossum.annotation(slow))["status"]

    assert status == "importing"


async def test_a_queue_can_keep_confirmed_documents() -> None:
    """With ``use_confirmed_state`` the reviewer's work ends in ``confirmed``."""
    async with running() as rossum:
        await rossum.send("PATCH", "/queues/8198", json={"use_confirmed_state": True})
        number = await rossum.import_one()
        confirmed = await rossum.until_status(number, "confirmed")

    assert confirmed["confirmed_at"] is not None
    assert confirmed["exported_at"] is None


async def test_a_failed_export_succeeds_when_retried() -> None:
    """PATCH back to ``exporting`` tries again, and the second time it works."""
    async with running() as rossum:
        number = await rossum.import_one(metadata=fated("failed_export"))
        await rossum.until_status(number, "failed_export")
        await rossum.send("PATCH", f"/annotations/{number}", json={"status": "exporting"})
        annotation = await rossum.until_status(number, "exported")

    assert annotation["export_failed_at"] < annotation["exported_at"]


async def test_another_extension_may_overwrite_metadata() -> None:
    """With ``overwrite_metadata`` nothing of the upload's metadata is left after the import."""
    async with running(UNREVIEWED) as rossum:
        await rossum.behave(overwrite_metadata=True)
        number = await rossum.import_one(metadata={"mine": 1})
        annotation = await rossum.until_status(number, "to_review")
        (told,) = await rossum.get("/sandbox/documents")

    assert annotation["metadata"] == {"extension": "was here"}
    assert told["metadata"] == {"mine": 1}


async def test_clocks_may_be_withheld() -> None:
    """With ``null_clocks`` an exported annotation shows no clock anywhere, yet filters find it."""
    async with running() as rossum:
        await rossum.behave(null_clocks=True)
        number = await rossum.import_one()
        annotation = await rossum.until_status(number, "exported")
        listed = await rossum.get("/annotations?exported_at_after=2020-01-01&fields=id,exported_at")
        exported = await rossum.get("/queues/8198/export")

    assert annotation["exported_at"] is None
    assert listed["results"] == [{"id": number, "exported_at": None}]
    assert exported["results"][0]["exported_at"] is None


@pytest.mark.asyncio(loop_scope="function")
async def test_a_clock_may_come_late() -> None:
    """With ``clock_delay`` the clock is null, and not to be found, until it appears with its true value."""
    found = "/annotations?exported_at_after=2020-01-01"
    async with running() as rossum:
        await rossum.behave(clock_delay=60)
        number = await rossum.import_one()
        before = await rossum.until_status(number, "exported")
        early = await rossum.get(found)
        await rossum.post("/sandbox/time", {"shift": 60})
        jump(60)

        async def shown() -> Any:
            return (await rossum.annotation(number))["exported_at"]

        clock = await eventually(shown)
        late = await rossum.get(found)

    assert before["exported_at"] is None
    assert early["pagination"]["total"] == 0
    assert late["results"][0]["exported_at"] == clock
    passed = datetime.fromisoformat(clock) - datetime.fromisoformat(before["modified_at"])
    assert 0 <= passed.total_seconds() < 60


async def test_clocks_may_be_tied() -> None:
    """With ``tied_clocks`` groups of that many status changes share one value to the microsecond."""
    async with running() as rossum:
        numbers = await rossum.finished(6, status="to_review")
        await rossum.behave(tied_clocks=3)
        for number in numbers:
            await rossum.post(f"/sandbox/annotations/{number}/status", {"status": "rejected"})
        clocks = [(await rossum.annotation(number))["rejected_at"] for number in numbers]

    assert clocks[0] == clocks[1] == clocks[2]
    assert clocks[3] == clocks[4] == clocks[5]
    assert clocks[0] < clocks[3]


@pytest.mark.asyncio(loop_scope="function")
async def test_whoever_moves_it_meanwhile_wins() -> None:
    """A person who deletes a document before its review ends its life there."""
    async with running() as rossum:
        number = await rossum.import_one(metadata=fated("exported", review=60))
        await rossum.until_status(number, "to_review")
        await rossum.post(f"/annotations/{number}/delete")
        bystander = await rossum.import_one(name="b.pdf", metadata=fated("exported", review=60))
        await rossum.until_status(bystander, "to_review")
        jump(60)
        await rossum.until_status(bystander, "exported")
        status = (await rossum.annotation(number))["status"]

    assert status == "deleted"


async def _read(rossum: Rossum, number: int) -> Any:
    return (await rossum.get(f"/queues/8198/export?id={number}"))["results"][0]["content"]


async def test_captured_data_depend_on_the_content_alone() -> None:
    """The same bytes give the same data under another name; other bytes give other data."""
    async with running() as rossum:
        numbers = [
            await rossum.import_one(name="a.pdf"),
            await rossum.import_one(name="b.pdf"),
            await rossum.import_one(name="c.pdf", content=b"%PDF-1.7 something else"),
        ]
        for number in numbers:
            await rossum.until_status(number, "exported")
        first, second, third = [await _read(rossum, number) for number in numbers]

    assert first == second
    assert first != third
