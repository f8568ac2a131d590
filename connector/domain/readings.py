"""What Rossum told us, as frozen values: the only form in which its answers pass beyond the Rossum adapter.

Clocks are text in the one form of :func:`connector.domain.ids.format_clock`, so that they compare as text.
"""

from collections.abc import Iterable, Mapping
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
        return _beside(metadata, (mark.as_metadata() for mark in (self, replace(self, origin={}))))


@dataclass(frozen=True, slots=True)
class GatherMark:
    """Our mark in the metadata of annotations that went up together, which Rossum gives all the same.

    Attributes:
        members: By the sign of the sent file name: what the mark of that document would be, had it gone up alone.
        own: Likewise: the customer's metadata of that document, as far as the others have none of it.
    """

    gather: str
    members: Mapping[str, Mark]
    own: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def with_member(self, sign: str, mark: Mark) -> "GatherMark":
        """The same with one more document."""
        return replace(self, members={**self.members, sign: mark})

    def beside(self, metadata: Mapping[str, Any]) -> dict[str, Any]:
        """The customer's metadata, as far as all documents have it, with this mark.

        Raises:
            Rejected: More than Rossum takes (stage validate).
        """
        own = {"own": self.own} if self.own else {}
        forms = ([_written(mark, is_whole=whole) for mark in self.members.values()] for whole in (True, False))
        marks = (
            {"gather": self.gather, "members": dict(zip(self.members, form, strict=True)), **own} for form in forms
        )
        return _beside(metadata, marks)


@dataclass(frozen=True, slots=True)
class AnnotationReading:
    """One annotation as an annotation list (or a single GET) showed it.

    Attributes:
        at: Rossum's `Date` of the answer.
        clocks: Only those that have a value; names of :data:`CLOCKS` (`arrived_at` falls back to `created_at`).
        mark: Of a document that went up with others once its file name has told which is its own.
        gathered: The mark of all that went up with it.
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
    gathered: GatherMark | None = None
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
    gathered: GatherMark | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    automated: bool | None = None
    modified_at: str | None = None
    modifier: str | None = None
    types: Mapping[str, str] = field(default_factory=dict)


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
        runs: It is under way, or about to be.
    """

    request_id: str
    failed: bool
    runs: bool = False


@dataclass(frozen=True, slots=True)
class Enclosed:
    """A further document of an upload, held whole."""

    file_name: str
    content_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class UploadRequest:
    """What one import sends to Rossum beside the bytes.

    Attributes:
        file_name: As sent in the multipart part.
        metadata: Theirs and our mark, at most 4 kB as JSON; Rossum gives it to every document of the upload.
        values: `upload:*` values for the schema.
        size: Bytes, None where unknown before the end.
        enclosed: Further documents that go up with it.
    """

    queue: QueueId
    file_name: str
    content_type: str
    metadata: Mapping[str, Any]
    values: Mapping[str, Any]
    size: int | None
    enclosed: tuple[Enclosed, ...] = ()


def _written(mark: Mark, *, is_whole: bool) -> list[Any]:
    origin = [dict(mark.origin)] if is_whole and mark.origin else []
    return [mark.import_id, mark.document_key, *origin]


def _beside(metadata: Mapping[str, Any], marks: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The metadata with the first mark that there is room for: what only decorates the headers of events yields."""
    for mark in marks:
        whole = {**metadata, MARK_KEY: mark}
        size = len(orjson.dumps(whole))
        if size <= METADATA_LIMIT:
            return whole
    reason = f"metadata with our mark has {size} bytes, Rossum takes {METADATA_LIMIT}"
    raise Rejected(reason, stage=Stage.VALIDATE)
