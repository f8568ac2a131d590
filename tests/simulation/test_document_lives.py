"""What happens to documents in Rossum besides being exported once, and a Rossum that is not as it was."""

import pytest

from tests.simulation.trees import PDF, Family, archive, played

ONE_QUEUE = {"ROSSUM__QUEUES": '{"invoices": 8198}'}
OUT_OF_REACH = {"method": "GET", "path": "/queues/8199/export", "action": "status:403", "times": 100_000}


def test_documents_of_an_archive_or_a_message_stand_for_themselves() -> None:
    """Those of an imported archive belong to the import, others have keys of their own; none has a root."""

    async def story(family: Family) -> None:
        family.announce("doc-1", archive("ours-1.pdf", "ours-2.pdf"), "ours.zip")
        await family.upload("theirs.zip", archive("theirs-1.pdf", "theirs-2.pdf"))
        ours = [n for name in ("ours-1.pdf", "ours-2.pdf") for n in await family.annotations(name)]
        await family.mail("mailed-1.pdf", "mailed-2.pdf")
        names = ("theirs-1.pdf", "theirs-2.pdf", "mailed-1.pdf", "mailed-2.pdf")
        theirs = [n for name in names for n in await family.annotations(name)]
        for number in (*ours, *theirs):
            await family.until_status(number, "to_review")

        await family.export(*ours, *theirs)
        captured = await family.captured(*ours, *theirs)

        keys = dict.fromkeys(ours, "doc-1") | {number: f"rossum:{number}" for number in theirs}
        assert {event.number: event.key for event in captured} == keys
        assert {event.number for event in captured if "import_id" in event.data} == set(ours)
        assert all("root" not in event.data for event in captured)

    played(story)


def test_a_life_after_the_first_export() -> None:
    """Back to review and exported again is a second revision, a copy is an annotation of its own; the end is told."""

    async def story(family: Family) -> None:
        family.announce("doc-1", PDF, "one.pdf")
        (number,) = await family.annotations("one.pdf")
        await family.until_status(number, "to_review")
        await family.named("annotation.ready", number)
        await family.export(number)
        await family.captured(number)
        await family.act(number, "status", status="to_review")
        await family.until(lambda: _times(family, "annotation.ready", number, 2))
        await family.export(number)
        revisions = await family.captured(number, times=2)
        copied = (await family.act(number, "copy"))["id"]
        (copy,) = await family.captured(copied)
        await family.act(number, "status", status="deleted")
        await family.act(number, "purge")

        (purged,) = await family.named("annotation.purged", number)

        assert [event.data["revision_count"] for event in revisions] == [1, 2]
        assert (copy.key, copy.data["import_id"]) == ("doc-1", revisions[0].data["import_id"])
        assert (copy.data["revision_count"], "duplicate_of" in copy.data) == (1, False)
        assert purged.key == "doc-1"

    played(story)


async def _times(family: Family, name: str, number: int, times: int) -> bool:
    return sum(event.name == name and event.number == number for event in family.told()) >= times


async def _moved(family: Family, name: str) -> int:
    """An import that waits for review in the second queue."""
    family.announce(name, PDF + name.encode(), f"{name}.pdf")
    (number,) = await family.annotations(f"{name}.pdf")
    await family.until_status(number, "to_review")
    await family.named("annotation.ready", number)
    await family.act(number, "move", queue=8199)
    return number


@pytest.mark.parametrize(("settings", "to"), [({}, "configured"), (ONE_QUEUE, "other")], ids=["ours", "not configured"])
def test_a_moved_annotation_is_told_from_where_it_is(settings: dict[str, str], to: str) -> None:
    """Its captured data come from the new queue, also where nobody sweeps that one; the move is counted once."""

    async def story(family: Family) -> None:
        number = await _moved(family, "doc-1")

        await family.export(number)
        (captured,) = await family.captured(number)

        assert captured.key == "doc-1"
        assert captured.data["annotation"]["queue"] == 8199
        assert captured.source.endswith("/queues/8199")
        assert await family.metric(f'moves_total{{to="{to}"}}') == 1

    played(story, settings)


def test_a_move_out_of_reach_stops_nobody_else() -> None:
    """Rossum refuses the data of a queue that is nobody's business: told, all others go on; with rights it comes."""

    async def story(family: Family) -> None:
        number = await _moved(family, "doc-1")
        await family.world.control("/faults", OUT_OF_REACH)
        await family.export(number)

        async def refused() -> bool:
            return await family.metric('moves_total{to="refused"}') > 0

        await family.until(refused)
        family.announce("doc-2", PDF + b"2", "two.pdf")
        (other,) = await family.annotations("two.pdf")
        await family.until_status(other, "to_review")
        await family.export(other)
        await family.captured(other)
        early = [event for event in family.told() if event.name == "annotation.captured" and event.number == number]
        opened = await family.metric('circuit_open{circuit="rossum"}')
        await family.world.control("/faults", method="DELETE")
        (captured,) = await family.captured(number)

        assert early == []
        assert opened == 0
        assert captured.data["annotation"]["queue"] == 8199

    played(story, ONE_QUEUE)


def test_a_later_rossum_is_no_riddle() -> None:
    """Statuses, fields, types and nodes that nobody knows: everything is captured, what is known is as it was."""

    async def story(family: Family) -> None:
        await family.world.control("/behaviour", {"new_things": True})
        family.announce("doc-1", PDF, "one.pdf", review=0.5)
        await family.upload("two.pdf", PDF, {"sandbox": {"review": 0.5}})
        numbers = [*await family.annotations("one.pdf"), *await family.annotations("two.pdf")]

        captured = await family.captured(*numbers)
        await family.world.control("/behaviour", {"new_things": False})
        (again,) = (await family.world.api("GET", f"/queues/8198/export?format=json&id={numbers[0]}"))["results"]

        first = next(event.data for event in captured if event.number == numbers[0])
        today = {leaf["schema_id"]: leaf["value"] for part in again["content"][:3] for leaf in part["children"]}
        assert {event.data["annotation"]["status"] for event in captured} == {"archived"}
        assert {name: field["value"] or "" for name, field in first["fields"].items()} == today | {"tags": ""}
        assert first["fields"]["document_id"]["type"] == "text"
        assert first["content"][-1]["schema_id"] == "tags"

    played(story)


def test_types_come_from_the_schema_or_not_at_all() -> None:
    """An export without types has those of the schema; while that can't be read, data go out without any."""

    async def story(family: Family) -> None:
        await family.world.control("/behaviour", {"untyped_exports": True})
        hanging = {"method": "GET", "path": "/schemas/", "action": "delay:600", "times": 1000}
        await family.world.control("/faults", hanging)
        await family.upload("one.pdf", PDF)
        await family.upload("two.pdf", PDF + b"2")
        (first,), (second,) = await family.annotations("one.pdf"), await family.annotations("two.pdf")
        for number in (first, second):
            await family.until_status(number, "to_review")
            await family.named("annotation.ready", number)
        before = family.world.loop.time()
        await family.export(first)
        (without,) = await family.captured(first)
        waited = family.world.loop.time() - before
        await family.world.control("/faults", method="DELETE")
        await family.until(lambda: _passed(family, before + 70))
        await family.export(second)

        (typed,) = await family.captured(second)

        assert waited < 15
        assert {field["type"] for field in without.data["fields"].values()} == {None}
        assert {field["type"] for field in typed.data["fields"].values()} == {"string", "number", "date", "enum"}
        assert without.data["fields"].keys() == typed.data["fields"].keys()

    played(story)


async def _passed(family: Family, moment: float) -> bool:
    return family.world.loop.time() > moment
