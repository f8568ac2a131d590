"""Opens a port for a handler and lets go of it again.

Whoever connects gets limited time: for its first request line and headers, and for each silence after. What happens
within a request is the handler's to limit.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from connector.errors import Refused

#: Seconds that open requests get when a port is closed.
SHUTDOWN = 3.0
#: Seconds from a connection to the end of its first headers; the library itself would wait for ever.
HEADERS_WITHIN = 10.0
#: Seconds that a connection may be idle between requests; the library's own limit is an hour.
IDLE = 75.0
#: Seconds that the rest of a refused body is still read, so that the sender sees the answer.
LINGER = 1.0
#: Connections that may wait to be accepted: with the usual 128 a burst loses some, and they come back a second later.
BACKLOG = 1024

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class _Server(web.Server):
    """Hangs up on connections that ask nothing in time."""

    def __init__(self, handler: Handler, *, headers_within: float) -> None:
        # Bodies are checked as they were signed, so nothing is unpacked on the way.
        super().__init__(
            self._handle, access_log=None, keepalive_timeout=IDLE, lingering_time=LINGER, auto_decompress=False
        )
        self._answer = handler
        self._headers_within = headers_within
        self._silent: dict[RequestHandler, asyncio.TimerHandle] = {}

    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        """Start the connection's time."""
        super().connection_made(handler, transport)
        self._silent[handler] = self._loop.call_later(self._headers_within, handler.force_close)

    def connection_lost(self, handler: RequestHandler, exc: BaseException | None = None) -> None:
        """Forget the connection."""
        self._heard(handler)
        super().connection_lost(handler, exc)

    def _handle(self, request: web.BaseRequest) -> Awaitable[web.StreamResponse]:
        self._heard(request.protocol)
        return self._answer(request)

    def _heard(self, handler: RequestHandler) -> None:
        timer = self._silent.pop(handler, None)
        if timer is not None:
            timer.cancel()


@asynccontextmanager
async def listening(
    handler: Handler, *, host: str, port: int, headers_within: float = HEADERS_WITHIN
) -> AsyncIterator[int]:
    """A port that answers with `handler`; the number that it got (another than `port` when that is 0).

    Raises:
        Refused: The address is taken or not ours.
    """
    server = _Server(handler, headers_within=headers_within)
    runner = web.ServerRunner(server, shutdown_timeout=SHUTDOWN)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port, backlog=BACKLOG).start()
        except OSError as error:
            msg = f"cannot listen on {host}:{port}: {error.strerror or error}"
            raise Refused(msg) from error
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
