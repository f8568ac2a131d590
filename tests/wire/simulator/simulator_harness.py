"""A simulator on a free port with a client beside it, and a receiver for its webhooks."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp
from aiohttp import web

from connector.sandbox.simulator.clock import SimulatorClock
from connector.sandbox.simulator.server import Simulator, SimulatorOptions

QUICK = SimulatorOptions(rate_limit=0, processing=0.0, review=0.0)
UNREVIEWED = replace(QUICK, review=-1.0)
PDF = b"%PDF-1.7\nan invoice"
DEADLINE = 60.0  # seconds until a condition must hold
_LOOK = 0.02  # seconds between looks


class HandClock(SimulatorClock):
    """A clock whose monotonic seconds pass only when a test adds them."""

    def __init__(self) -> None:
        super().__init__(monotonic=lambda: self.passed)
        self.passed = 0.0


@dataclass(frozen=True)
class Rossum:
    """A running simulator as a client sees it."""

    simulator: Simulator
    http: aiohttp.ClientSession

    async def send(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        """Status and JSON (or text) of a call; ``/sandbox`` paths go to the control endpoints."""
        if path.startswith("/sandbox"):
            url = self.simulator.sandbox_url + path.removeprefix("/sandbox")
        else:
            url = path if path.startswith("http") else self.simulator.base_url + path
        options.setdefault("allow_redirects", False)
        async with self.http.request(method, url, **options) as response:
            text = await response.text()
            if response.content_type != "application/json":
                return response.status, text
            return response.status, json.loads(text)

    async def get(self, path: str, **options: Any) -> Any:
        """The JSON of a GET that must succeed."""
        status, body = await self.send("GET", path, **options)
        assert status == 200, (status, body)
        return body

    async def post(self, path: str, body: Any = None) -> tuple[int, Any]:
        """POST of JSON."""
        return await self.send("POST", path, json={} if body is None else body)

    async def upload(
        self, content: bytes = PDF, *, name: str = "a.pdf", metadata: Any = None, query: str = "queue=8198"
    ) -> tuple[int, Any]:
        """One file as multipart."""
        form = aiohttp.FormData(quote_fields=False)
        form.add_field("content", content, filename=name)
        if metadata is not None:
            form.add_field("metadata", json.dumps(metadata), content_type="application/json")
        return await self.send("POST", f"/uploads?{query}", data=form)

    async def import_one(self, *, name: str = "a.pdf", content: bytes = PDF, metadata: Any = None) -> int:
        """Upload one file; the id of its annotation."""
        status, body = await self.upload(content, name=name, metadata=metadata)
        assert status == 202, body
        upload = await self.upload_of(body["url"])
        return id_in(upload["annotations"][0])

    async def upload_of(self, task_url: str) -> Any:
        """The upload that a task leads to, once it has succeeded."""

        async def ended() -> Any:
            task = await self.get(task_url + "?no_redirect=true")
            return task if task["status"] == "succeeded" else None

        task = await eventually(ended)
        return await self.get(task["result_url"])

    async def annotation(self, number: int) -> Any:
        """One annotation as it is now."""
        return await self.get(f"/annotations/{number}")

    async def until_status(self, number: int, status: str) -> Any:
        """The annotation once it has that status."""

        async def there() -> Any:
            annotation = await self.annotation(number)
            return annotation if annotation["status"] == status else None

        return await eventually(there)

    async def finished(self, count: int, **order: Any) -> list[int]:
        """Make finished annotations; their ids."""
        status, body = await self.post("/sandbox/annotations", {"count": count, **order})
        assert status == 200, body
        first, last = body["ids"]
        return list(range(first, last + 1))

    async def behave(self, **switches: Any) -> None:
        """Throw switches."""
        status, body = await self.post("/sandbox/behaviour", switches)
        assert status == 200, body

    async def fault(self, **order: Any) -> None:
        """Order a fault."""
        status, body = await self.post("/sandbox/faults", order)
        assert status == 200, body

    async def hook(self, url: str, *events: str, **more: Any) -> Any:
        """Create a hook on the queue 8198."""
        config = {"url": url, **more.pop("config", {})}
        queues = [f"{self.simulator.base_url}/queues/8198"]
        body = {"name": "test", "queues": queues, "events": list(events), "config": config, **more}
        status, hook = await self.post("/hooks", body)
        assert status == 201, hook
        return hook


def id_in(url: str) -> int:
    """The id at the end of a URL."""
    return int(url.rpartition("/")[2])


async def eventually(probe: Callable[[], Awaitable[Any]]) -> Any:
    """The first true answer of the probe.

    Raises:
        AssertionError: there was none within the deadline.
    """
    ends = time.monotonic() + DEADLINE
    while not (found := await probe()):
        assert time.monotonic() < ends, f"still {found!r} after {DEADLINE} s"
        await asyncio.wait([asyncio.get_running_loop().create_future()], timeout=_LOOK)
    return found


@asynccontextmanager
async def running(options: SimulatorOptions = QUICK, clock: SimulatorClock | None = None) -> AsyncIterator[Rossum]:
    """A simulator whose tasks end at once, and a client with its token."""
    headers = {"Authorization": f"Bearer {options.token}"}
    async with Simulator(options, clock) as simulator, aiohttp.ClientSession(headers=headers) as http:
        rossum = Rossum(simulator, http)
        await rossum.behave(task_delay=0)
        yield rossum


@dataclass(frozen=True)
class Received:
    """One webhook call."""

    path: str
    body: bytes
    headers: dict[str, str]

    @property
    def payload(self) -> Any:
        """The JSON of its body."""
        return json.loads(self.body)


@dataclass
class Receiver:
    """Takes webhooks; ``answers`` holds the statuses to give per path, one after the other, then 200.

    ``replies`` holds the body to give per path; without one it is empty.
    """

    url: str = ""
    calls: list[Received] = field(default_factory=list)
    answers: dict[str, list[int]] = field(default_factory=dict)
    replies: dict[str, Any] = field(default_factory=dict)
    _more: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def take(self, request: web.BaseRequest) -> web.Response:
        """Note one call and answer as planned."""
        async with self._more:
            self.calls.append(Received(request.path, await request.read(), dict(request.headers)))
            self._more.notify_all()
        planned = self.answers.get(request.path)
        return web.json_response(self.replies.get(request.path, {}), status=planned.pop(0) if planned else 200)

    async def wait_for(self, wanted: Callable[[list[Received]], bool]) -> list[Received]:
        """All calls once they are as wanted."""
        async with self._more:
            await asyncio.wait_for(self._more.wait_for(lambda: wanted(self.calls)), DEADLINE)
        return self.calls

    async def wait_for_calls(self, count: int) -> list[Received]:
        """All calls once there are that many."""
        return await self.wait_for(lambda calls: len(calls) >= count)

    @property
    def paths(self) -> Counter[str]:
        """How often each path was called."""
        return Counter(call.path for call in self.calls)


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A receiver on a free port."""
    receiver = Receiver()
    runner = web.ServerRunner(web.Server(receiver.take), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    receiver.url = f"http://{host}:{port}"
    try:
        yield receiver
    finally:
        await runner.cleanup()
