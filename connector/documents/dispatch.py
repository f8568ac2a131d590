"""One door to all sources of documents."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from types import TracebackType
from typing import Self

from aiohttp.abc import AbstractResolver

from connector.contracts.arrivals import FileSource, HttpsSource, InlineSource, ObjectSource, Source
from connector.documents.file import FileDocuments
from connector.documents.guard import Expected, Meter, Opened, verified
from connector.documents.https import HttpsDocuments
from connector.documents.inline import open_inline
from connector.documents.kinds import PEEK, kind_of
from connector.documents.limits import DocumentLimits
from connector.documents.objects import ObjectDocuments
from connector.ports import FetchedDocument


class DocumentSources:
    """Fetches documents by reference, streamed; implements `ports.Documents`.

    Used as `async with`: it owns one HTTP session.

    Args:
        limits: What the operator allows.
        resolver: Asked for the addresses of a name; the machine's own when None. Its answers are checked.

    Raises:
        SettingsError: A limit is unusable.
    """

    def __init__(self, limits: DocumentLimits, *, resolver: AbstractResolver | None = None) -> None:
        self._limits = limits
        self._https = HttpsDocuments(limits, resolver)
        self._files = FileDocuments(limits.file_roots)
        self._objects = ObjectDocuments(limits)

    async def __aenter__(self) -> Self:
        await self._https.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._https.close()

    def open(self, source: Source) -> AbstractAsyncContextManager[FetchedDocument]:
        """The document of `source`, open; at most a few hundred KiB of it are in memory at any time.

        Raises (on entering or while reading):
            Rejected: Never retrievable: stage validate where it is not allowed, fetch where it can't be had.
            Retryable: May work later.
        """
        return self._open(source)

    @asynccontextmanager
    async def _open(self, source: Source) -> AsyncIterator[FetchedDocument]:
        async with self._opened(source) as opened:
            meter = Meter(opened, Expected(self._limits.max_bytes, source.size, source.sha256))
            async with aclosing(verified(opened.chunks, meter)) as chunks:
                head = await _peek(chunks)
                kind = kind_of(b"".join(head)[:PEEK], opened.content_type)
                async with aclosing(_replayed(head, chunks)) as whole:
                    yield FetchedDocument(
                        file_name=opened.file_name,
                        content_type=kind.content_type,
                        single=kind.single,
                        size=source.size if opened.size is None else opened.size,
                        chunks=whole,
                        sha256=meter.sha256,
                    )

    def _opened(self, source: Source) -> AbstractAsyncContextManager[Opened]:
        match source:
            case HttpsSource():
                return self._https.open(source)
            case FileSource():
                return self._files.open(source)
            case InlineSource():
                return _inline(source)
            case ObjectSource():
                return self._objects.open(source)


@asynccontextmanager
async def _inline(source: InlineSource) -> AsyncIterator[Opened]:
    opened = open_inline(source)
    async with aclosing(opened.chunks):
        yield opened


async def _peek(chunks: AsyncGenerator[bytes, None]) -> list[bytes]:
    """The first pieces, enough to tell the kind."""
    head: list[bytes] = []
    seen = 0
    while seen < PEEK:
        piece = await anext(chunks, b"")
        if not piece:
            break
        head.append(piece)
        seen += len(piece)
    return head


async def _replayed(head: list[bytes], rest: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    head.reverse()
    while head:
        yield head.pop()
    async for piece in rest:
        yield piece
