"""Lists: filters, bounds, order, pages, ties, lag, search, and the same answer by every way."""

import random
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.wire.simulator.simulator_harness import UNREVIEWED, HandClock, Rossum, running

START = 1_700_000_000  # 2023-11-14T22:13:20Z
DAY = {"from": START, "to": START + 100}


async def _ids(rossum: Rossum, query: str) -> list[int]:
    body = await rossum.get(f"/annotations?fields=id&page_size=100&{query}")
    return [row["id"] for row in body["results"]]


async def test_filters_are_anded_and_take_lists() -> None:
    """status, queue and id take comma lists; several filters must all hold."""
    async with running(UNREVIEWED) as rossum:
        exported = await rossum.finished(3, queue=8198, status="exported")
        rejected = await rossum.finished(2, queue=8199, status="rejected")
        by_status = await _ids(rossum, "status=exported,rejected")
        by_queue = await _ids(rossum, "queue=8199")
        by_id = await _ids(rossum, f"id={rejected[0]},{exported[0]}")
        by_both = await _ids(rossum, f"status=rejected&id={rejected[0]},{exported[0]}")
        document = (await rossum.annotation(exported[1]))["document"].rpartition("/")[2]
        by_document = await _ids(rossum, f"document={document}")

    assert by_status == exported + rejected
    assert by_queue == rejected
    assert by_id == [exported[0], rejected[0]]
    assert by_both == [rejected[0]]
    assert by_document == [exported[1]]


async def test_empty_parameters_count_as_absent() -> None:
    """The empty parameters that the vendor's SDK sends with every list change nothing."""
    async with running(UNREVIEWED) as rossum:
        numbers = await rossum.finished(2)
        found = await _ids(rossum, "ordering=&sideload=&content.schema_id=&include_total=true&status=")

    assert found == numbers


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("status=gone", "status"),
        ("id=x", "id"),
        ("exported_at_after=soon", "exported_at_after"),
        ("queue=a", "queue"),
    ],
)
async def test_unusable_filters_name_their_field(query: str, field: str) -> None:
    """A value that cannot be used is a 400 with the name of the filter."""
    async with running(UNREVIEWED) as rossum:
        status, body = await rossum.send("GET", f"/annotations?{query}")

    assert (status, list(body)) == (400, [field])


@pytest.mark.parametrize(("inclusive", "found"), [(False, [1, 2, 3]), (True, [0, 1, 2, 3, 4])])
async def test_bounds_are_exclusive_unless_told(found: list[int], *, inclusive: bool) -> None:
    """Rows at the very bounds are in only with ``bounds_inclusive``, by the index and by the search alike."""
    window = "exported_at_after=2023-11-14T22:13:20Z&exported_at_before=2023-11-14 22:15:00"
    async with running(UNREVIEWED) as rossum:
        await rossum.behave(bounds_inclusive=inclusive)
        numbers = await rossum.finished(5, **DAY)
        walked = await _ids(rossum, f"{window}&ordering=exported_at,document")
        searched = await _ids(rossum, window)

    assert walked == searched == [numbers[place] for place in found]


async def test_bounds_may_lose_their_fraction() -> None:
    """With ``filter_seconds`` a bound inside a second counts as the beginning of it."""
    async with running(UNREVIEWED) as rossum:
        numbers = await rossum.finished(2, **{"from": START + 0.25, "to": START + 0.75})
        exact = await _ids(rossum, "exported_at_after=2023-11-14T22:13:20.5Z")
        await rossum.behave(filter_seconds=True)
        whole = await _ids(rossum, "exported_at_after=2023-11-14T22:13:20.5Z")

    assert exact == numbers[1:]
    assert whole == numbers


async def test_order_is_by_clock_then_document() -> None:
    """Ties of a clock are ordered by document, a minus turns the order, no order means by id."""
    async with running(UNREVIEWED) as rossum:
        late = await rossum.finished(2, **{"from": START + 50, "to": START + 60})
        tied = await rossum.finished(3, **{"from": START, "to": START})
        ascending = await _ids(rossum, "ordering=exported_at,document&exported_at_after=2020-01-01")
        descending = await _ids(rossum, "ordering=-exported_at&exported_at_after=2020-01-01")
        unordered = await _ids(rossum, "exported_at_after=2020-01-01")

    assert ascending == tied + late
    assert descending == [late[1], late[0], *tied]
    assert unordered == late + tied


