"""Rossum as the engine sees it: implements `ports.Rossum` over HTTP."""

import hashlib
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Self

import aiohttp

from connector.clock import Clock
from connector.domain.ids import AnnotationId, QueueId
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
from connector.errors import NotOurs, Retryable, Throttled
from connector.ports import Lane, UploadGate
from connector.rossum import requests, wire
from connector.rossum.answer import Answer
from connector.rossum.budget import Budget
from connector.rossum.coalescing import EXPORT_SPACING, LIST_SPACING, Gatherer
from connector.rossum.failures import NETWORK_ERRORS, failure_of_exchange
from connector.rossum.requests import Call
from connector.rossum.session import CALL_DEADLINE, CONNECT_TIMEOUT, READ_TIMEOUT, RossumConnection, Session
from connector.rossum.uploading import send_upload

#: An answer this young (seconds) tells Rossum's time well enough.
FRESH = 60.0
_UNAUTHORIZED = 401
_NOT_FOUND = 404
#: Pages of one document search; more than this many documents in one window are a mistake.
PAGES_A_SEARCH = 50


@dataclass(frozen=True, slots=True)
class ApiCall:
    """One call, for metrics; `status` is None where no answer came, `endpoint` a template."""

    lane: str
    method: str
    endpoint: str
    status: int | None
    seconds: float


