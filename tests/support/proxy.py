"""A TCP proxy whose wire a test can damage: both ends stay unmodified, and each direction has its own controls."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Protocol

from connector.clock import SystemClock

_PIECE = 64 * 1024
#: SO_LINGER of 0 seconds: closing sends a reset instead of an orderly end.
_RESET = struct.pack("ii", 1, 0)


class Gate(Protocol):
    """Looks at one direction of one connection and says when its bytes go on."""

    def pieces(self, data: bytes) -> AsyncIterator[bytes]:
        """What goes on now, one after the other; waits as long as it likes in between."""


class _Cut(Exception):
    """The bytes of `cut_after` have passed."""


class _Open:
    """A gate that lets everything through."""

    async def pieces(self, data: bytes) -> AsyncIterator[bytes]:
        yield data


@dataclass(slots=True)
class Flow:
    """What happens to the bytes of one direction, on every connection; may be changed at any time.

    Attributes:
        delay: Seconds that each piece waits.
        bytes_per_s: The line's speed, None for no limit.
        swallow: Read and throw away; the sender believes that all went out.
        cut_after: Bytes, counted from when it is set, after which connections are reset, until it is set anew.
        gate: Makes a gate for each new connection.
        passed: Bytes that went on so far.
        swallowed: Bytes thrown away so far.
    """

    delay: float = 0.0
    bytes_per_s: float | None = None
    swallow: bool = False
    cut_after: int | None = None
    gate: Callable[[], Gate] = _Open
    passed: int = 0
    swallowed: int = 0
    _open: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._open.set()

    def hold(self) -> None:
        """Let nothing through and read nothing, until :meth:`release`."""
        self._open.clear()

    def release(self) -> None:
        """Let what was held go on, and all after it."""
        self._open.set()

    async def let_through(self, data: bytes) -> bytes:
        """What is left of some bytes after everything that happens to them here."""
        await self._open.wait()
        pause = self.delay + (len(data) / self.bytes_per_s if self.bytes_per_s else 0.0)
        if pause:
            await SystemClock().sleep(pause)
            await self._open.wait()
        if self.swallow:
            self.swallowed += len(data)
            return b""
        if self.cut_after is not None:
            data, self.cut_after = data[: self.cut_after], max(self.cut_after - len(data), 0)
        self.passed += len(data)
        return data


class Proxy:
    """Listens on a port of 127.0.0.1 and passes on to another; see :func:`proxied`.

    Attributes:
        target: Where new connections lead.
    """

    def __init__(self, target: int, port: int) -> None:
        self.port = port
        self.target = target
        self.to_server = Flow()
        self.to_client = Flow()
        self._server: asyncio.Server | None = None
        self._pairs: dict[asyncio.Task[None], tuple[asyncio.StreamWriter, asyncio.StreamWriter | None]] = {}

    async def up(self) -> None:
        """Listen; does nothing when it does."""
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, limit=_PIECE)
            self.port = self._server.sockets[0].getsockname()[1]

    async def down(self) -> None:
        """Refuse connections and reset those there are."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        self.reset()
        await asyncio.gather(*self._pairs, return_exceptions=True)

    @property
    def connections(self) -> int:
        """How many there are now."""
        return len(self._pairs)

    def hold(self) -> None:
        """A black hole: connections open, no byte comes through either way."""
        self.to_server.hold()
        self.to_client.hold()

    def release(self) -> None:
        """End a black hole."""
        self.to_server.release()
        self.to_client.release()

    def reset(self) -> None:
        """Reset every connection on both sides."""
        for task, ends in list(self._pairs.items()):
            for end in ends:
                _abort(end)
            task.cancel()

    def hang_up(self) -> None:
        """Reset the clients' side only: what they sent and is held still arrives."""
        for client, _ in self._pairs.values():
            _abort(client)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._pairs[task] = (writer, None)
        try:
            await self._connect(task, reader, writer)
        except (OSError, asyncio.CancelledError):
            _abort(writer)
        finally:
            del self._pairs[task]

    async def _connect(
        self, task: asyncio.Task[None], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        answers, requests = await asyncio.open_connection("127.0.0.1", self.target, limit=_PIECE)
        self._pairs[task] = (writer, requests)
        try:
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(self._pump(reader, requests, self.to_server))
                pumps.create_task(self._pump(answers, writer, self.to_client))
        except* _Cut:
            _abort(writer)
            _abort(requests)
        finally:
            writer.close()
            requests.close()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, flow: Flow) -> None:
        """Pass on until the source ends; what was held goes on even if its sender has left meanwhile."""
        gate = flow.gate()
        while data := await _read(source):
            async for piece in gate.pieces(data):
                passed = await flow.let_through(piece)
                with suppress(OSError):
                    sink.write(passed)
                    await sink.drain()
                if flow.cut_after == 0:
                    raise _Cut
        with suppress(OSError):
            sink.write_eof()


async def _read(source: asyncio.StreamReader) -> bytes:
    """The next piece; a reset counts as an end."""
    try:
        return await source.read(_PIECE)
    except OSError:
        return b""


def _abort(end: asyncio.StreamWriter | None) -> None:
    if end is None:
        return
    raw = end.get_extra_info("socket")
    if raw is not None and raw.fileno() != -1:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    end.transport.abort()


@asynccontextmanager
async def proxied(target: int, port: int = 0) -> AsyncIterator[Proxy]:
    """A proxy before a port of 127.0.0.1, up as long as the context lasts; port 0 is a free one."""
    proxy = Proxy(target, port)
    await proxy.up()
    try:
        yield proxy
    finally:
        proxy.release()
        await proxy.down()
