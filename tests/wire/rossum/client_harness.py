"""The real client against the real simulator, and against servers that behave worse than any simulator."""

import asyncio
import contextlib
import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from connector.clock import SystemClock
from connector.domain.ids import QueueId
from connector.domain.readings import MARK_KEY, UploadRequest
from connector.rossum.client import RossumClient
from connector.rossum.session import RossumConnection
from connector.rossum.transport import ApiCall, Timeouts
from connector.sandbox.simulator.server import Simulator, SimulatorOptions
from tests.support.waiting import eventually

QUICK = SimulatorOptions(rate_limit=0, processing=0.0, review=-1.0)
IMPATIENT = Timeouts(connect=2.0, read=0.5, call=0.6, transfer=0.6)
QUEUE = QueueId(8198)
PDF = b"%PDF-1.7\n" + b"an invoice\n" * 20_000
TOKEN = "sandbox"
USERNAME = "sandbox@example.com"
USER: dict[str, Any] = {"token": None, "username": USERNAME, "password": TOKEN}


@dataclass
class Side:
    """A client, the simulator it talks to, and what it reported."""

    client: RossumClient
    simulator: Simulator
    http: aiohttp.ClientSession
    calls: list[ApiCall] = field(default_factory=list)

    async def control(self, method: str, path: str, body: Any = None) -> Any:
        """Use the simulator's own interface."""
        async with self.http.request(method, self.simulator.sandbox_url + path, json=body) as response:
            assert response.status == 200, await response.text()
            return json.loads(await response.read())

    async def fault(self, path: str, action: str, *, method: str = "*", times: int = 1) -> None:
        """Order a fault."""
        await self.control("POST", "/faults", {"method": method, "path": path, "action": action, "times": times})

    async def finished(self, count: int, **order: Any) -> list[int]:
        """Make finished annotations; their ids."""
        made = await self.control("POST", "/annotations", {"count": count, "queue": QUEUE, **order})
        return list(range(made["ids"][0], made["ids"][1] + 1))

    async def count(self, operation: str) -> int:
        """Requests of an operation that the simulator has seen."""
        counters = await self.control("GET", "/counters")
        return sum(counters.get(operation, {}).values())

    async def documents(self) -> list[Any]:
        """What the simulator has taken in."""
        return list(await self.control("GET", "/documents"))

    async def until_imported(self, name: str) -> Any:
        """The document of that name, once its annotation is there."""

        async def found() -> Any:
            rows = [row for row in await self.documents() if row["file_name"] == name and row["annotations"]]
            return rows[0] if rows else None

        return await eventually(found)

    async def upload(self, content: bytes = PDF, *, owned: bool = True, size: int | None = -1, **changes: Any) -> str:
        """Upload a document in pieces."""
        request = upload_request(size=len(content) if size == -1 else size, **changes)
        return await self.client.upload(request, pieces(content), gate=lambda: owned)


def upload_request(**changes: Any) -> UploadRequest:
    """A request with our mark."""
    whole: dict[str, Any] = {
        "queue": QUEUE,
        "file_name": "účet 7.pdf",
        "content_type": "application/pdf",
        "metadata": {"po": "77", MARK_KEY: {"import_id": "3f0c", "document_key": "po-77"}},
        "values": {"upload:id": "77"},
        "size": None,
        **changes,
    }
    return UploadRequest(**whole)


async def pieces(content: bytes, *, error: Exception | None = None) -> AsyncIterator[bytes]:
    """A source of 64 kB chunks that may fail at its end."""
    for start in range(0, len(content), 65536):
        yield content[start : start + 65536]
    if error is not None:
        raise error


def sha256(content: bytes) -> str:
    """Hex digest."""
    return hashlib.sha256(content).hexdigest()


def credentials(**changes: Any) -> dict[str, Any]:
    """Connection settings: the fixed token and no limit, unless changed."""
    return {"token": TOKEN, "requests_per_second": 0.0, **changes}


@asynccontextmanager
async def connected(options: SimulatorOptions = QUICK, **connection: Any) -> AsyncIterator[Side]:
    """A simulator and a client with these connection settings."""
    calls: list[ApiCall] = []
    async with Simulator(options) as simulator, aiohttp.ClientSession() as http:
        settings = RossumConnection(base_url=simulator.base_url, **credentials(**connection))
        async with RossumClient(settings, clock=SystemClock(), on_call=calls.append) as client:
            side = Side(client, simulator, http, calls)
            await side.control("POST", "/behaviour", {"task_delay": 0})
            yield side


Answering = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def served(answer: Answering, **connection: Any) -> AsyncIterator[RossumClient]:
    """A client of a bare TCP server that treats each connection with `answer` and then closes it."""
    treating: set[asyncio.Task[Any]] = set()

    async def treat(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        treating.add(task)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await answer(reader, writer)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(treat, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    settings = RossumConnection(base_url=f"http://127.0.0.1:{port}/api/v1", **credentials(**connection))
    try:
        async with RossumClient(settings, clock=SystemClock(), on_call=lambda _: None) as client:
            yield client
    finally:
        server.close()
        for task in treating:
            task.cancel()
        await asyncio.gather(*treating, return_exceptions=True)


async def head_of(reader: asyncio.StreamReader) -> bytes:
    """The head of a request."""
    return await reader.readuntil(b"\r\n\r\n")


def response(status: str, body: bytes = b"{}", *, content_type: str = "application/json", more: str = "") -> bytes:
    """A whole answer that ends the connection."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Connection: close\r\n{more}\r\n".encode() + body
