"""The seams: what the engine needs from the outside world, each as narrow as it can be.

Adapters (`rossum/`, `documents/`, `kafka/`, `state/`) implement these; the engine and the tests know nothing else.
"""

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from connector.contracts.arrivals import ArrivalsLeft, Coordinates, Source
from connector.contracts.catalogue import TopicRole
from connector.contracts.envelope import KafkaRecord
from connector.domain.hook_plan import FoundHook
from connector.domain.ids import AnnotationId, QueueId
from connector.domain.messages import WorkMessage
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
from connector.domain.rows import AnyRow


class Lane(StrEnum):
    """Who asks: the lanes of the API budget, most urgent first."""

    CAPTURED = "captured"
    UPLOADS = "uploads"
    READS = "reads"
    SWEEPS = "sweeps"
    OPS = "ops"


@dataclass(frozen=True, slots=True)
class FetchedDocument:
    """A document that is open for reading.

    Attributes:
        file_name: From the source (path, URL, disposition), cleaned; None where the source names none.
        content_type: Told by content (magic bytes), else the source's own word, else `application/octet-stream`.
        single: True where the kind holds exactly one document (PDF, PNG, JPEG, TIFF).
        size: Bytes where known before the end.
        chunks: The bytes, in pieces of at most 256 KiB; raises `Rejected` (too large, checksum differs) or
            `Retryable` (the connection broke) in mid-stream.
        sha256: Called after the last chunk: hex digest of what was read.
    """

    file_name: str | None
    content_type: str
    single: bool
    size: int | None
    chunks: AsyncIterator[bytes]
    sha256: Callable[[], str]


class Documents(Protocol):
    """Fetches documents by reference."""

    def open(self, source: Source) -> AbstractAsyncContextManager[FetchedDocument]:
        """The document of `source`, open.

        Raises (on entering or while reading):
            Rejected: Never retrievable (stage fetch or validate), e.g. not allowed, too large, gone.
            Retryable: May work later.
        """


class ClaimStore(Protocol):
    """Keeps bodies of events that are too large for Kafka."""

    async def keep(self, name: str, body: bytes) -> str:
        """Store a body, once more if need be; the URL of the object, which certainly exists from then on.

        Raises:
            Retryable: It was not stored, or nobody knows.
        """


class UploadGate(Protocol):
    """Asked right before the closing boundary of an upload: does this process still own the work?"""

    def __call__(self) -> bool:
        """False makes the adapter break the connection, so that Rossum discards the upload."""


class Rossum(Protocol):
    """What the engine asks of Rossum.

    Every method waits for the API budget and may raise `Retryable`, `Throttled`, `NotOurs`; an answer that makes no
    sense is `Retryable`.
    """

    async def upload(self, request: UploadRequest, chunks: AsyncIterator[bytes], *, gate: UploadGate) -> str:
        """Import one document; the URL of its task.

        Raises:
            Retryable: Certainly not imported; `BrokenOff` where bytes had left already.
            Identical: Refused because the organisation has a document of that name and content.
            Ambiguous: Perhaps imported (timeout, reset, 5xx, after the first byte left).
            Rejected: Rossum refuses this document (stage upload).
            PartitionLost: `gate` said no; certainly not imported.
        """

    async def annotations(
        self, ids: Collection[AnnotationId], *, lane: Lane = Lane.READS
    ) -> Mapping[AnnotationId, AnnotationReading]:
        """Those of `ids` that the annotation list shows; calls of several callers are merged, 100 ids each."""

    async def exports(self, queue: QueueId, ids: Collection[AnnotationId]) -> Mapping[AnnotationId, ExportReading]:
        """Those of `ids` that the queue's export shows, merged likewise (lane captured)."""

    async def claim(self, queue: QueueId, ids: Collection[AnnotationId]) -> frozenset[AnnotationId]:
        """Those of `ids` that were confirmed and are exported from now on; harmless to repeat."""

    async def annotation(self, annotation: AnnotationId) -> AnnotationReading | None:
        """One annotation by its own URL; None where Rossum answers 404: it is gone."""

    async def task(self, url: str) -> TaskReading | None:
        """An upload's task; None where it has expired (404)."""

    async def upload_object(self, url: str) -> UploadReading | None:
        """What an upload became; None for 404."""

    async def find_documents(
        self, *, file_name: str | None, after: datetime, before: datetime
    ) -> Sequence[DocumentReading]:
        """Documents with that original file name (any, when None) created in the window, all pages, oldest first.

        Searches of several callers share calls; documents created shortly before or after may be among them.
        """

    async def documents_named(self, file_name: str) -> Sequence[DocumentReading]:
        """Up to 100 documents with that original file name, whenever they were created (lane reads)."""

    async def documents(self, ids: Collection[int]) -> Mapping[int, DocumentReading]:
        """Those of `ids` that the document list shows; merged, 100 ids a call (lane reads)."""

    async def children(self, document: int) -> Sequence[DocumentReading]:
        """Documents whose parent is `document` (lane reads): what a split or an archive became."""

    async def content(self, url: str) -> ContentReading | None:
        """Hash and size of a document's content, streamed once and then remembered; None for 404."""

    async def set_status(self, annotation: AnnotationId, status: str) -> bool:
        """Put an annotation into a status as a person would (lane reads); False for 404.

        Raises:
            Rejected: Rossum does not allow it now.
        """

    async def list_annotations(self, listing: Listing, *, lane: Lane = Lane.SWEEPS) -> ListingPage:
        """One page of a sweep."""

    async def hooks(self) -> Sequence[FoundHook]:
        """The webhooks of the organisation (lane ops)."""

    async def hook_calls(self, hook: int) -> Sequence[HookCall]:
        """The last calls of a hook in Rossum's own log, newest first (lane ops)."""

    def now(self) -> datetime:
        """Rossum's time as estimated from the `Date` of its newest answer; the local clock before the first."""

    async def server_time(self) -> datetime:
        """Rossum's `Date`: of an answer of the last minute, else of one call (lane ops); `NotOurs` has no status."""

    async def organization(self) -> int:
        """The id of the organisation that the credentials belong to (lane ops)."""


