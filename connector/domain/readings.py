"""What Rossum told us, as frozen values: the only form in which its answers pass beyond the Rossum adapter.

Clocks are text in the one form of :func:`connector.domain.ids.format_clock`, so that they compare as text.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import orjson

from connector.domain.ids import AnnotationId, DocumentId, ImportId, QueueId
from connector.errors import Rejected, Stage

#: Rossum's clocks that a sweep can walk by, and that rows and hints carry.
CLOCKS = (
    "exported_at",
    "confirmed_at",
    "rejected_at",
    "export_failed_at",
    "deleted_at",
    "purged_at",
    "arrived_at",
)

#: The key below which our mark lives in an annotation's metadata.
MARK_KEY = "rossum_kafka_connector"
#: Rossum's limit for the metadata of an annotation (bytes of JSON).
METADATA_LIMIT = 4096
#: What a mark, a link or a row tells of the arrival behind an annotation, for the headers of its events.
ORIGIN = ("causation", "traceparent", "tracestate")


@dataclass(frozen=True, slots=True)
class Mark:
    """Our mark in an annotation's metadata: which import it came from and the key of its events.

    Attributes:
        origin: Of the arrival: causation, traceparent, tracestate, as far as there was room.
    """

    import_id: ImportId
    document_key: str
    origin: Mapping[str, str] = field(default_factory=dict)

    def as_metadata(self) -> dict[str, str]:
        """As it stands in the metadata."""
        return {"import_id": self.import_id, "document_key": self.document_key, **self.origin}

    def beside(self, metadata: Mapping[str, Any]) -> dict[str, Any]:
        """The customer's metadata with this mark.

        Raises:
            Rejected: More than Rossum takes (stage validate).
        """
        # What only decorates the headers of events has to yield where there is no room.
        for mark in (self, replace(self, origin={})):
            whole = {**metadata, MARK_KEY: mark.as_metadata()}
            size = len(orjson.dumps(whole))
            if size <= METADATA_LIMIT:
                return whole
        reason = f"metadata with our mark has {size} bytes, Rossum takes {METADATA_LIMIT}"
        raise Rejected(reason, stage=Stage.VALIDATE)


@dataclass(frozen=True, slots=True)
class AnnotationReading:
    """One annotation as an annotation list (or a single GET) showed it.

    Attributes:
        at: Rossum's `Date` of the answer.
        clocks: Only those that have a value; names of :data:`CLOCKS` (`arrived_at` falls back to `created_at`).
        metadata: Theirs, without our mark.
        parents: Annotations that this one was split or copied from, where known.
    """

    id: AnnotationId
    url: str
    status: str
    queue: QueueId
    document: DocumentId | None
    clocks: Mapping[str, str]
    at: datetime
    schema: str | None = None
    mark: Mark | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    automated: bool | None = None
    modified_at: str | None = None
    modifier: str | None = None
    created_at: str | None = None
    relations: tuple[str, ...] = ()
    messages: str | None = None


@dataclass(frozen=True, slots=True)
class ExportReading:
    """One annotation as a queue export (JSON) showed it: its captured data and the revision they belong to.

    Attributes:
        exported_at: The revision of `content`; None where Rossum shows none.
        content: Rossum's export tree, untouched.
        types: What the schema says of fields by their id, where the tree tells no types and the schema could be read.
    """

    id: AnnotationId
    url: str
    status: str
    queue: QueueId
    at: datetime
    content: list[Any]
    exported_at: str | None = None
    arrived_at: str | None = None
    document: DocumentId | None = None
    document_url: str | None = None
    file_name: str | None = None
    schema: str | None = None
    mark: Mark | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    automated: bool | None = None
    modified_at: str | None = None
    modifier: str | None = None
    types: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class QueueReading:
    """One queue; `schema` is the id of its schema, None where Rossum names none."""

    name: str
    schema: int | None


@dataclass(frozen=True, slots=True)
class SchemaField:
    """A field of a schema, or a column of one of its tables.

    Attributes:
        exported: Whether exports, and so events, show it.
    """

    type: str | None
    label: str | None
    exported: bool = True


@dataclass(frozen=True, slots=True)
class SchemaTable:
    """A multivalue of a schema: line items, or a single repeated value."""

    label: str | None
    columns: Mapping[str, SchemaField]


@dataclass(frozen=True, slots=True)
class SchemaReading:
    """One schema: header fields and tables by schema id."""

    id: int
    fields: Mapping[str, SchemaField]
    tables: Mapping[str, SchemaTable]

    @property
    def types(self) -> dict[str, str]:
        """The types of all fields and columns, where they have one."""
        every = [self.fields, *(table.columns for table in self.tables.values())]
        return {name: field.type for fields in every for name, field in fields.items() if field.type is not None}

    @property
    def exported(self) -> frozenset[str]:
        """Ids of everything that an event can carry."""
        every = [self.fields, *(table.columns for table in self.tables.values())]
        shown = (name for fields in every for name, field in fields.items() if field.exported)
        return frozenset((*self.tables, *shown))


@dataclass(frozen=True, slots=True)
class DocumentReading:
    """One document object; `parent` is set for children of archives, e-mails and splits."""

    id: DocumentId
    url: str
    file_name: str
    created_at: str
    parent: DocumentId | None
    annotations: tuple[AnnotationId, ...]


@dataclass(frozen=True, slots=True)
class ContentReading:
    """A document's content, without the bytes: hex digest and size in bytes."""

    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class TaskReading:
    """An upload's task. `status` is running, succeeded or failed; `upload` the URL of the upload object once known."""

    status: str
    upload: str | None = None
    detail: str | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True)
class UploadReading:
    """An upload object: what one upload became."""

    annotations: tuple[AnnotationId, ...]
    documents: tuple[DocumentId, ...]


@dataclass(frozen=True, slots=True)
class ListingRow:
    """One line of a sweep's listing: enough to hint, no more."""

    id: AnnotationId
    status: str
    queue: QueueId
    document: DocumentId | None
    clocks: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ListingPage:
    """One page of a sweep's listing.

    Attributes:
        total: Rows that match the whole listing, None where Rossum does not say.
        more: Whether Rossum offers a next page.
        at: Rossum's `Date` of the answer.
    """

    rows: tuple[ListingRow, ...]
    total: int | None
    more: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Listing:
    """One call of a sweep: annotations of `queues` whose `clock` lies between two instants, 100 a page.

    Whether Rossum counts the bounds in is unknown, so callers overlap; `page` counts from 1.
    """

    clock: str
    queues: tuple[QueueId, ...]
    after: str
    before: str
    page: int = 1


@dataclass(frozen=True, slots=True)
class HookCall:
    """One webhook in Rossum's own log of them.

    Attributes:
        failed: Nobody took it (yet: Rossum may try again under the same request id).
    """

    request_id: str
    failed: bool


@dataclass(frozen=True, slots=True)
class UploadRequest:
    """What one import sends to Rossum beside the bytes.

    Attributes:
        file_name: As sent in the multipart part.
        metadata: Theirs and our mark, at most 4 kB as JSON.
        values: `upload:*` values for the schema.
        size: Bytes, None where unknown before the end.
    """

    queue: QueueId
    file_name: str
    content_type: str
    metadata: Mapping[str, Any]
    values: Mapping[str, Any]
    size: int | None