class RossumClient:
    """See the module; used as `async with`."""

    def __init__(self, connection: RossumConnection, *, clock: Clock, on_call: Callable[[ApiCall], None]) -> None:
        self._session = Session(connection, clock)
        self._clock = clock
        self._on_call = on_call
        self.budget = Budget(connection.requests_per_second, clock)
        self._annotations: Gatherer[AnnotationReading] = Gatherer(
            self._fetch_annotations, budget=self.budget, clock=clock, spacing=LIST_SPACING
        )
        self._documents: Gatherer[DocumentReading] = Gatherer(
            self._fetch_documents, budget=self.budget, clock=clock, spacing=LIST_SPACING
        )
        self._exports: dict[QueueId, Gatherer[ExportReading]] = {}

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
        self.budget.close()
        await self._session.__aexit__(kind, error, trace)

    def set_share(self, fraction: float) -> None:
        """This process may use that part of the deployment's budget."""
        self.budget.set_share(fraction)

    def now(self) -> datetime:
        """Rossum's time, estimated without a call."""
        return self._session.now()

    async def server_time(self) -> datetime:
        """Rossum's time; asks when it has not answered anything for a minute."""
        if self._clock.monotonic() - self._session.heard_at > FRESH:
            await self._ask(requests.organizations())
        return self._session.now()

    async def organization(self) -> int:
        """The organisation of our credentials."""
        number = wire.read_organization(await self._ask(requests.current_user()))
        if number is None:
            number = wire.read_organization(await self._ask(requests.organizations()))
        if number is None:
            raise NotOurs("the credentials belong to no Rossum organisation")
        return number

    async def upload(self, request: UploadRequest, chunks: AsyncIterator[bytes], *, gate: UploadGate) -> str:
        """Import one document; see the port."""
        call = requests.upload(request.queue, reject_identical=False)
        authorization = await self._session.authorization()
        await self.budget.take(call.lane)
        token, started = self._session.token, self._clock.monotonic()
        status: int | None = None
        try:
            task, status = await send_upload(self._session, call, authorization, (request, chunks, gate))
        except Throttled as error:
            status = 429
            self.budget.pause(error.retry_after, started=started)
            raise
        except NotOurs as error:
            status = error.http_status
            if status == _UNAUTHORIZED:
                # The body is spent; with a fresh token the next attempt may pass.
                await self._session.renew(token)
                raise Throttled("the token had expired; the upload starts again", retry_after=0.1) from error
            raise
        finally:
            self._tell(call, status, started)
        return task

    async def annotations(
        self, ids: Collection[AnnotationId], *, lane: Lane = Lane.READS
    ) -> Mapping[AnnotationId, AnnotationReading]:
        """Those of `ids` that the annotation list shows."""
        return {AnnotationId(n): reading for n, reading in (await self._annotations.read(ids, lane)).items()}

    async def exports(self, queue: QueueId, ids: Collection[AnnotationId]) -> Mapping[AnnotationId, ExportReading]:
        """Those of `ids` that the queue's export shows."""
        gatherer = self._exports.get(queue)
        if gatherer is None:

            async def fetch(numbers: Sequence[int], _lane: Lane) -> Mapping[int, ExportReading]:
                found = wire.read_exports(await self._send(requests.exports_by_id(queue, numbers)), queue)
                return {int(number): export for number, export in found.items()}

            gatherer = Gatherer(fetch, budget=self.budget, clock=self._clock, spacing=EXPORT_SPACING)
            self._exports[queue] = gatherer
        return {AnnotationId(n): export for n, export in (await gatherer.read(ids, Lane.CAPTURED)).items()}

    async def annotation(self, annotation: AnnotationId) -> AnnotationReading | None:
        """One annotation; None when it is gone."""
        answer = await self._ask_or_none(requests.annotation(annotation))
        return wire.read_annotation(answer) if answer is not None else None

    async def task(self, url: str) -> TaskReading | None:
        """An upload's task; None when it has expired."""
        answer = await self._ask_or_none(requests.task(url))
        return wire.read_task(answer) if answer is not None else None

    async def upload_object(self, url: str) -> UploadReading | None:
        """What an upload became."""
        answer = await self._ask_or_none(requests.upload_object(url))
        return wire.read_upload(answer) if answer is not None else None

    async def find_documents(
        self, *, file_name: str | None, after: datetime, before: datetime
    ) -> Sequence[DocumentReading]:
        """Documents created in a window, all pages, oldest first."""
        return await self._all_pages(
            lambda page: requests.documents_created(file_name=file_name, after=after, before=before, page=page)
        )

    async def documents(self, ids: Collection[int]) -> Mapping[int, DocumentReading]:
        """Those of `ids` that the document list shows."""
        return await self._documents.read(ids, Lane.READS)

    async def children(self, document: int) -> Sequence[DocumentReading]:
        """Documents below a document."""
        return await self._all_pages(lambda page: requests.documents_below(document, page))

    async def document_sha256(self, url: str) -> str | None:
        """Hex digest of a document's content, streamed; None when it is gone."""
        call = requests.document_content(url)
        await self.budget.take(call.lane)
        started, digest = self._clock.monotonic(), hashlib.sha256()
        timeout = aiohttp.ClientTimeout(total=10 * CALL_DEADLINE, sock_connect=CONNECT_TIMEOUT, sock_read=READ_TIMEOUT)
        status: int | None = None
        try:
            async with self._session.http.get(
                self._session.url(call.path), headers=await self._session.authorization(), timeout=timeout
            ) as response:
                status = response.status
                if status == _NOT_FOUND:
                    return None
                if not response.ok:
                    raise Retryable(f"Rossum answered {status} to {call.name}; it is asked again later")
                async for piece in response.content.iter_chunked(256 * 1024):
                    digest.update(piece)
        except NETWORK_ERRORS as error:
            raise failure_of_exchange(call.name, error) from error
        finally:
            self._tell(call, status, started)
        return digest.hexdigest()

    async def list_annotations(self, listing: Listing) -> ListingPage:
        """One page of a sweep."""
        return wire.read_listing(await self._ask(requests.listing_page(listing)), listing)

    async def _fetch_annotations(self, ids: Sequence[int], lane: Lane) -> Mapping[int, AnnotationReading]:
        found = wire.read_annotations(await self._send(requests.annotations_by_id(ids, lane)))
        return {int(number): reading for number, reading in found.items()}

    async def _fetch_documents(self, ids: Sequence[int], _lane: Lane) -> Mapping[int, DocumentReading]:
        found = wire.read_documents(await self._send(requests.documents_by_id(ids)))
        return {int(number): document for number, document in found.items()}

    async def _all_pages(self, call: Callable[[int], Call]) -> list[DocumentReading]:
        found: list[DocumentReading] = []
        for page in range(1, PAGES_A_SEARCH + 1):
            answer = await self._ask(call(page))
            found += wire.read_every_document(answer)
            if not wire.has_more(answer):
                break
        return found

    async def _ask_or_none(self, call: Call) -> Answer | None:
        """The answer; None for 404, which of a single object means that it is gone."""
        try:
            return await self._ask(call)
        except NotOurs as error:
            if error.http_status == _NOT_FOUND:
                return None
            raise

    async def _ask(self, call: Call) -> Answer:
        """A call with a slot of its own, again after each 429."""
        while True:
            await self.budget.take(call.lane)
            try:
                return await self._send(call)
            except Throttled:
                continue

    async def _send(self, call: Call) -> Answer:
        """One call whose slot is taken; logs in again once when the token has expired."""
        for attempt in (1, 2):
            headers = await self._session.authorization()
            token, started = self._session.token, self._clock.monotonic()
            status: int | None = None
            try:
                answer, error = await self._session.exchange(call, headers)
                status = answer.status
            finally:
                self._tell(call, status, started)
            if isinstance(error, Throttled):
                self.budget.pause(error.retry_after, started=started)
            if status == _UNAUTHORIZED and attempt == 1:
                await self._session.renew(token)
                await self.budget.take(call.lane)
                continue
            if error is not None:
                raise error
            return answer
        raise NotOurs("Rossum refuses a token that it has just given", http_status=_UNAUTHORIZED)

    def _tell(self, call: Call, status: int | None, started: float) -> None:
        seconds = self._clock.monotonic() - started
        self._on_call(ApiCall(call.lane, call.method, call.endpoint, status, seconds))