class WorkLog(Protocol):
    """Writes to the inner log `work`, idempotently, outside of any transaction."""

    async def send(self, messages: Iterable[WorkMessage]) -> None:
        """Return when Kafka has acknowledged all of them (acks=all).

        Raises:
            KafkaUnavailable: Not acknowledged in time; some may be stored.
        """


class State(Protocol):
    """The rows of one partition, as far as they are known to be committed, and three indexes over them.

    A cache of the ledger: losing it costs time, nothing else. Calls do not wait.
    """

    @property
    def ledger_end(self) -> int:
        """The ledger offset after the last applied row."""

    def __len__(self) -> int:
        """How many rows there are."""

    def get(self, key: str) -> AnyRow | None:
        """The row of an entity."""

    def items(self) -> Iterator[tuple[str, AnyRow]]:
        """All rows by entity, in any order; may be walked slowly, beside changes that it need not show."""

    def apply(self, rows: Mapping[str, AnyRow | None], *, ledger_end: int) -> None:
        """Take in committed rows (None removes) and the ledger offset that they reach, in one step."""

    def due(self, before: str, limit: int) -> list[str]:
        """Entities whose row wants to be looked at by that clock text, the earliest first."""

    def next_due(self) -> str | None:
        """The earliest of all due times."""

    def open(self) -> Iterator[str]:
        """Entities not at rest."""

    def open_count(self) -> int:
        """How many entities are not at rest."""

    def lowest_held(self) -> int | None:
        """The lowest offset of `imports` that a row still needs."""


class States(Protocol):
    """Where the states of this process's partitions are kept."""

    def open(self, partition: int) -> State:
        """What is kept of a partition, else an empty state."""

    def kept_from(self, partition: int) -> str | None:
        """The incarnation of the ledger that the kept one was made from; None when it is empty."""

    def empty(self, partition: int) -> State:
        """An empty state; what is kept is not wanted."""

    def afresh(self, partition: int, reason: str) -> State:
        """An empty state instead of what is kept, which is a loss because of that."""

    def keep(self, partition: int, incarnation: str) -> None:
        """The state holds all of its partition now, and was made from the ledger of that incarnation."""


@dataclass(frozen=True, slots=True)
class InnerRecord:
    """A record of `imports` or `work` as the engine sees it."""

    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    timestamp_ms: int


@dataclass(frozen=True, slots=True)
class Batch:
    """What one transaction holds.

    Attributes:
        records: Public records with the role of their topic.
        rows: Encoded ledger rows by key; None is a tombstone.
        offsets: Next offset to read by inner log (`imports`, `work`); only those that moved.
    """

    records: Sequence[tuple[TopicRole, KafkaRecord]]
    rows: Mapping[str, bytes | None]
    offsets: Mapping[TopicRole, int]


class PartitionLog(Protocol):
    """Kafka as the owner of one partition sees it."""

    @property
    def owner(self) -> str | None:
        """Who writes the rows; set in at-least-once mode only."""

    async def commit(self, batch: Batch) -> int:
        """Make a batch true; the ledger offset after its rows (unchanged without rows).

        Raises:
            PartitionLost: Another owner has taken over; nothing of the batch is visible.
            KafkaUnavailable: The outcome is unknown; this log can't be used any more.
            CommitRepeated: It is true, but this log can't be used any more.
        """

    async def read_copy(self, offset: int) -> InnerRecord | None:
        """A record of `imports` of this partition by its offset; None when it is gone."""

    async def read_arrival(self, at: Coordinates) -> InnerRecord | None:
        """A record of the arrivals topic by its coordinates; None when it is gone."""

    async def left_of_arrivals(self, places: Collection[str]) -> ArrivalsLeft:
        """What of these partitions, named as rows do, can be read again, or `KafkaUnavailable`."""

    async def close(self) -> None:
        """Let go, within a few seconds whatever Kafka does."""
