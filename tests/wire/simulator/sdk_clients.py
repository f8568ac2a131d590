"""The vendor's own client, unmodified, on a simulator; and what it should read there."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from rossum_api import AsyncRossumAPIClient, SyncRossumAPIClient
from rossum_api.clients.external_async_client import AsyncRossumAPIClientWithDefaultDeserializer as AsyncClient
from rossum_api.clients.external_sync_client import SyncRossumAPIClientWithDefaultDeserializer as SyncClient
from rossum_api.dtos import Token, UserCredentials
from rossum_api.types import JsonDict

from connector.sandbox.pages import pdf, png
from tests.wire.simulator.simulator_harness import Rossum

LONGEST = 30.0  # seconds for everything that one test asks of the client
PASSWORD = UserCredentials("sandbox@example.com", "sandbox")
TOKEN = Token("sandbox")

Found = TypeVar("Found")


def as_sent(_: Any, payload: JsonDict) -> Any:
    """Answers as dictionaries; the client's own classes have no place for the export's elements."""
    return payload


@asynccontextmanager
async def client_of(
    rossum: Rossum, credentials: Token | UserCredentials = TOKEN, **options: Any
) -> AsyncIterator[AsyncClient]:
    """The asynchronous client; it has no way to be closed but this one."""
    client: AsyncClient = AsyncRossumAPIClient(rossum.simulator.base_url, credentials, **options)
    try:
        async with asyncio.timeout(LONGEST):
            yield client
    finally:
        await client._http_client.client.aclose()


async def with_sync_client(
    rossum: Rossum,
    work: Callable[[SyncClient], Found],
    credentials: Token | UserCredentials = TOKEN,
    **options: Any,
) -> Found:
    """What the work makes of the synchronous client; it runs in a thread, the simulator in ours."""
    client: SyncClient = SyncRossumAPIClient(rossum.simulator.base_url, credentials, **options)
    try:
        return await asyncio.wait_for(asyncio.to_thread(work, client), LONGEST)
    finally:
        client.internal_client.client.close()


def files_in(folder: Path) -> list[tuple[Path, str]]:
    """A PDF and an image as the client takes them: a path, and the name to send."""
    pages = {"invoice.pdf": pdf(["Invoice 1"]), "scan é.png": png("scan")}
    for name, content in pages.items():
        (folder / name).write_bytes(content)
    return [(folder / name, name) for name in pages]


async def everything(items: AsyncIterator[Found]) -> list[Found]:
    """All that an asynchronous listing gives."""
    return [item async for item in items]
