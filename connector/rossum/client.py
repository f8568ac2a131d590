"""Rossum as the engine sees it: implements `ports.Rossum` over HTTP."""

import hashlib
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Self, TypeVar

from connector.clock import Clock
from connector.domain.ids import AnnotationId, DocumentId, QueueId
from connector.domain.readings import (
    AnnotationReading,
    DocumentReading,
    ExportReading,
    Listing,
    ListingPage,
    TaskReading,
    UploadReading,
    UploadRequest,
)
from connector.errors import NotOurs
from connector.ports import Lane, UploadGate
from connector.rossum import requests, wire
from connector.rossum.coalescing import EXPORT_SPACING, LIST_SPACING, Fetch, Gatherer
from connector.rossum.document_search import every_document
from connector.rossum.multipart import MultipartBody
from connector.rossum.session import RossumConnection, Session
from connector.rossum.transport import ApiCall
from connector.rossum.uploading import send_upload

#: An answer this young (seconds) tells Rossum's time well enough; our monotonic clock does not drift much in it.
FRESH = 60.0

K = TypeVar("K", bound=int)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ping:
    """Proof that Rossum answers us: the organisation of our credentials, and Rossum's time."""

    organization: int
    at: datetime


class RossumClient:
    """Rossum over HTTP; used as `async with`.

    Args:
        connection: Where, and as whom.
        clock: Paces the budget and dates what Rossum does not.
        on_call: Told of each exchange, for metrics.
    """

    def __init__(self, connection: RossumConnection, *, clock: Clock, on_call: Callable[[ApiCall], None]) -> None:
        self._session = Session(connection, clock=clock, on_call=on_call)
        self._clock = clock
        self._reject_identical = connection.reject_identical
        self.budget = self._session.budget
        self._annotations = self._gatherer(self._fetch_annotations, LIST_SPACING)
        self._documents = self._gatherer(self._fetch_documents, LIST_SPACING)
        self._exports: dict[QueueId, Gatherer[AnnotationId, ExportReading]] = {}

    async def __aenter__(self) -> Self:
        await self._session.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._annotations.close()
        self._documents.close()
        for gatherer in self._exports.values():
            gatherer.close()
        await self._session.__aexit__(kind, error, trace)

    def set_share(self, fraction: float) -> None:
        """This process may use that part (0 to 1) of the deployment's budget."""
        self.budget.set_share(fraction)

    def now(self) -> datetime:
        """Rossum's time, estimated without a call; our own before its first answer."""
        return self._session.time.now()

    async def server_time(self) -> datetime:
        """Rossum's time; asks where it has not answered anything for a minute."""
        if self._session.time.age > FRESH:
            await self._session.ask(requests.organizations())
        return self.now()

    async def organization(self) -> int:
        """The organisation of our credentials.

        Raises:
            NotOurs: There is none.
        """
        for call in (requests.current_user(), requests.organizations()):
            number = wire.read_organization(await self._session.ask(call))
            if number is not None:
                return number
        raise NotOurs("the credentials belong to no Rossum organisation; use those of a user of one")

    async def ping(self) -> Ping:
        """Ask something cheap now; raises as `organization` does."""
        return Ping(await self.organization(), self.now())

    async def upload(self, request: UploadRequest, chunks: AsyncIterator[bytes], *, gate: UploadGate) -> str:
        """Import one document; the URL of its task. See the port."""
        call = requests.upload(request.queue, reject_identical=self._reject_identical)
        return await send_upload(self._session, call, MultipartBody(request, chunks, gate), clock=self._clock)

    async def annotations(
        self, ids: Collection[AnnotationId], *, lane: Lane = Lane.READS
    ) -> Mapping[AnnotationId, AnnotationReading]:
        """Those of `ids` that the annotation list shows."""
        return await self._annotations.read(ids, lane)

    async def exports(self, queue: QueueId, ids: Collection[AnnotationId]) -> Mapping[AnnotationId, ExportReading]:
        """Those of `ids` that the queue's export shows."""
        if queue not in self._exports:
            self._exports[queue] = self._gatherer(self._export_fetch(queue), EXPORT_SPACING)
        return await self._exports[queue].read(ids, Lane.CAPTURED)

    async def annotation(self, annotation: AnnotationId) -> AnnotationReading | None:
        """One annotation; None when it is gone."""
        answer = await self._session.ask_or_none(requests.annotation(annotation))
        return None if answer is None else wire.read_annotation(answer)

    async def task(self, url: str) -> TaskReading | None:
        """An upload's task; None when it has expired."""
        answer = await self._session.ask_or_none(requests.task(url))
        return None if answer is None else wire.read_task(answer)

    async def upload_object(self, url: str) -> UploadReading | None:
        """What an upload became; None when it is gone."""
        answer = await self._session.ask_or_none(requests.upload_object(url))
        return None if answer is None else wire.read_upload(answer)

    async def find_documents(
        self, *, file_name: str | None, after: datetime, before: datetime
    ) -> Sequence[DocumentReading]:
        """Documents of that file name (any, when None) created in the window, all pages, oldest first."""
        return await every_document(
            self._session,
            lambda page: requests.documents_created(file_name=file_name, after=after, before=before, page=page),
        )

    async def documents(self, ids: Collection[int]) -> Mapping[int, DocumentReading]:
        """Those of `ids` that the document list shows."""
        found = await self._documents.read({DocumentId(number) for number in ids}, Lane.READS)
        return dict(found.items())

    async def children(self, document: int) -> Sequence[DocumentReading]:
        """Documents whose parent is `document`, oldest first."""
        found = await every_document(self._session, lambda page: requests.documents_below(document, page))
        return [reading for reading in found if reading.parent == document]

    async def document_sha256(self, url: str) -> str | None:
        """Hex digest of a document's content, streamed; None when it is gone."""
        digest = hashlib.sha256()
        answer = await self._session.ask_or_none(requests.document_content(url), sink=digest.update)
        return None if answer is None else digest.hexdigest()

    async def list_annotations(self, listing: Listing) -> ListingPage:
        """One page of a sweep; a page beyond the last is empty."""
        answer = await self._session.ask_page(requests.listing_page(listing), listing.page)
        if answer is None:
            return ListingPage((), None, more=False, at=self.now())
        return wire.read_listing(answer, listing)

    def _gatherer(self, fetch: Fetch[K, T], spacing: float) -> Gatherer[K, T]:
        return Gatherer(fetch, budget=self.budget, clock=self._clock, spacing=spacing)

    async def _fetch_annotations(
        self, ids: Sequence[AnnotationId], lane: Lane
    ) -> Mapping[AnnotationId, AnnotationReading]:
        return wire.read_annotations(await self._session.send(requests.annotations_by_id(ids, lane)))

    async def _fetch_documents(self, ids: Sequence[DocumentId], _lane: Lane) -> Mapping[DocumentId, DocumentReading]:
        return wire.read_documents(await self._session.send(requests.documents_by_id(ids)))

    def _export_fetch(self, queue: QueueId) -> Fetch[AnnotationId, ExportReading]:
        async def fetch(ids: Sequence[AnnotationId], _lane: Lane) -> Mapping[AnnotationId, ExportReading]:
            return wire.read_exports(await self._session.send(requests.exports_by_id(queue, ids)), queue)

        return fetch
