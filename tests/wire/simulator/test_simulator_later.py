"""Exports without types, a later Rossum, and splits on request."""

from typing import Any

import pytest

from tests.wire.simulator.simulator_harness import UNREVIEWED, Rossum, id_in, running


def leaves(node: Any) -> list[dict[str, Any]]:
    """The datapoints of a content tree."""
    if isinstance(node, list):
        return [leaf for item in node for leaf in leaves(item)]
    return leaves(node.get("children", [])) if node["category"] != "datapoint" else [node]


async def exported(rossum: Rossum, form: str = "json") -> Any:
    """The export of the first queue."""
    return await rossum.get(f"/queues/8198/export?format={form}")


async def test_an_untyped_export_lacks_nothing_but_types() -> None:
    """JSON leaves have no type; everything else, and the other forms, are the same."""
    async with running() as rossum:
        await rossum.finished(1)
        typed, xml = await exported(rossum), await exported(rossum, "xml")
        await rossum.behave(untyped_exports=True)
        untyped, same = await exported(rossum), await exported(rossum, "xml")

    before, after = (leaves(answer["results"][0]["content"]) for answer in (typed, untyped))
    assert [{name: value for name, value in leaf.items() if name != "type"} for leaf in before] == after
    assert all("type" in leaf for leaf in before)
    assert xml == same


async def test_a_later_rossum_says_more_and_otherwise() -> None:
    """New statuses and fields on every object, new types and nodes in the export; filters know the old names."""
    async with running() as rossum:
        (number,) = await rossum.finished(1)
        today = (await exported(rossum))["results"][0]
        await rossum.behave(new_things=True)
        listed = (await rossum.get("/annotations?status=exported"))["results"]
        single = await rossum.annotation(number)
        document = await rossum.get(single["document"])
        later = (await exported(rossum))["results"][0]

    assert [row["status"] for row in listed] == [single["status"]] == [later["status"]] == ["archived"]
    assert all("novelty" in shown for shown in (single, document, later, *listed))
    assert {leaf["type"] for leaf in leaves(today["content"])} == {"string", "number", "date", "enum"}
    assert {"text", "choice"} <= {leaf["type"] for leaf in leaves(later["content"]) if isinstance(leaf["type"], str)}
    assert {node["category"] for node in later["content"]} == {"section", "figure", "datapoint"}


@pytest.mark.parametrize("inherit", [False, True])
async def test_a_part_can_be_split_again(*, inherit: bool) -> None:
    """Its parts stand below its own document; metadata is theirs only where the switch says so."""
    async with running(UNREVIEWED) as rossum:
        await rossum.behave(inherit_metadata=inherit)
        number = await rossum.import_one(metadata={"mine": 1})
        await rossum.until_status(number, "to_review")

        for _ in range(2):
            status, answer = await rossum.post(f"/sandbox/annotations/{number}/split")
            assert (status, answer["status"]) == (200, "split")
            parent = await rossum.annotation(number)
            parts = await _below(rossum, id_in(parent["document"]))
            assert [part["metadata"] for part in parts] == [{"mine": 1} if inherit else {}] * 2
            number = parts[0]["id"]


async def _below(rossum: Rossum, document: int) -> list[Any]:
    """The annotations of the documents below one."""
    found = (await rossum.get(f"/documents?parent={document}"))["results"]
    return [await rossum.annotation(id_in(url)) for child in found for url in child["annotations"]]
