"""The far side: an HTTPS server that sends just the bytes it was told to, true or not, and a name server."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import trustme
from aiohttp.abc import AbstractResolver, ResolveResult

HOST = "docs.example.test"


@dataclass(frozen=True)
class Answer:
    """One scripted answer.

    Attributes:
        length: The Content-Length to claim; the true one when None, no header at all when negative.
        repeat: How often the body is sent.
        drip: Seconds between single bytes of head and body.
        silent: Keep the connection open after the body.
        raw: Sent instead of everything else.
    """

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = None
    repeat: int = 1
    drip: float | None = None
    silent: bool = False
    raw: bytes | None = None

    def head(self) -> bytes:
        """Status line and headers."""
        lines = [f"HTTP/1.1 {self.status} Scripted", *(f"{k}: {v}" for k, v in self.headers.items())]
        length = len(self.body) * self.repeat if self.length is None else self.length
        if length >= 0:
            lines.append(f"Content-Length: {length}")
        lines.append("Connection: close")
        return "\r\n".join([*lines, "", ""]).encode()


@dataclass
class Site:
    """A server on loopback; `answers` by path, `requests` as they came (head text)."""

    port: int
    ca_file: Path
    answers: dict[str, Answer] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    stopped: asyncio.Event = field(default_factory=asyncio.Event)

    def url(self, path: str, host: str = HOST) -> str:
        """The URL of a path."""
        return f"https://{host}:{self.port}{path}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection."""
        with suppress(OSError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.requests.append(head)
            await self._send(self.answers.get(head.split()[1].partition("?")[0], Answer(status=404)), writer)
        writer.transport.abort() if self.stopped.is_set() else writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    async def _send(self, answer: Answer, writer: asyncio.StreamWriter) -> None:
        start = answer.head() + answer.body if answer.raw is None else answer.raw
        if answer.drip is not None:
            return await self._drip(start, answer.drip, writer)
        writer.write(start)
        for _ in range(answer.repeat - 1):
            writer.write(answer.body)
            await writer.drain()
        await writer.drain()
        if answer.silent:
            await self.stopped.wait()
        return None

    async def _drip(self, content: bytes, interval: float, writer: asyncio.StreamWriter) -> None:
        for byte in content:
            writer.write(bytes([byte]))
            await writer.drain()
            with suppress(TimeoutError):
                await asyncio.wait_for(self.stopped.wait(), interval)
            if self.stopped.is_set():
                return


@asynccontextmanager
async def running_site(folder: Path, *names: str) -> AsyncIterator[Site]:
    """A site with a certificate for `names` from an authority of its own."""
    authority = trustme.CA()
    ca_file = folder / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    site = Site(0, ca_file)
    tasks: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(site.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=context)
    site.port = server.sockets[0].getsockname()[1]
    try:
        yield site
    finally:
        site.stopped.set()
        server.close()
        await asyncio.wait_for(asyncio.gather(*tasks), 60)


class Names(AbstractResolver):
    """A name server: successive answers by host (the last one stays); a host without one does not exist."""

    def __init__(self, answers: dict[str, list[list[str]]]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The next answer for a host."""
        del family  # answers are scripted
        self.asked.append(host)
        answers = self.answers.get(host)
        if answers is None:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        return [_result(host, address, port) for address in addresses]

    async def close(self) -> None:
        """Nothing to close."""


def _result(host: str, address: str, port: int) -> ResolveResult:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=socket.AI_NUMERICHOST)
