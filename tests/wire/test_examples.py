"""The example applications with what the sample documents do not show; all the rest is in the README's sessions."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import make_mocked_request

from examples.captured import values
from examples.embedded import Documents, main

Answer = Callable[[web.Request], Awaitable[web.Response]]
BACK = "http://127.0.0.1:8000/back"


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        ({"fields": {"amount_total": {"value": "12.5"}, "notes": {"value": "-"}}}, "amount_total=12.5"),
        ({"fields": {"total": {"value": "12.5"}, "due": {"value": None}}}, "total=12.5 due=None"),
        ({"omitted": ["content", "tables", "fields"], "content_url": "…"}, "without content, tables, fields"),
        ({"fields": {}}, "without fields"),
    ],
)
def test_captured_prints_what_there_is(data: dict[str, Any], shown: str) -> None:
    """Settings select and rename fields; a record that would be too large has none."""
    assert values(data) == shown


async def test_embedded_shows_the_documents_of_its_queue() -> None:
    """The topic tells of all queues; a document that moves to another is no longer this application's."""
    async with connector(url=refused_by_a_proxy) as documents:
        documents.hear(event(4712, queue=8199), "ready")
        documents.hear(event(4713, queue=8198), "ready")
        begun = await listed(documents)
        documents.hear(event(4711, queue=8199), "ready")

        assert begun == [4711, 4713]
        assert await listed(documents) == [4713]


async def test_embedded_tells_what_a_proxy_answers() -> None:
    """A page of a proxy's is no problem document: its status is what there is to tell."""
    async with connector(url=refused_by_a_proxy) as documents:
        answer = await documents.open(opening(4711))

    assert answer.status == 503
    assert answer.text is not None
    assert answer.text.startswith("HTTP 503 from http://127.0.0.1:")


async def test_embedded_leads_back_to_itself_whatever_the_request_says() -> None:
    """A `Host` header can't send a user of the screen to somebody else's site."""
    orders: list[dict[str, Any]] = []

    async def url(request: web.Request) -> web.Response:
        orders.append(await request.json())
        return web.json_response({"annotation": 4711, "url": "https://rossum.example.com/", "status": "to_review"})

    async with connector(url=url) as documents:
        answer = await documents.open(opening(4711))

    assert answer.status == 200
    assert [{order[name] for name in order if name.endswith("_url")} for order in orders] == [{BACK}]


async def test_embedded_wants_its_token_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it nothing is begun."""
    monkeypatch.delenv("CONNECTOR_OPS__TOKEN", raising=False)

    with pytest.raises(SystemExit, match="set CONNECTOR_OPS__TOKEN"):
        await main("127.0.0.1:1", "topic", "http://127.0.0.1:1", "invoices", 0)


@asynccontextmanager
async def connector(url: Answer) -> AsyncIterator[Documents]:
    """The application after it has asked a connector with one ready document; `url` answers who opens one."""

    async def ready(_request: web.Request) -> web.Response:
        return web.json_response({"queue": 8198, "complete": True, "ready": [event(4711, queue=8198)]})

    app = web.Application()
    app.router.add_get("/v1/queues/invoices/ready", ready)
    app.router.add_post("/v1/annotations/4711/embedded-url", url)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with ClientSession() as http:
            documents = Documents(f"http://127.0.0.1:{runner.addresses[0][1]}", http, back=BACK)
            await documents.ask("invoices")
            yield documents
    finally:
        await runner.cleanup()


async def refused_by_a_proxy(_request: web.Request) -> web.Response:
    """A page for people."""
    return web.Response(status=503, text="<h1>Service unavailable</h1>", content_type="text/html")


def event(annotation: int, *, queue: int) -> dict[str, Any]:
    """As far as the application looks."""
    return {"document_key": "doc-7", "annotation": {"id": annotation, "status": "to_review", "queue": queue}}


def opening(annotation: int) -> web.Request:
    """Somebody opens a document, by a name of their own for this host."""
    headers = {"Host": "elsewhere.example.com"}
    return make_mocked_request("GET", f"/open/{annotation}", headers, match_info={"annotation": str(annotation)})


async def listed(documents: Documents) -> list[int]:
    """The ids on the page."""
    text = (await documents.show(opening(0))).text
    return [one["annotation"] for one in json.loads(text or "[]")]