async def test_ties_are_ordered_by_document_not_by_id() -> None:
    """A later copy of an earlier document comes before a later document with the same clock."""
    async with running(UNREVIEWED) as rossum:
        first, second = await rossum.finished(2, status="to_review")
        _, copied = await rossum.post(f"/sandbox/annotations/{first}/copy")
        await rossum.behave(tied_clocks=3)
        for number in (second, copied["id"], first):
            await rossum.post(f"/sandbox/annotations/{number}/status", {"status": "rejected"})
        window = "rejected_at_after=2020-01-01"
        walked = await _ids(rossum, f"{window}&ordering=rejected_at,document")
        searched = await _ids(rossum, f"{window}&ordering=rejected_at,document,queue")

    assert walked == searched == [first, copied["id"], second]


async def test_pages_link_to_each_other() -> None:
    """Walking ``next`` gives every row once; page_size is clamped to 100; past the end is a 404."""
    async with running(UNREVIEWED) as rossum:
        numbers = await rossum.finished(250)
        seen: list[int] = []
        address: str | None = "/annotations?page_size=1000&fields=id"
        while address:
            body = await rossum.get(address)
            seen += [row["id"] for row in body["results"]]
            address = body["pagination"]["next"]
        beyond = await rossum.send("GET", "/annotations?page_size=100&page=4")
        first = await rossum.get("/annotations?page=2")

    assert seen == numbers
    assert body["pagination"]["total"] == 250
    assert body["pagination"]["total_pages"] == 3
    assert dict(parse_qsl(urlsplit(body["pagination"]["previous"]).query))["page"] == "2"
    assert beyond == (404, {"detail": "Invalid page."})
    assert len(first["results"]) == 20


async def test_an_empty_list_has_one_page() -> None:
    """Nothing found: total 0, one page, no neighbours."""
    async with running(UNREVIEWED) as rossum:
        body = await rossum.get("/annotations")

    empty = {"total": 0, "total_pages": 1, "next": None, "previous": None}
    assert body == {"pagination": empty, "results": []}


async def test_fields_and_sideloads_shape_the_answer() -> None:
    """``fields`` keeps, ``fields!`` leaves out, ``sideload`` adds the linked objects once."""
    async with running(UNREVIEWED) as rossum:
        await rossum.finished(2)
        kept = await rossum.get("/annotations?fields=id,status")
        left_out = await rossum.get("/annotations?fields!=metadata,pages")
        loaded = await rossum.get("/annotations?sideload=documents,queues,modifiers,schemas,emails")

    assert set(kept["results"][0]) == {"id", "status"}
    assert not {"metadata", "pages"} & set(left_out["results"][0])
    assert {document["url"] for document in loaded["documents"]} == {row["document"] for row in loaded["results"]}
    assert [queue["id"] for queue in loaded["queues"]] == [8198]
    assert [user["username"] for user in loaded["modifiers"]] == ["reviewer@example.com"]
    assert loaded["schemas"][0]["content"][0]["category"] == "section"
    assert loaded["emails"] == []


async def test_lists_may_lag_behind() -> None:
    """With ``list_lag`` list and export show the past, rows and values alike; a single read the present."""
    clock = HandClock()
    async with running(UNREVIEWED, clock) as rossum:
        (number,) = await rossum.finished(1, status="to_review")
        await rossum.behave(list_lag=60)
        young = await _ids(rossum, "status=to_review")
        clock.passed += 60
        visible = await _ids(rossum, "status=to_review")
        await rossum.post(f"/sandbox/annotations/{number}/status", {"status": "rejected"})
        single = (await rossum.annotation(number))["status"]
        listed = (await rossum.get(f"/annotations?id={number}"))["results"][0]
        exported = (await rossum.get(f"/queues/8198/export?id={number}"))["results"][0]
        hidden = await _ids(rossum, "rejected_at_after=2020-01-01")
        clock.passed += 60
        caught = await _ids(rossum, "rejected_at_after=2020-01-01&ordering=rejected_at")

    assert (young, visible) == ([], [number])
    assert single == "rejected"
    assert (listed["status"], listed["rejected_at"], exported["status"]) == ("to_review", None, "to_review")
    assert hidden == []
    assert caught == [number]


