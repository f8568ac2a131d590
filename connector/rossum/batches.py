"""Reads by id that share calls, a hundred ids in each."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from connector.clock import Clock
from connector.domain.ids import AnnotationId, DocumentId, QueueId
from connector.domain.readings import AnnotationReading, DocumentReading, ExportReading
from connector.ports import Lane
from connector.rossum import requests, wire
from connector.rossum.coalescing import EXPORT_SPACING, LIST_SPACING, Fetch, Gatherer
from connector.rossum.schemas import Schemas
from connector.rossum.session import Session

K = TypeVar("K", bound=int)
T = TypeVar("T")


class Batches:
    """See the module.

    Attributes:
        annotations: Those that the annotation list shows.
        documents: Those that the document list shows.
    """

    def __init__(self, session: Session, clock: Clock, schemas: Schemas) -> None:
        self._session = session
        self._clock = clock
        self._schemas = schemas
        self.annotations = self._gatherer(self._fetch_annotations, LIST_SPACING)
        self.documents = self._gatherer(self._fetch_documents, LIST_SPACING)
        self._exports: dict[QueueId, Gatherer[AnnotationId, ExportReading]] = {}
        self._claims: dict[QueueId, Gatherer[AnnotationId, ExportReading]] = {}

    def exports(self, queue: QueueId) -> Gatherer[AnnotationId, ExportReading]:
        """Those that the export of a queue shows."""
        if queue not in self._exports:
            self._exports[queue] = self._gatherer(self._export_fetch(queue), EXPORT_SPACING)
        return self._exports[queue]

    def claims(self, queue: QueueId) -> Gatherer[AnnotationId, ExportReading]:
        """Those of a queue that were confirmed and are exported from now on."""
        if queue not in self._claims:
            self._claims[queue] = self._gatherer(self._claim_fetch(queue), LIST_SPACING)
        return self._claims[queue]

    def close(self) -> None:
        """Stop; whoever waits is told so."""
        self.annotations.close()
        self.documents.close()
        for gatherer in (*self._exports.values(), *self._claims.values()):
            gatherer.close()

    def _gatherer(self, fetch: Fetch[K, T], spacing: float) -> Gatherer[K, T]:
        return Gatherer(fetch, budget=self._session.budget, clock=self._clock, spacing=spacing)

    async def _fetch_annotations(
        self, ids: Sequence[AnnotationId], lane: Lane
    ) -> Mapping[AnnotationId, AnnotationReading]:
        return wire.read_annotations(await self._session.send(requests.annotations_by_id(ids, lane)))

    async def _fetch_documents(self, ids: Sequence[DocumentId], _lane: Lane) -> Mapping[DocumentId, DocumentReading]:
        return wire.read_documents(await self._session.send(requests.documents_by_id(ids)))

    def _claim_fetch(self, queue: QueueId) -> Fetch[AnnotationId, ExportReading]:
        async def fetch(ids: Sequence[AnnotationId], _lane: Lane) -> Mapping[AnnotationId, ExportReading]:
            call = requests.moved_by_export(queue, ids, ["confirmed"], "exported")
            return wire.read_exports(await self._session.send(call), queue)

        return fetch

    def _export_fetch(self, queue: QueueId) -> Fetch[AnnotationId, ExportReading]:
        async def fetch(ids: Sequence[AnnotationId], _lane: Lane) -> Mapping[AnnotationId, ExportReading]:
            found = wire.read_exports(await self._session.send(requests.exports_by_id(queue, ids)), queue)
            return await self._schemas.completed(found)

        return fetch
