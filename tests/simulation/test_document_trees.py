"""Archives, splits of splits, copies, moves: every part is told once, and knows where it comes from."""

from typing import Any

import pytest

from tests.simulation.checker import LIFECYCLE, name_of
from tests.simulation.trees import BY_HAND, PDF, Family, played
from tests.simulation.virtual_loop import pause

#: No sweep comes by unasked after the first ones.
RARELY = {"SWEEP__INTERVAL": "1h", "SWEEP__DEEP_INTERVAL": "1h"}
SPLIT = {"fate": "split"}


def family_of(told: list[Any]) -> set[tuple[int, str, int | None, bool]]:
    """Annotation, key, root, and whether an import is named, of events."""
    return {(e.number, e.key, e.data.get("root"), e.data.get("import_id") is not None) for e in told}


async def _split_twice(family: Family, name: str) -> tuple[int, list[int], list[int]]:
    """A root, its parts, and the parts of the first of these."""
    (root,) = await family.annotations(name)
    parts = await family.parts(name)
    for part in parts:
        await family.until_status(part, "to_review")
    await family.act(parts[0], "split")
    grandchildren = await family.parts(name.replace(".pdf", "_1.pdf"))
    for part in grandchildren:
        await family.until_status(part, "to_review")
    return root, parts, grandchildren


@pytest.mark.parametrize("hooks", [True, False], ids=["webhooks", "sweeps alone"])
@pytest.mark.parametrize("imported", [True, False], ids=["imported", "another door"])
def test_a_part_of_a_part_knows_its_root(*, hooks: bool, imported: bool) -> None:
    """All parts have the key, the import and the root of what was split first, whoever tells of them first."""

    async def story(family: Family) -> None:
        if imported:
            family.announce("doc-1", PDF, "whole.pdf", **SPLIT)
        else:
            await family.upload("whole.pdf", PDF, {"sandbox": {**BY_HAND, **SPLIT}})
        root, parts, grandchildren = await _split_twice(family, "whole.pdf")
        if hooks:
            await family.named("annotation.ready", *grandchildren, parts[1])

        await family.export(*grandchildren, parts[1])
        captured = await family.captured(*grandchildren, parts[1])
        split = await family.named("annotation.split", root, parts[0])
        ready = [event for event in family.told() if event.name == "annotation.ready"]

        key = "doc-1" if imported else f"rossum:{root}"
        assert family_of(captured) == {(number, key, root, imported) for number in (*grandchildren, parts[1])}
        assert family_of(split) == {(root, key, None, imported), (parts[0], key, root, imported)}
        assert {event.number: sorted(event.data["children"]) for event in split} == {
            root: sorted(parts),
            parts[0]: sorted(grandchildren),
        }
        assert {(event.key, event.data["root"]) for event in ready} <= {(key, root)}

    played(story, hooks=hooks)


@pytest.mark.parametrize("hooks", [True, False], ids=["webhooks", "sweeps alone"])
def test_a_part_with_the_metadata_of_its_root_knows_it(*, hooks: bool) -> None:
    """A mark that was inherited names the import, not the root: that is found all the same, and is no twin."""

    async def story(family: Family) -> None:
        await family.world.control("/behaviour", {"inherit_metadata": True})
        family.announce("doc-1", PDF, "whole.pdf", **SPLIT)
        root, parts, grandchildren = await _split_twice(family, "whole.pdf")
        await family.named("annotation.ready", *grandchildren, parts[1])

        await family.export(*grandchildren, parts[1])
        captured = await family.captured(*grandchildren, parts[1])
        await pause(30.0)

        events = [event for event in family.told() if event.number != root]
        assert family_of(captured) == {(number, "doc-1", root, True) for number in (*grandchildren, parts[1])}
        assert family_of(events) == {(number, "doc-1", root, True) for number in (*grandchildren, *parts)}
        assert [record for record in family.world.records(LIFECYCLE) if name_of(record) == "import.duplicate"] == []

    played(story, hooks=hooks)


@pytest.mark.parametrize("imported", [True, False], ids=["imported", "another door"])
def test_a_part_that_is_heard_of_first_waits_for_its_root(*, imported: bool) -> None:
    """Every webhook is lost until a part of a part is exported: its export is first, its root is found."""

    async def story(family: Family) -> None:
        await pause(5.0)
        await family.world.control("/hooks", {"loss": 1.0})
        if imported:
            family.announce("doc-1", PDF, "whole.pdf", **SPLIT)
        else:
            await family.upload("whole.pdf", PDF, {"sandbox": {**BY_HAND, **SPLIT}})
        root, _, grandchildren = await _split_twice(family, "whole.pdf")
        await family.world.control("/hooks", {"loss": 0.0})

        await family.export(*grandchildren)
        captured = await family.captured(*grandchildren)

        key = "doc-1" if imported else f"rossum:{root}"
        assert family_of(captured) == {(number, key, root, imported) for number in grandchildren}

    played(story, RARELY)


@pytest.mark.parametrize("hooks", [True, False], ids=["webhooks", "sweeps alone"])
def test_the_parts_of_a_split_during_an_outage_have_its_key(*, hooks: bool) -> None:
    """The connector is down for ten minutes, a document of ours is split and its parts are exported meanwhile."""

    async def story(family: Family) -> None:
        family.announce("doc-1", PDF, "whole.pdf")
        (root,) = await family.annotations("whole.pdf")
        await family.until_status(root, "to_review")
        await family.leave()
        await family.act(root, "split")
        parts = await family.parts("whole.pdf")
        for part in parts:
            await family.until_status(part, "to_review")
        await family.export(*parts)
        await pause(600.0)
        family.world.start_replica(0)

        assert family_of(await family.captured(*parts)) == {(number, "doc-1", root, True) for number in parts}

    played(story, hooks=hooks)
