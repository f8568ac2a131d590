"""Reads of the real client against the simulator, with its faults and its habits."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from connector.domain.ids import AnnotationId, QueueId, format_clock
from connector.domain.readings import ContentReading, Listing, Mark
from connector.errors import NotOurs, Retryable
from connector.ports import Lane
from tests.support.waiting import eventually
from tests.wire.rossum import client_harness as harness
from tests.wire.rossum.client_harness import IMPATIENT, PDF, QUEUE, QUICK, connected, sha256


async def test_a_hundred_single_reads_are_one_call() -> None:
    """Reads of many callers travel together."""
    async with connected() as side:
        ids = await side.finished(100)

        answers = await asyncio.gather(*(side.client.annotations([AnnotationId(number)]) for number in ids))

        assert [next(iter(answer)) for answer in answers] == ids
        assert await side.count("GET /annotations") == 1


async def test_exports_of_many_callers_are_one_call_a_queue() -> None:
    """Captured data comes with its revision, a hundred at a time."""
    async with connected() as side:
        ids = [AnnotationId(number) for number in await side.finished(150)]

        answers = await asyncio.gather(*(side.client.exports(QUEUE, [number]) for number in ids))
        listed = await side.client.annotations(ids)

        exports = {number: export for answer in answers for number, export in answer.items()}
        assert exports.keys() == set(ids)
        assert all(export.content and export.exported_at for export in exports.values())
        assert {n: export.exported_at for n, export in exports.items()} == {
            n: reading.clocks["exported_at"] for n, reading in listed.items()
        }
        assert await side.count("GET /queues/{id}/export") == 2


async def test_an_annotation_is_the_same_in_every_answer() -> None:
    """Singly or in bulk: equal status, clocks, metadata and mark."""
    async with connected() as side:
        await side.upload()
        number = (await side.until_imported("účet 7.pdf"))["annotations"][0]["id"]

        single = await side.client.annotation(number)
        bulk = (await side.client.annotations([number], lane=Lane.CAPTURED))[number]

        assert single is not None
        assert (single.clocks, single.mark, single.metadata) == (bulk.clocks, bulk.mark, bulk.metadata)
        assert single.mark == Mark("3f0c", "po-77")  # type: ignore[arg-type] # a literal id
        assert single.metadata == {"po": "77"}


async def test_what_is_gone_is_none() -> None:
    """A 404 in Rossum's words on a single object is an answer."""
    async with connected() as side:
        base = side.simulator.base_url

        assert await side.client.annotation(AnnotationId(1)) is None
        assert await side.client.task(f"{base}/tasks/1") is None
        assert await side.client.upload_object(f"{base}/uploads/1") is None
        assert await side.client.content(f"{base}/documents/1") is None
        assert await side.client.annotations([AnnotationId(1)]) == {}


@pytest.mark.parametrize(
    "action",
    [
        "status:500",
        "status:503",
        "drop-before",
        "drop-after",
        "garbage",
        "truncate",
        "delay:5",
        "drip:5",
        "content-type:text/html",
    ],
)
async def test_a_read_without_a_sensible_answer_is_retryable(action: str) -> None:
    """Every fault of an answer is one kind of error that names the endpoint, and ends in time."""
    async with connected(timeouts=IMPATIENT) as side:
        [number] = await side.finished(1)
        # The transport repeats a read on its own when a kept connection turns out to be closed.
        await side.fault(r"^/annotations/\d+$", action, times=2)

        async with asyncio.timeout(30):
            with pytest.raises(Retryable, match=r"GET /annotations/\{id\}"):
                await side.client.annotation(AnnotationId(number))


async def test_a_failed_bulk_call_fails_for_its_callers_only() -> None:
    """The next call is unharmed."""
    async with connected() as side:
        ids = await side.finished(2)
        await side.fault("^/annotations", "status:502")

        failed = await asyncio.gather(
            *(side.client.annotations([AnnotationId(number)]) for number in ids), return_exceptions=True
        )

        assert [type(error) for error in failed] == [Retryable, Retryable]
        assert len(await side.client.annotations([AnnotationId(number) for number in ids])) == 2


async def test_throttled_reads_wait_and_succeed() -> None:
    """A 429 is the budget's business: nobody above sees it, and nobody calls before its end."""
    async with connected() as side:
        ids = [AnnotationId(number) for number in await side.finished(2)]
        await side.fault("^/annotations", "retry-after:1")
        loop = asyncio.get_running_loop()
        started = loop.time()

        bulk, single = await asyncio.gather(side.client.annotations(ids), _later(side, ids[0]))

        assert len(bulk) == 2
        assert single is not None
        assert loop.time() - started >= 1.0
        assert sorted(str(call.status) for call in side.calls) == ["200", "200", "429"]


async def _later(side: harness.Side, number: AnnotationId) -> object:
    await eventually(lambda: side.client.budget.paused_for > 0, every=0.005)
    return await side.client.annotation(number)


async def test_a_queue_that_is_not_ours_says_so() -> None:
    """The status tells whose mistake it is."""
    async with connected() as side:
        with pytest.raises(NotOurs) as caught:
            await side.client.exports(QueueId(1), [AnnotationId(1)])

    assert caught.value.http_status == 404


