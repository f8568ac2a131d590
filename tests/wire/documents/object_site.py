"""The far side: an S3-compatible server on a loopback port, and one that answers as it is told."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

BUCKET = "invoices"


def environment(endpoint: str) -> dict[str, str]:
    """What an operator sets for a server behind plain http."""
    return {
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
        "AWS_ALLOW_HTTP": "true",
        "AWS_ENDPOINT_URL": endpoint,
    }


@dataclass(frozen=True)
class Buckets:
    """A running S3 with one versioned bucket.

    Attributes:
        endpoint: Its URL.
        client: The vendor's own client of it.
    """

    endpoint: str
    client: Any

    def put(self, key: str, body: bytes, content_type: str = "application/octet-stream") -> str:
        """Store an object; the version that it has."""
        answer = self.client.put_object(Bucket=BUCKET, Key=key, Body=body, ContentType=content_type)
        return str(answer["VersionId"])


@contextmanager
def running_s3(patch: pytest.MonkeyPatch) -> Iterator[Buckets]:
    """A server, and the environment that leads to it."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        endpoint = f"http://{host}:{port}"
        for name, value in environment(endpoint).items():
            patch.setenv(name, value)
        client = boto3.client("s3", endpoint_url=endpoint)
        client.create_bucket(Bucket=BUCKET)
        client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        yield Buckets(endpoint, client)
        client.close()
    finally:
        server.stop()


@dataclass
class ScriptedStore:
    """A store that gives the same answer to everything.

    Attributes:
        body: Sent after the head, as far as `length` and `drip` allow.
        length: The Content-Length to claim; the true one when None.
        drip: Seconds between single bytes.
        silent: Never answer.
    """

    status: int = 200
    body: bytes = b""
    length: int | None = None
    drip: float | None = None
    silent: bool = False
    requests: list[str] = field(default_factory=list)
    stopped: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection."""
        with suppress(OSError, asyncio.IncompleteReadError):
            self.requests.append((await reader.readuntil(b"\r\n\r\n")).decode())
            if self.silent:
                await self.stopped.wait()
            writer.write(self._head())
            for piece in [bytes([byte]) for byte in self.body] if self.drip else [self.body]:
                writer.write(piece)
                await writer.drain()
                await self._pause(self.drip)
        writer.transport.abort() if self.stopped.is_set() else writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    async def _pause(self, seconds: float | None) -> None:
        if seconds is not None:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.stopped.wait(), seconds)

    def _head(self) -> bytes:
        length = len(self.body) if self.length is None else self.length
        lines = [
            f"HTTP/1.1 {self.status} Scripted",
            f"Content-Length: {length}",
            "Last-Modified: Wed, 21 Oct 2026 07:28:00 GMT",
            'ETag: "1"',
            "Connection: close",
        ]
        return "\r\n".join([*lines, "", ""]).encode()


@asynccontextmanager
async def answering(store: ScriptedStore, patch: pytest.MonkeyPatch) -> AsyncIterator[ScriptedStore]:
    """The scripted store on a port, and the environment that leads to it."""
    tasks: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(store.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    for name, value in environment(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}").items():
        patch.setenv(name, value)
    try:
        yield store
    finally:
        store.stopped.set()
        server.close()
        await asyncio.wait_for(asyncio.gather(*tasks), 60)
