"""The source under test beside the server it fetches from, and the calls that tests make."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from connector.contracts.arrivals import HttpsSource
from connector.documents.dispatch import DocumentSources
from connector.documents.limits import DocumentLimits
from connector.errors import ConnectorError
from tests.wire.documents.document_site import HOST, Names, Site, running_site


@dataclass(frozen=True)
class Far:
    """A running server, and sources that may fetch from it, with more patience than a busy machine asks for."""

    site: Site
    names: Names
    limits: DocumentLimits
    sources: DocumentSources

    def sources_with(self, **limits: Any) -> DocumentSources:
        """Others, whose limits differ in that."""
        return DocumentSources(replace(self.limits, **limits), resolver=self.names)


@asynccontextmanager
async def fetching(folder: Path) -> AsyncIterator[Far]:
    """Both ends, running."""
    names = Names({HOST: [["127.0.0.1"]], "other.example.test": [["127.0.0.1"]], "void.example.test": [[]]})
    async with running_site(folder, HOST, "127.0.0.1") as site:
        limits = DocumentLimits(
            max_bytes=4_000_000,
            allowed_hosts=tuple(f"{host}:{site.port}" for host in (HOST, "*.example.test", "127.0.0.1")),
            private_networks=(ip_network("127.0.0.0/8"),),
            ca_file=site.ca_file,
            connect_timeout=30,
            read_timeout=30,
            transfer_timeout=30,
        )
        async with DocumentSources(limits, resolver=names) as sources:
            yield Far(site, names, limits, sources)


async def read(sources: DocumentSources, source: HttpsSource) -> bytes:
    """The whole document."""
    async with sources.open(source) as document:
        return b"".join([piece async for piece in document.chunks])


def at(url: str, *, size: int | None = None, sha256: str | None = None) -> HttpsSource:
    """An arrival's source."""
    return HttpsSource(kind="https", url=url, size=size, sha256=sha256)


async def failure(sources: DocumentSources, source: HttpsSource) -> ConnectorError:
    """The error that a fetch ends in, within a minute."""
    with pytest.raises(ConnectorError) as caught:
        await asyncio.wait_for(read(sources, source), 60)
    return caught.value
