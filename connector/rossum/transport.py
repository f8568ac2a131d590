"""One exchange over the wire: bounded in time and size, reported, and free of meaning.

No proxies of the environment, no cookies, no redirects: the credentials go to the configured address only.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self

import aiohttp

from connector.clock import Clock
from connector.errors import Retryable
from connector.ports import Lane
from connector.rossum.answer import AnswerTooLargeError, Received, retry_after_of
from connector.rossum.requests import Call
from connector.rossum.rossum_time import RossumTime

#: Bytes of one answer that we are ready to hold: 100 annotations with large contents.
LARGEST_ANSWER = 64 * 1024 * 1024

_PIECE = 256 * 1024
#: Seconds that an idle connection is kept for reads, which are repeated where the server has just closed it.
_KEEP_FOR_READS = 15.0
#: The same for uploads: shorter than any server's patience, since an upload on a closed one would be ambiguous.
_KEEP_FOR_UPLOADS = 1.0

Sink = Callable[[bytes], object]


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long an exchange may take (seconds).

    Attributes:
        connect: To connect, TLS included.
        read: Without a byte of the answer.
        call: For a whole small exchange, however steadily it drips.
        transfer: For one that moves a document, besides the time of its bytes.
        slowest_line: Bytes a second below which a document's transfer is given up.
        unknown_size: Bytes assumed of a document whose size is not known; Rossum takes no larger ones.
    """

    connect: float = 10.0
    read: float = 60.0
    call: float = 90.0
    transfer: float = 60.0
    slowest_line: float = 50_000.0
    unknown_size: int = 40_000_000

    def for_call(self) -> aiohttp.ClientTimeout:
        """Of a small exchange."""
        return aiohttp.ClientTimeout(total=self.call, sock_connect=self.connect, sock_read=self.read)

    def for_transfer(self, size: int | None) -> aiohttp.ClientTimeout:
        """Of an exchange that moves a document."""
        total = self.transfer + (self.unknown_size if size is None else size) / self.slowest_line
        return aiohttp.ClientTimeout(total=total, sock_connect=self.connect, sock_read=self.read)


@dataclass(frozen=True, slots=True)
class ApiCall:
    """One exchange, for metrics; `endpoint` is a template, `status` None where no answer came."""

    lane: Lane
    method: str
    endpoint: str
    status: int | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Sending:
    """What goes out with a call.

    Attributes:
        token: For the `Authorization` header; None sends none.
        body: Bytes, or pieces that exist only while they are sent.
        size: Bytes of the document that is moved, None where unknown; matters for `is_transfer` only.
    """

    token: str | None = field(default=None, repr=False)
    headers: Mapping[str, str] | None = None
    body: bytes | AsyncIterator[bytes] | None = field(default=None, repr=False)
    is_transfer: bool = False
    size: int | None = None

    def all_headers(self) -> dict[str, str]:
        """With the credentials."""
        secret = {} if self.token is None else {"Authorization": f"Bearer {self.token}"}
        return {**(self.headers or {}), **secret}


class Transport:
    """The HTTP connections to Rossum; used as `async with`."""

    def __init__(
        self, base_url: str, timeouts: Timeouts, *, clock: Clock, time: RossumTime, on_call: Callable[[ApiCall], None]
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._timeouts = timeouts
        self._clock = clock
        self._time = time
        self._on_call = on_call
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    async def __aenter__(self) -> Self:
        self._sessions = {False: _session(_KEEP_FOR_READS), True: _session(_KEEP_FOR_UPLOADS)}
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for session in self._sessions.values():
            await session.close()

    async def exchange(self, call: Call, sending: Sending, *, sink: Sink | None = None) -> Received:
        """Send a call and read the whole answer; pieces of a 200 go to `sink` where there is one.

        Raises:
            aiohttp.ClientError, OSError: No answer, or not all of it, in time.
            AnswerTooLargeError: More than 64 MB.
        """
        async with self._asked(call, sending) as response:
            if sink is not None and response.status == HTTPStatus.OK:
                async for piece in response.content.iter_chunked(_PIECE):
                    sink(piece)
                payload = b""
            else:
                payload = await _payload(call, response)
            return Received(
                status=response.status,
                content_type=response.content_type,
                payload=payload,
                at=self._time.now(),
                retry_after=retry_after_of(response.headers.get("Retry-After"), self._time.now()),
                location=response.headers.get("Location"),
            )

    @asynccontextmanager
    async def _asked(self, call: Call, sending: Sending) -> AsyncIterator[aiohttp.ClientResponse]:
        """The answer's head; its `Date` is heard, and the call reported when all is over."""
        timeouts, started, status = self._timeouts, self._clock.monotonic(), None
        try:
            async with self._session_for(sending).request(
                call.method,
                self._base_url + call.path,
                params=list(call.params),
                headers=sending.all_headers(),
                data=sending.body,
                timeout=timeouts.for_transfer(sending.size) if sending.is_transfer else timeouts.for_call(),
                allow_redirects=False,
            ) as response:
                status = response.status
                self._time.hear(response.headers.get("Date"), asked_at=started)
                yield response
        finally:
            seconds = self._clock.monotonic() - started
            self._on_call(ApiCall(call.lane, call.method, call.endpoint, status, seconds))

    def _session_for(self, sending: Sending) -> aiohttp.ClientSession:
        if not self._sessions:
            raise Retryable("the Rossum client is not open; use it inside `async with`")
        return self._sessions[sending.is_transfer]


def _session(keepalive: float) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        # Who may call, and how often, is the budget's business.
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=keepalive, ttl_dns_cache=60),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": "rossum-kafka-connector", "Accept": "application/json, */*;q=0.1"},
        trust_env=False,
    )


async def _payload(call: Call, response: aiohttp.ClientResponse) -> bytes:
    """The whole body, as far as we are ready to hold it."""
    pieces: list[Any] = []
    size = 0
    async for piece in response.content.iter_any():
        size += len(piece)
        if size > LARGEST_ANSWER:
            raise AnswerTooLargeError(f"Rossum's answer to {call.name} has more than {LARGEST_ANSWER} bytes")
        pieces.append(piece)
    return b"".join(pieces)
