"""Arrivals: what a producer writes to have a document imported, and how a record becomes one."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from connector.contracts.incoming import Form, Incoming, Unreadable, data_of, take
from connector.domain.ids import (
    ImportId,
    import_id_from_cloudevent,
    import_id_from_document,
    import_id_from_record,
)
from connector.errors import Rejected, Stage

#: Levels of nesting in `values` and `metadata`; they go into other JSON, whose writers stop at 254.
MAX_DEPTH: Final = 64
#: 1 to 255 characters without control characters, which CloudEvents attributes may not have.
DOCUMENT_ID_PATTERN: Final = r"^[^\x00-\x1f\x7f-\x9f]{1,255}$"
_DOCUMENT_ID: Final = re.compile(DOCUMENT_ID_PATTERN.removesuffix("$"))
#: At most this many faults of one arrival are named.
_FAULTS_SHOWN: Final = 5

#: What each field must be, for people; never says what it was, since an inline document must not be echoed.
EXPECTED: Final = {
    "source": "an object that says where the document is",
    "kind": "one of https, s3, gcs, azure, file, inline",
    "url": "a URL of 1 to 8192 characters",
    "bucket": "the name of a bucket or container",
    "key": "the key of an object, 1 to 1024 characters",
    "version": "the version of an object, 1 to 1024 characters",
    "path": "a path of 1 to 4096 characters",
    "base64": "the document in base64, at least one character",
    "sha256": "64 hexadecimal digits",
    "size": "a number of bytes, 0 or more",
    "queue": "a queue's id, its URL or a configured alias",
    "document_id": "text of 1 to 255 characters without control characters",
    "file_name": "text of 1 to 1024 characters",
    "content_type": "a media type such as application/pdf",
    "values": f"an object, nested at most {MAX_DEPTH} levels deep",
    "metadata": f"an object, nested at most {MAX_DEPTH} levels deep",
}


class _Contract(BaseModel):
    """Frozen; what it does not know is ignored, so that producers may add."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class _Located(_Contract):
    sha256: Annotated[
        str | None,
        Field(
            pattern=r"^[0-9a-fA-F]{64}$",
            description="SHA-256 of the document in hex; one that differs is refused.",
        ),
    ] = None
    size: Annotated[
        int | None,
        Field(ge=0, description="Size of the document in bytes; one that differs is refused."),
    ] = None


class HttpsSource(_Located):
    """A document behind an https URL."""

    kind: Annotated[Literal["https"], Field(description="Tells the kind of source.")]
    url: Annotated[
        str,
        Field(min_length=1, max_length=8192, description="Where to GET it; a signed URL must outlive retries."),
    ]


class ObjectSource(_Located):
    """A document in an object store."""

    kind: Annotated[Literal["s3", "gcs", "azure"], Field(description="Tells the kind of store.")]
    bucket: Annotated[str, Field(min_length=1, max_length=255, description="Bucket or container.")]
    key: Annotated[str, Field(min_length=1, max_length=1024, description="Key of the object.")]
    version: Annotated[
        str | None, Field(min_length=1, max_length=1024, description="Version of the object; the newest when absent.")
    ] = None


class FileSource(_Located):
    """A document on a file system that the connector sees."""

    kind: Annotated[Literal["file"], Field(description="Tells the kind of source.")]
    path: Annotated[
        str, Field(min_length=1, max_length=4096, description="Absolute path below one of the configured roots.")
    ]


class InlineSource(_Located):
    """A document inside of the arrival itself."""

    kind: Annotated[Literal["inline"], Field(description="Tells the kind of source.")]
    base64: Annotated[str, Field(min_length=1, description="The document in base64 (RFC 4648, padded).")]


Source = Annotated[HttpsSource | ObjectSource | FileSource | InlineSource, Field(discriminator="kind")]


def _shallow(value: dict[str, Any]) -> dict[str, Any]:
    if _deeper_than(value, MAX_DEPTH):
        raise PydanticCustomError("too_deep", "nested too deep")
    return value


def _deeper_than(value: Any, levels: int) -> bool:
    if isinstance(value, dict):
        return levels == 0 or any(_deeper_than(item, levels - 1) for item in value.values())
    if isinstance(value, list):
        return levels == 0 or any(_deeper_than(item, levels - 1) for item in value)
    return False


_Object = Annotated[dict[str, Any], AfterValidator(_shallow)]


class Arrival(_Contract):
    """A document that wants to be imported."""

    source: Annotated[Source, Field(description="Where the document is.")]
    queue: Annotated[
        Annotated[int, Field(ge=1, lt=2**63)] | Annotated[str, Field(min_length=1, max_length=1024)] | None,
        Field(description="Rossum queue: id, API URL or a configured alias; the default queue when absent."),
    ] = None
    document_id: Annotated[
        str | None,
        Field(
            pattern=DOCUMENT_ID_PATTERN,
            description="The producer's own name of the document, 1 to 255 characters without control "
            "characters: key of all its events. In plain JSON it also makes repeated arrivals one import.",
        ),
    ] = None
    file_name: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=1024,
            description="Name in Rossum, made safe and short there; the source's own when absent.",
        ),
    ] = None
    content_type: Annotated[
        str | None,
        Field(
            pattern=r"^[A-Za-z0-9!#$&^_.+-]{1,127}/[ -~]{1,127}$",
            description="Media type; told by content when absent.",
        ),
    ] = None
    values: Annotated[
        _Object, Field(description="Values for fields of the schema, keys `upload:<id>`; at most 64 levels.")
    ] = {}
    metadata: Annotated[
        _Object,
        Field(
            description="Anything; copied to the annotation and back onto every event. With our mark at most "
            "4,096 bytes as JSON, at most 64 levels."
        ),
    ] = {}


