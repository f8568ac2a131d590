"""What Rossum does not document: the switches of exports and webhooks, in both positions."""

import csv
import io
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from aiohttp import web

from tests.wire.simulator.simulator_harness import UNREVIEWED, Received, Rossum, receiving, running

EXPORT = "/queues/8198/export"
LATER = ("automated", "modified_at", "assigned_at")


@pytest.mark.parametrize(
    ("form", "start"), [("json", b'{"pag'), ("csv", b"Invoice"), ("xml", b"<?xml"), ("xlsx", b"PK\x03\x04")]
)
async def test_what_an_export_is_by_default(form: str, start: bytes) -> None:
    """``export_format`` decides when neither ``format`` nor ``Accept`` does."""
    async with running(UNREVIEWED) as rossum:
        await rossum.behave(export_format=form)
        async with rossum.http.get(rossum.simulator.base_url + EXPORT) as answer:
            body = await answer.read()
        _, asked = await rossum.send("GET", EXPORT, headers={"Accept": "text/csv"})

    assert body.startswith(start)
    assert asked.startswith("Invoice")


async def _rows(rossum: Rossum, query: str) -> list[list[str]]:
    _, text = await rossum.send("GET", f"{EXPORT}?format=csv&columns=document_id,item_amount&{query}")
    return list(csv.reader(io.StringIO(text, newline="")))


async def test_how_many_annotations_xml_gives() -> None:
    """``xml_page``: all, or so many unless the query says how many."""
    async with running(UNREVIEWED) as rossum:
        await rossum.finished(5)
        found = []
        for page, query in ((0, ""), (2, ""), (2, "&page_size=4")):
            await rossum.behave(xml_page=page)
            _, text = await rossum.send("GET", f"{EXPORT}?format=xml{query}")
            found.append(len(ET.fromstring(text).findall("results/annotation")))  # noqa: S314 - our own answer
        pages = ET.fromstring(text).findtext("pagination/total_pages")  # noqa: S314 - likewise

    assert found == [5, 2, 4]
    assert pages == "2"


async def test_how_line_items_are_laid_out() -> None:
    """``csv_layout``: a row for each line item, or one for each annotation."""
    async with running(UNREVIEWED) as rossum:
        await rossum.finished(8)
        items = await _rows(rossum, "")
        await rossum.behave(csv_layout="documents")
        documents = await _rows(rossum, "")

    assert len(documents) == 1 + 8
    assert len(items) > len(documents)
    assert all(row in items for row in documents)


async def test_which_keys_an_export_has() -> None:
    """``lean_export``: JSON and XML without the three keys that older captures lack; tables leave them empty."""
    async with running(UNREVIEWED) as rossum:
        await rossum.finished(1)
        (full,) = (await rossum.get(EXPORT))["results"]
        await rossum.behave(lean_export=True)
        (lean,) = (await rossum.get(EXPORT))["results"]
        _, text = await rossum.send("GET", f"{EXPORT}?format=xml")
        _, table = await rossum.send("GET", f"{EXPORT}?format=csv&columns=meta_automated")

    assert {name: value for name, value in full.items() if name not in LATER} == lean
    assert set(LATER) <= set(full)
    assert not any(f"<{name}" in text for name in LATER)
    assert set(table.splitlines()[1:]) == {'""'}


@pytest.mark.parametrize("target", ["nothing", "exporting", "exported"])
async def test_what_a_bare_post_moves(target: str) -> None:
    """``bare_post_moves``: POST without ``to_status`` leaves things alone, or moves them."""
    async with running(UNREVIEWED) as rossum:
        (number,) = await rossum.finished(1, status="confirmed")
        await rossum.behave(bare_post_moves=target)
        await rossum.get(EXPORT)
        before = await rossum.annotation(number)
        _, body = await rossum.post(EXPORT)
        await rossum.until_status(number, "confirmed" if target == "nothing" else "exported")

    assert before["status"] == "confirmed"
    assert body["results"][0]["status"] == ("confirmed" if target == "nothing" else target)


async def _two_attempts(**switches: Any) -> list[Received]:
    """The calls of a hook that is told of one change and takes it at the second attempt."""
    async with receiving() as receiver, running(UNREVIEWED) as rossum:
        await rossum.behave(hook_pause=0.01, **switches)
        receiver.answers["/"] = [503]
        await rossum.hook(f"{receiver.url}/", "annotation_status.changed")
        (number,) = await rossum.finished(1, status="to_review")
        await rossum.post(f"/sandbox/annotations/{number}/status", {"status": "postponed"})
        return await receiver.wait_for_calls(2)


@pytest.mark.parametrize("renewed", [False, True])
async def test_whether_attempts_share_their_request_id(*, renewed: bool) -> None:
    """``hook_new_request_ids``: each attempt says the same, but for the id; ``hook_pause`` makes them quick."""
    first, second = await _two_attempts(hook_new_request_ids=renewed)

    told = [{name: value for name, value in call.payload.items() if name != "request_id"} for call in (first, second)]
    assert told[0] == told[1]
    assert (first.payload["request_id"] != second.payload["request_id"]) is renewed


async def test_which_headers_a_webhook_has() -> None:
    """``hook_extra_headers``: the id of the delivery and a user agent, besides what is documented."""
    (plain, _), (more, _) = await _two_attempts(), await _two_attempts(hook_extra_headers=True)

    assert "X-Rossum-Request-ID" not in plain.headers
    assert "Rossum" not in plain.headers["User-Agent"]
    assert more.headers["X-Rossum-Request-ID"] == more.payload["request_id"]
    assert more.headers["User-Agent"].startswith("Rossum-Hooks/")


async def _talk(_: web.BaseRequest) -> web.Response:
    return web.Response(text="thank you")


@pytest.mark.parametrize(("json_only", "status"), [(False, "exported"), (True, "failed_export")])
async def test_whether_a_content_hook_must_answer_json(status: str, *, json_only: bool) -> None:
    """``hook_json_only``: a 2xx with other words fails the export, or does not matter."""
    runner = web.ServerRunner(web.Server(_talk), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with running(UNREVIEWED) as rossum:
            await rossum.behave(hook_json_only=json_only)
            url = "http://{}:{}/".format(*runner.addresses[0][:2])
            await rossum.hook(url, "annotation_content.export")
            (number,) = await rossum.finished(1, status="confirmed")
            await rossum.post(f"{EXPORT}?to_status=exporting")
            await rossum.until_status(number, status)
    finally:
        await runner.cleanup()


async def test_an_event_that_only_the_client_knows() -> None:
    """``interface_event``: `invocation.interface` is refused, or kept."""
    body = {"name": "n", "queues": [], "events": ["invocation.interface"], "config": {"url": "http://127.0.0.1:9/"}}
    async with running(UNREVIEWED) as rossum:
        refused, _ = await rossum.post("/hooks", body)
        await rossum.behave(interface_event=True)
        made, hook = await rossum.post("/hooks", body)

    assert (refused, made) == (400, 201)
    assert hook["events"] == ["invocation.interface"]
