"""A web application whose users validate documents in Rossum's own screen, without leaving the application.

`CONNECTOR_OPS__TOKEN=… python examples/embedded.py kafka:9092 rossum.documents.lifecycle http://connector:9090 invoices
[PORT]`

It asks the connector once what is ready, then follows Kafka: `annotation.ready`, and what becomes of the document
afterwards. The URL of the screen is made when somebody opens a document. It holds a token, so it is never kept.
"""

import asyncio
import json
import os
import sys
from html import escape
from typing import Any

from aiohttp import ClientError, ClientResponse, ClientSession, web
from aiokafka import AIOKafkaConsumer

LIST = """<!doctype html><meta charset="utf-8"><title>Documents</title><h1>Documents</h1><ul id="documents"></ul>
<script>
async function refresh() {
  const documents = await (await fetch("/documents")).json();
  document.getElementById("documents").replaceChildren(...documents.map((one) => {
    const item = document.createElement("li"), name = document.createElement(one.ready ? "a" : "span");
    name.textContent = one.name;
    if (one.ready) name.href = "/open/" + one.annotation;
    item.append(name, " " + one.status);
    return item;
  }));
  setTimeout(refresh, 500);
}
refresh();
</script>"""
FRAME = """<!doctype html><meta charset="utf-8"><title>{name}</title><h1>{name}</h1><p><a href="/">All documents</a></p>
<iframe src="{url}" width="100%" height="600"></iframe>"""
#: Rossum leads the frame here when its user has finished. That proves nothing: what became of the document tells Kafka.
BACK = """<!doctype html><meta charset="utf-8"><title>Done</title><script>window.top.location.replace("/")</script>"""
EVENTS = "ai.rossum.connector.annotation."
PRIVATE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


class Documents:
    """The documents of a queue that this application knows, and how it asks the connector.

    Attributes:
        back: Where Rossum's screen leads. It is this application's own address (behind a proxy the public one), never
            what a request's `Host` header says: that can be anything.
    """

    def __init__(self, ops: str, http: ClientSession, *, back: str) -> None:
        self.back = back
        self._ops = ops
        self._queue = 0
        self._http = http
        self._known: dict[int, dict[str, Any]] = {}

    async def ask(self, queue: str) -> None:
        """Ask what is ready now, and which id the queue has."""
        async with self._http.get(f"{self._ops}/v1/queues/{queue}/ready") as answer:
            if answer.status != web.HTTPOk.status_code:
                sys.exit(f"the connector does not tell what is ready: {await refusal(answer)}")
            told = await answer.json()
        self._queue = told["queue"]
        for data in told["ready"]:
            self._take(data, "asked", "ready")

    async def follow(self, bootstrap: str, topic: str) -> None:
        """Follow what Kafka tells; all of it from the beginning, since nothing is kept here."""
        consumer = AIOKafkaConsumer(
            topic, bootstrap_servers=bootstrap, isolation_level="read_committed", auto_offset_reset="earliest"
        )
        async with consumer:
            async for record in consumer:
                headers = {name: value.decode() for name, value in record.headers}
                if headers["ce_type"].startswith(EVENTS):
                    self.hear(json.loads(record.value), headers["ce_type"].removeprefix(EVENTS))

    def hear(self, data: dict[str, Any], what: str) -> None:
        """Take an event in; the topic tells of all queues, and a document may have moved to another."""
        if data["annotation"]["queue"] == self._queue:
            self._take(data, "told", what)
        else:
            self._known.pop(data["annotation"]["id"], None)

    def _take(self, data: dict[str, Any], how: str, what: str) -> None:
        annotation, document = data["annotation"], data.get("document", {})
        name = document.get("file_name") or self._known.get(annotation["id"], {}).get("name") or data["document_key"]
        self._known[annotation["id"]] = {"annotation": annotation["id"], "name": name, "status": annotation["status"]}
        self._say(f"{how:6}  {name}  annotation {annotation['id']} is {what}")

    def _say(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    async def show(self, _request: web.Request) -> web.Response:
        """The list as the page shows it."""
        return web.json_response([one | {"ready": one["status"] == "to_review"} for one in self._known.values()])

    async def open(self, request: web.Request) -> web.Response:
        """A page with the document in Rossum's screen."""
        known = self._known.get(int(request.match_info["annotation"]))
        if known is None:
            raise web.HTTPNotFound(text="This application knows no such document.")
        back = self.back
        order = {"return_url": back, "cancel_url": back, "postpone_url": back, "max_token_lifetime_s": 1800}
        url = f"{self._ops}/v1/annotations/{known['annotation']}/embedded-url"
        try:
            async with self._http.post(url, json=order) as answer:
                if answer.status != web.HTTPOk.status_code:
                    return web.Response(status=answer.status, text=await refusal(answer))
                made = await answer.json()
        except ClientError as error:
            raise web.HTTPBadGateway(text=f"The connector does not answer: {error}") from error
        self._say(f"opened  {known['name']}  annotation {known['annotation']}")
        page = FRAME.format(name=escape(known["name"]), url=escape(made["url"]))
        return web.Response(text=page, content_type="text/html", headers=PRIVATE)


async def refusal(answer: ClientResponse) -> str:
    """What the connector says against it; a proxy between may answer with anything, or with nothing."""
    try:
        return str(json.loads(await answer.text(errors="replace"))["detail"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {answer.status} from {answer.url.origin()}"


async def page(text: str) -> web.Response:
    """A page that is always the same."""
    return web.Response(text=text, content_type="text/html")


async def main(bootstrap: str, topic: str, ops: str, queue: str, port: int) -> None:
    """Serve until somebody ends it."""
    token = os.environ.get("CONNECTOR_OPS__TOKEN")
    if not token:
        sys.exit("set CONNECTOR_OPS__TOKEN to the connector's OPS__TOKEN: its API wants that token")
    async with ClientSession(headers={"Authorization": f"Bearer {token}"}) as http:
        documents = Documents(ops, http, back=f"http://127.0.0.1:{port}/back")
        try:
            await documents.ask(queue)
        except ClientError as error:
            sys.exit(f"the connector does not answer: {error}")
        application = web.Application()
        application.add_routes(
            [
                web.get("/", lambda _: page(LIST)),
                web.get("/back", lambda _: page(BACK)),
                web.get("/documents", documents.show),
                web.get("/open/{annotation:[0-9]{1,18}}", documents.open),
            ]
        )
        runner = web.AppRunner(application)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        await documents.follow(bootstrap, topic)


if __name__ == "__main__":
    if len(sys.argv) not in {5, 6}:
        sys.exit(__doc__)
    kafka, lifecycle, connector, served = sys.argv[1:5]
    asyncio.run(main(kafka, lifecycle, connector, served, int(sys.argv[5]) if len(sys.argv) > 5 else 8000))
