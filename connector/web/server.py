"""Opens a port for a handler and lets go of it again."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from connector.errors import Refused

#: Seconds that open requests get when a port is closed.
SHUTDOWN = 3.0

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def listening(handler: Handler, *, host: str, port: int) -> AsyncIterator[int]:
    """A port that answers with `handler`; the number that it got (another than `port` when that is 0).

    Raises:
        Refused: The address is taken or not ours.
    """
    runner = web.ServerRunner(web.Server(handler, access_log=None), shutdown_timeout=SHUTDOWN)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            msg = f"cannot listen on {host}:{port}: {error.strerror or error}"
            raise Refused(msg) from error
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
