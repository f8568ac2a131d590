"""The real ports on real sockets, in front of a log that records or refuses."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from connector import assembly
from connector.clock import SystemClock
from connector.domain.embedded import EmbeddedOrder, EmbeddedUrl, ReadyList
from connector.domain.ids import AnnotationId, QueueId
from connector.domain.messages import WorkMessage
from connector.errors import KafkaUnavailable
from connector.metrics import NAMESPACE
from connector.rossum.hooks import read_hook
from connector.rossum.signature import VerifiedBody
from connector.settings import WebhookSettings
from connector.telemetry import Telemetry
from connector.web.receiver import WebhookReceiver
from connector.web.server import listening

SECRET = "hook secret"
PATH = "/hooks/rossum"
QUEUE = 8198
#: Seconds that any single answer may take in these tests.
PATIENCE = 10.0


@dataclass
class RecordingWork:
    """A log that keeps what it is given, waits while `gate` is closed, and fails on demand."""

    taken: list[WorkMessage] = field(default_factory=list)
    failure: Exception | None = None
    gate: asyncio.Event | None = None
    waiting: int = 0

    async def send(self, messages: Iterable[WorkMessage]) -> None:
        """Store, as `WorkLog` does."""
        if self.failure is not None:
            raise self.failure
        if self.gate is not None:
            self.waiting += 1
            await self.gate.wait()
        self.taken.extend(messages)


class NoRossum:
    """Of a port that nobody asks about embedded mode."""

    async def queue_of(self, annotation: AnnotationId) -> QueueId | None:
        """Not asked."""
        raise AssertionError(annotation)

    async def url(self, order: EmbeddedOrder) -> EmbeddedUrl:
        """Not asked."""
        raise AssertionError(order)

    async def ready(self, queue: QueueId) -> ReadyList:
        """Not asked."""
        raise AssertionError(queue)


class WatchedClock(SystemClock):
    """The machine's clock, which knows how many requests have begun: each asks it first; its date may be wrong."""

    asked = 0
    skew = timedelta()

    def now(self) -> datetime:
        """Wall clock."""
        return super().now() + self.skew

    def monotonic(self) -> float:
        """Seconds since an unknown start."""
        self.asked += 1
        return super().monotonic()


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def detail(self) -> Any:
        """The sentence of a problem."""
        assert self.headers["content-type"] == "application/problem+json"
        return json.loads(self.body)["detail"]


@dataclass
class WebhookPort:
    """A webhook port, and what stands behind it."""

    port: int
    receiver: WebhookReceiver[VerifiedBody]
    work: RecordingWork
    telemetry: Telemetry
    clock: WatchedClock

    def counted(self, outcome: str) -> float:
        """How many requests had that outcome."""
        return self.telemetry.registry.get_sample_value(f"{NAMESPACE}_hooks_total", {"outcome": outcome}) or 0.0

    async def post(self, body: bytes, *headers: str, secret: str = SECRET) -> Answer:
        """A signed webhook."""
        return await ask(self.port, request(body, signature(body, secret), *headers))


@asynccontextmanager
async def webhook_port(
    *, deadline: float = PATIENCE, headers_within: float = PATIENCE, **settings: Any
) -> AsyncIterator[WebhookPort]:
    """A receiver that listens, wired like the product's."""
    group = WebhookSettings(**{"secrets": (SECRET,), **settings})
    work, telemetry, clock = RecordingWork(), Telemetry(), WatchedClock()
    receiver = WebhookReceiver(
        group,
        verify=assembly.verifier(group),
        read_hook=read_hook,
        work=work,
        queues=frozenset({QueueId(QUEUE)}),
        telemetry=telemetry,
        clock=clock,
        deadline=deadline,
    )
    async with listening(receiver.handle, host="127.0.0.1", port=0, headers_within=headers_within) as port:
        yield WebhookPort(port, receiver, work, telemetry, clock)


def unavailable() -> KafkaUnavailable:
    """What a log without a broker says."""
    return KafkaUnavailable("no broker")


def status_body(annotation: int = 4711, *, queue: int = QUEUE, status: str = "exported", padding: int = 0) -> bytes:
    """An `annotation_status` webhook as Rossum sends it, with `padding` bytes that nobody reads."""
    base = "https://example.test/api/v1"
    seen = {
        "id": annotation,
        "url": f"{base}/annotations/{annotation}",
        "queue": f"{base}/queues/{queue}",
        "status": status,
        "exported_at": "2026-01-31T12:00:00.000000Z",
    }
    hook = {"event": "annotation_status", "action": "changed", "annotation": seen, "padding": "x" * padding}
    return json.dumps(hook).encode()


def signature(body: bytes, secret: str = SECRET) -> str:
    """The header that proves who sent it, made as Rossum documents it."""
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return f"X-Rossum-Signature-SHA256: sha256={digest}"


def request(body: bytes, *headers: str, line: str = f"POST {PATH} HTTP/1.1", length: int | None = None) -> bytes:
    """A whole request; `length` is what it claims to be, -1 for no claim."""
    declared = len(body) if length is None else length
    lines = [line, "Host: connector", *headers, *([f"Content-Length: {declared}"] if declared >= 0 else [])]
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape") + body


@asynccontextmanager
async def connection(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A bare connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def ask(port: int, data: bytes) -> Answer:
    """The answer to raw bytes, which may come before all of them are sent."""
    async with connection(port) as (reader, writer):
        writer.write(data)
        return await answer_of(reader)


async def answer_of(reader: asyncio.StreamReader) -> Answer:
    """The next answer of a connection.

    Raises:
        TimeoutError: None came.
    """
    async with asyncio.timeout(PATIENCE):
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Answer(int(first.split()[1]), headers, body)


async def is_closed(reader: asyncio.StreamReader) -> bool:
    """Whether the other side hangs up, after whatever it still says."""
    async with asyncio.timeout(PATIENCE):
        try:
            await reader.read()
        except ConnectionError:
            return True
    return reader.at_eof()