async def test_a_sweep_walks_its_window() -> None:
    """Rows in the order of their clock, a total, and whether there is more; a page past the end is empty."""
    async with connected() as side:
        ids = await side.finished(130)
        now = await side.client.server_time()
        window = (format_clock(now - timedelta(hours=2)), format_clock(now + timedelta(seconds=5)))
        listing = Listing("exported_at", (QUEUE, QueueId(8199)), *window)

        first = await side.client.list_annotations(listing)
        second = await side.client.list_annotations(replace(listing, page=2))
        beyond = await side.client.list_annotations(replace(listing, page=3))

    clocks = [row.clocks["exported_at"] for row in (*first.rows, *second.rows)]
    assert (len(first.rows), len(second.rows), len(beyond.rows)) == (100, 30, 0)
    assert (first.total, first.more, second.more, beyond.more) == (130, True, False, False)
    assert clocks == sorted(clocks)
    assert {row.id for row in (*first.rows, *second.rows)} == set(ids)
    assert {(row.status, row.queue) for row in first.rows} == {("exported", QUEUE)}


@pytest.mark.parametrize(
    "clock", ["confirmed_at", "rejected_at", "export_failed_at", "deleted_at", "purged_at", "arrived_at"]
)
async def test_every_clock_can_be_swept(clock: str) -> None:
    """No clock's listing is refused."""
    async with connected() as side:
        await side.upload()
        await side.until_imported("účet 7.pdf")
        now = await side.client.server_time()

        window = (format_clock(now - timedelta(hours=1)), format_clock(now + timedelta(seconds=5)))
        found = await side.client.list_annotations(Listing(clock, (QUEUE,), *window))

    assert [clock in row.clocks for row in found.rows] == ([True] if clock == "arrived_at" else [])


async def test_documents_are_found_by_name_and_window() -> None:
    """All pages, oldest first; the digest of the bytes is theirs."""
    async with connected() as side:
        for name in ["a.pdf", "b.pdf", "a.pdf"]:
            await side.upload(file_name=name)
        before = await side.client.server_time() + timedelta(minutes=1)
        window = {"after": before - timedelta(minutes=5), "before": before}

        named = await side.client.find_documents(file_name="a.pdf", **window)
        every = await side.client.find_documents(file_name=None, **window)
        by_id = await side.client.documents([document.id for document in every])
        content = await side.client.content(named[0].url)

    assert [document.file_name for document in named] == ["a.pdf", "a.pdf"]
    assert [document.created_at for document in every] == sorted(document.created_at for document in every)
    assert set(by_id) == {document.id for document in every}
    assert len(by_id) == 3
    assert content == ContentReading(sha256(PDF), len(PDF))


async def test_a_search_of_many_pages_is_read_to_its_end() -> None:
    """What it missed would be imported twice."""
    async with connected() as side:
        await side.finished(230)
        now = await side.client.server_time()

        found = await side.client.find_documents(
            file_name=None, after=now - timedelta(days=2), before=now + timedelta(minutes=1)
        )

    assert len({document.id for document in found}) == 230


async def test_searches_that_fall_together_share_their_calls() -> None:
    """A window of one page is read once for all names; of more pages, each name is asked for where that is fewer."""
    async with connected() as side:
        for name in ("a.pdf", "b.pdf"):
            await side.upload(file_name=name)
        now = await side.client.server_time()

        async def search(days: int, *names: str) -> list[list[str]]:
            window = {"after": now - timedelta(days=days), "before": now + timedelta(minutes=1)}
            found = await asyncio.gather(*(side.client.find_documents(file_name=name, **window) for name in names))
            return [[document.file_name for document in documents] for documents in found]

        small = await search(1, "a.pdf", "b.pdf", "c.pdf")
        for_one_page = await side.count("GET /documents")
        await side.finished(230)
        large = await search(2, "a.pdf", "b.pdf")
        for_two_names = await side.count("GET /documents") - for_one_page
        walked = await search(2, "a.pdf", "b.pdf", "c.pdf")
        for_three_pages = await side.count("GET /documents") - for_one_page - for_two_names

    assert small == walked == [["a.pdf"], ["b.pdf"], []]
    assert large == [["a.pdf"], ["b.pdf"]]
    assert (for_one_page, for_two_names, for_three_pages) == (1, 1 + 2, 1 + 3)


async def test_children_are_the_documents_below_one() -> None:
    """A document without children has none."""
    async with connected() as side:
        await side.upload(metadata={"sandbox": {"fate": "split"}})
        root = (await side.until_imported("účet 7.pdf"))["id"]
        children = await eventually(lambda: side.client.children(root))

        none = await side.client.children(children[0].id)

    assert {child.parent for child in children} == {root}
    assert none == []


async def test_rossums_time_is_known_from_its_answers() -> None:
    """One call a minute at most, and a shift of Rossum's clock is followed."""
    async with connected() as side:
        await side.control("POST", "/time", {"shift": 3600})
        here = side.client.now()

        there = await side.client.server_time()
        for _ in range(20):
            await side.client.server_time()

        assert timedelta(seconds=3590) < there - here < timedelta(seconds=3610)
        assert await side.count("GET /organizations") == 1


async def test_calls_are_reported_with_bounded_names() -> None:
    """Metrics get the lane, the template and the status."""
    async with connected() as side:
        await side.client.annotation(AnnotationId(1))

        [call] = side.calls

    assert (call.lane, call.method, call.endpoint, call.status) == (Lane.READS, "GET", "/annotations/{id}", 404)
    assert 0 <= call.seconds < 5


async def test_a_closed_client_leaves_nobody_waiting() -> None:
    """Callers under way are told when the process ends."""
    async with connected(QUICK, requests_per_second=0.5) as side:
        callers = [asyncio.create_task(side.client.annotation(AnnotationId(n))) for n in (1, 2, 3)]
        bulk = asyncio.create_task(side.client.annotations([AnnotationId(4)]))
        await eventually(callers[0].done, every=0.01)

    outcomes = await asyncio.gather(*callers[1:], bulk, return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [Retryable, Retryable, Retryable]
