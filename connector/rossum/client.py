"""Rossum as the engine sees it: implements `ports.Rossum` over HTTP."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import orjson

from connector.clock import Clock
from connector.domain.hook_plan import FoundHook
from connector.domain.ids import AnnotationId, DocumentId, QueueId
from connector.domain.readings import (
    AnnotationReading,
    ContentReading,
    DocumentReading,
    ExportReading,
    HookCall,
    Listing,
    ListingPage,
    TaskReading,
    UploadReading,
    UploadRequest,
)
from connector.domain.schema_readings import QueueReading, SchemaReading
from connector.errors import NotOurs
from connector.ports import Lane, UploadGate
from connector.rossum import requests, wire
from connector.rossum.batches import Batches
from connector.rossum.contents import Contents
from connector.rossum.document_search import DocumentSearches, every_document
from connector.rossum.embedding import Embedding
from connector.rossum.fields import id_of, text_or_none
from connector.rossum.gathered import GatheredMarks
from connector.rossum.multipart import MultipartBody
from connector.rossum.schemas import Schemas
from connector.rossum.session import RossumConnection, Session
from connector.rossum.transport import ApiCall, Sink
from connector.rossum.uploading import send_upload
from connector.rossum.users import Users
from connector.rossum.webhooks import Webhooks

#: An answer this young (seconds) tells Rossum's time well enough; our monotonic clock does not drift much in it.
FRESH = 60.0


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
        embedded: As whom embedded URLs are made, where that is another user.
    """

    def __init__(
        self,
        connection: RossumConnection,
        *,
        clock: Clock,
        on_call: Callable[[ApiCall], None],
        embedded: RossumConnection | None = None,
    ) -> None:
        self._session = Session(connection, clock=clock, on_call=on_call)
        self._clock = clock
        self._reject_identical = connection.reject_identical
        self.budget = self._session.budget
        self._schemas = Schemas(self._session, clock)
        self._batches = Batches(self._session, clock, self._schemas)
        self._gathered = GatheredMarks(self._batches.documents.read, self._document)
        self._searches = DocumentSearches(self._session)
        self._contents = Contents(self._session)
        self._webhooks = Webhooks(self._session)
        self.users = Users(self._session)
        user = Session(embedded, clock=clock, on_call=on_call, beside=self._session) if embedded else None
        self.embedding = Embedding(self._session, user, clock=clock)

    async def __aenter__(self) -> Self:
        await self._session.__aenter__()
        await self.embedding.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._batches.close()
        self._searches.close()
        await self.embedding.__aexit__(kind, error, trace)
        await self._session.__aexit__(kind, error, trace)

    def set_share(self, fraction: float) -> None:
        """This process may use that part (0 to 1) of the deployment's budget."""
        self.budget.set_share(fraction)

    def now(self) -> datetime:
        """Rossum's time, estimated without a call; our own before its first answer."""
        return self._session.time.now()

    async def server_time(self) -> datetime:
        """Rossum's time; asks where it has not answered anything for a minute.

        Raises:
            NotOurs: Rossum refuses us as a whole; without a status, since 403 and 404 would speak of a queue.
            Retryable: It does not answer.
        """
        if self._session.time.age > FRESH:
            try:
                await self._session.ask(requests.organizations())
            except NotOurs as error:
                raise NotOurs(str(error)) from error
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
        return await self._gathered.told(await self._batches.annotations.read(ids, lane), lane)

    async def exports(self, queue: QueueId, ids: Collection[AnnotationId]) -> Mapping[AnnotationId, ExportReading]:
        """Those of `ids` that the queue's export shows."""
        found = await self._batches.exports(queue).read(ids, Lane.CAPTURED)
        return await self._gathered.told(found, Lane.CAPTURED)

    async def claim(self, queue: QueueId, ids: Collection[AnnotationId]) -> frozenset[AnnotationId]:
        """Those of `ids` that were confirmed and are exported from now on; harmless to repeat."""
        return frozenset(await self._batches.claims(queue).read(ids, Lane.CAPTURED))

    async def export_file(
        self, queue: QueueId, ids: Collection[AnnotationId], params: tuple[tuple[str, str], ...], sink: Sink
    ) -> None:
        """The captured data of `ids` in the form that `params` (`format`, columns, page size) ask for, into `sink`.

        Args:
            queue: All others of `ids` are left out by Rossum, and so are those that it does not show any more.
            ids: As many as Rossum's pages of that form have room for.
            params: Query parameters of the export.
            sink: Given the bytes, piece by piece; an error of its own passes.

        Raises:
            Retryable: Not all of it came; what `sink` was given is of no use.
            NotOurs: Rossum refuses us.
        """
        await self._session.ask(requests.export_file(queue, sorted(ids), params), sink=sink)

    async def move(
        self, queue: QueueId, ids: Collection[AnnotationId], *, statuses: Collection[str], to_status: str
    ) -> frozenset[AnnotationId]:
        """Those of up to 100 `ids` that were in one of `statuses` and are `to_status` now; harmless to repeat."""
        call = requests.moved_by_export(queue, sorted(ids), sorted(statuses), to_status)
        return frozenset(wire.read_exports(await self._session.ask(call), queue))

    async def annotation(self, annotation: AnnotationId) -> AnnotationReading | None:
        """One annotation; None when it is gone."""
        answer = await self._session.ask_or_none(requests.annotation(annotation))
        if answer is None:
            return None
        return await self._gathered.told_as_it_is(wire.read_annotation(answer), Lane.READS)

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
        return await self._searches.find(file_name=file_name, after=after, before=before)

    async def documents_named(self, file_name: str) -> Sequence[DocumentReading]:
        """Up to 100 documents of that original file name, whenever they were created."""
        return wire.read_every_document(await self._session.ask(requests.documents_named(file_name)))

    async def documents(self, ids: Collection[int]) -> Mapping[int, DocumentReading]:
        """Those of `ids` that the document list shows."""
        found = await self._batches.documents.read({DocumentId(number) for number in ids}, Lane.READS)
        return dict(found.items())

    async def children(self, document: int) -> Sequence[DocumentReading]:
        """Documents whose parent is `document`, oldest first."""
        found = await every_document(self._session, lambda page: requests.documents_below(document, page))
        return [reading for reading in found if reading.parent == document]

    async def content(self, url: str) -> ContentReading | None:
        """What a document's content is like; None when it is gone."""
        return await self._contents.read(url)

    async def set_status(self, annotation: AnnotationId, status: str) -> bool:
        """Put an annotation into a status; False when it is gone.

        Raises:
            Rejected: Rossum does not allow it now.
        """
        call = requests.changed_annotation(annotation, orjson.dumps({"status": status}))
        return await self._session.ask_or_none(call) is not None

    async def queue(self, queue: QueueId) -> QueueReading | None:
        """A queue; None when these credentials see none of that id."""
        answer = await self._session.ask_or_none(requests.queue(queue))
        if answer is None or not isinstance(answer.data, Mapping):
            return None
        return QueueReading(text_or_none(answer.data.get("name")) or "", id_of(answer.data.get("schema")))

    async def schema(self, schema: int) -> SchemaReading | None:
        """A schema (lane ops); None when it is gone."""
        return await self._schemas.read(schema, Lane.OPS)

    async def hooks(self) -> Sequence[FoundHook]:
        """The webhooks of the organisation."""
        return await self._webhooks.all()

    async def save_hook(self, hook: int | None, body: Mapping[str, Any]) -> int:
        """Make a hook (None) or change one; its id.

        Raises:
            Rejected: Rossum refuses it, with its reason.
        """
        return await self._webhooks.save(hook, body)

    async def hook_calls(self, hook: int) -> Sequence[HookCall]:
        """The last calls of a hook about annotations, newest first, as Rossum's own log has them."""
        return await self._webhooks.calls(hook)

    async def list_annotations(self, listing: Listing, *, lane: Lane = Lane.SWEEPS) -> ListingPage:
        """One page of a sweep; a page beyond the last is empty."""
        answer = await self._session.ask_page(requests.listing_page(listing, lane), listing.page)
        if answer is None:
            return ListingPage((), None, more=False, at=self.now())
        return wire.read_listing(answer, listing)

    async def _document(self, number: DocumentId) -> DocumentReading | None:
        answer = await self._session.ask_or_none(requests.document(number))
        return None if answer is None else wire.read_document(answer)