async def test_every_way_gives_the_same_rows() -> None:
    """After random changes the indexed walk, the search and a plain scan agree on rows and totals."""
    chance = random.Random(7)  # noqa: S311 - a seeded test, nothing secret
    async with running(UNREVIEWED) as rossum:
        numbers = await rossum.finished(60, queue=8198, **DAY) + await rossum.finished(60, queue=8199, **DAY)
        await _ids(rossum, "ordering=exported_at&exported_at_after=2020-01-01")
        for number in chance.sample(numbers, 40):
            status = chance.choice(["exported", "rejected", "to_review"])
            await rossum.post(f"/sandbox/annotations/{number}/status", {"status": status})
        window = "exported_at_after=2023-11-14T22:13:50Z&queue=8198,8199&status=exported"
        walked = await rossum.get(f"/annotations?{window}&ordering=exported_at,document&page_size=100")
        searched = await rossum.get(f"/annotations?{window}&ordering=exported_at,document,queue&page_size=100")
        every = [await rossum.annotation(number) for number in numbers]

    def wanted(row: Any) -> bool:
        return bool(row["status"] == "exported" and row["exported_at"] > "2023-11-14T22:13:50.000000Z")

    scanned = sorted(filter(wanted, every), key=lambda row: (row["exported_at"], row["document"]))
    assert [row["id"] for row in walked["results"]] == [row["id"] for row in scanned]
    assert walked["results"] == searched["results"]
    assert walked["pagination"]["total"] == len(scanned)


async def test_search_walks_by_cursor() -> None:
    """POST search filters by conditions and goes on by a cursor that no other query may use."""
    condition: dict[str, Any] = {"query": {"$and": [{"status": {"$in": ["exported"]}}, {"queue": {"$eq": 8198}}]}}
    async with running(UNREVIEWED) as rossum:
        numbers = await rossum.finished(5, queue=8198)
        await rossum.finished(2, queue=8199)
        _, first = await rossum.post("/annotations/search?page_size=3&ordering=id", condition)
        _, second = await rossum.post(first["pagination"]["next"], condition)
        changed, _ = await rossum.post(first["pagination"]["next"], {})
        stale, _ = await rossum.post("/annotations/search?search_after=old", {})

    assert [row["id"] for row in first["results"] + second["results"]] == numbers
    assert second["pagination"]["next"] is None
    assert (changed, stale) == (400, 410)


async def test_documents_are_found_by_name_and_time() -> None:
    """Documents are listed by original_file_name, creation window and parent."""
    async with running(UNREVIEWED) as rossum:
        await rossum.upload(name="one.pdf")
        await rossum.upload(name="two.pdf")
        (one,) = (await rossum.get("/documents?original_file_name=one.pdf"))["results"]
        after = await rossum.get(f"/documents?created_at_after={one['created_at']}")
        before = await rossum.get(f"/documents?created_at_before={one['created_at']}&original_file_name=one.pdf")
        children = await rossum.get(f"/documents?parent={one['id']}")

    assert set(one) >= {"s3_name", "attachment_status", "arrived_at", "mime_type", "creator"}
    assert [document["original_file_name"] for document in after["results"]] == ["two.pdf"]
    assert before["pagination"]["total"] == children["pagination"]["total"] == 0


@pytest.mark.parametrize(
    ("order", "places"),
    [
        ("-modifier__username", [1, 0]),
        ("modified_by", [1, 0]),
        ("rejected_by", [0, 1]),
        ("-rejected_by__username", [1, 0]),
        ("creator,-created_at", [1, 0]),
        ("-document__original_file_name", [1, 0]),
    ],
)
async def test_lists_are_ordered_by_people_and_names(order: str, places: list[int]) -> None:
    """People by id or user name, files by name; what nobody did comes first."""
    async with running(UNREVIEWED) as rossum:
        numbers = await rossum.finished(2, status="exported")
        await rossum.post(f"/sandbox/annotations/{numbers[1]}/status", {"status": "rejected"})
        ordered = await _ids(rossum, f"ordering={order}")

    assert ordered == [numbers[place] for place in places]