@dataclass(frozen=True, slots=True)
class ArrivalsLeft:
    """Which arrivals can be read again.

    Attributes:
        starts: By partition, as rows name it: what lies below is deleted; None where the whole topic is.
        copied: What was copied to the owner's `imports` before these were read lies below this offset.
    """

    starts: Mapping[str, int | None]
    copied: int

    def may_have(self, place: str, offset: int) -> bool:
        """Whether an arrival may still be there; of a partition that was not asked about nobody knows."""
        start = self.starts.get(place, 0)
        return start is not None and start <= offset


@dataclass(frozen=True, slots=True)
class Coordinates:
    """The place of a record in Kafka.

    Attributes:
        cluster: The cluster's id.
        timestamp_ms: The record's timestamp, milliseconds since 1970.
    """

    cluster: str
    topic: str
    partition: int
    offset: int
    timestamp_ms: int

    @property
    def causation(self) -> str:
        """As in `ce_causation`: `topic/partition/offset`."""
        return f"{self.topic}/{self.partition}/{self.offset}"


@dataclass(frozen=True, slots=True)
class ReceivedArrival:
    """An arrival that can be read.

    Attributes:
        document_key: Key of all its events: the arrival's `document_id`, else the import id.
        causation: Where it was announced, `topic/partition/offset`.
    """

    import_id: ImportId
    document_key: str
    arrival: Arrival
    causation: str
    traceparent: str | None
    tracestate: str | None


def identify(value: bytes | None, headers: Sequence[tuple[str, bytes]], at: Coordinates) -> ImportId:
    """The import id of any record, a poison one too; the same that :func:`read_arrival` gives. Never raises."""
    return _import_id(take(value, headers), at)


def read_arrival(value: bytes | None, headers: Sequence[tuple[str, bytes]], at: Coordinates) -> ReceivedArrival:
    """The arrival that a record announces.

    Raises:
        Rejected: It can't be read (stage validate); the sentence names the fields at fault, never their values.
    """
    incoming = take(value, headers)
    try:
        arrival = Arrival.model_validate(_object(data_of(incoming)))
    except Unreadable as fault:
        raise Rejected(f"The arrival cannot be read: {fault}.", stage=Stage.VALIDATE) from None
    except ValidationError as error:
        raise Rejected(f"The arrival is not valid: {_faults(error)}.", stage=Stage.VALIDATE) from None
    import_id = _import_id(incoming, at)
    return ReceivedArrival(
        import_id=import_id,
        document_key=arrival.document_id or import_id,
        arrival=arrival,
        causation=at.causation,
        traceparent=incoming.traceparent,
        tracestate=incoming.tracestate,
    )


def _object(data: Any) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise Unreadable("the data must be a JSON object")
    return data


def _import_id(incoming: Incoming, at: Coordinates) -> ImportId:
    if incoming.event is not None:
        return import_id_from_cloudevent(*incoming.event)
    if incoming.form is Form.PLAIN and isinstance(incoming.body, dict):
        document_id = incoming.body.get("document_id")
        if isinstance(document_id, str) and _DOCUMENT_ID.fullmatch(document_id):
            return import_id_from_document(document_id)
    return import_id_from_record(cluster=at.cluster, topic=at.topic, partition=at.partition, offset=at.offset)


def _faults(error: ValidationError) -> str:
    """One clause per field; `include_input=False` keeps values out of the details themselves."""
    details = error.errors(include_url=False, include_input=False, include_context=False)
    clauses = list(dict.fromkeys(_fault(detail["loc"], detail["type"]) for detail in details))
    more = f"; and {len(clauses) - _FAULTS_SHOWN} more" if len(clauses) > _FAULTS_SHOWN else ""
    return "; ".join(clauses[:_FAULTS_SHOWN]) + more


def _fault(location: tuple[int | str, ...], kind: str) -> str:
    """Names the field: locations carry a tag of the union between `source` and its field, and end in a branch."""
    path = [str(part) for part in location[:1]]
    if path == ["source"] and len(location) > 2:  # noqa: PLR2004 - source, tag, field
        path.append(str(location[2]))
    if kind in {"union_tag_invalid", "union_tag_not_found"}:
        path.append("kind")
    name = ".".join(path)
    if kind in {"missing", "union_tag_not_found"}:
        return f"`{name}` is missing, it must be {EXPECTED[path[-1]]}"
    return f"`{name}` must be {EXPECTED[path[-1]]}"
