"""What producers send: document arrivals, as CloudEvents (binary or structured) or plain JSON."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from connector.domain.ids import (
    ImportId,
    import_id_from_cloudevent,
    import_id_from_document,
    import_id_from_record,
)
from connector.errors import Rejected, Stage


class _Contract(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Source(_Contract):
    sha256: str | None = Field(
        None, pattern="^[0-9a-fA-F]{64}$", description="Hex SHA-256 of the document; a fetch that differs fails."
    )
    size: int | None = Field(None, ge=0, description="Size of the document in bytes; a fetch that differs fails.")


class HttpsSource(_Source):
    """A document behind an https URL."""

    kind: Literal["https"]
    url: str = Field(description="An https URL whose host the connector allows.")


class ObjectSource(_Source):
    """A document in an object store."""

    kind: Literal["s3", "gcs", "azure"]
    bucket: str = Field(description="Bucket or container.")
    key: str = Field(description="Name of the object.")
    version: str | None = Field(None, description="Version of the object.")


class FileSource(_Source):
    """A document in a file that the connector can read."""

    kind: Literal["file"]
    path: str = Field(description="Absolute path below a configured root.")


class InlineSource(_Source):
    """A document inside the event itself."""

    kind: Literal["inline"]
    base64: str = Field(description="The document, base64.")


Source = Annotated[HttpsSource | ObjectSource | FileSource | InlineSource, Field(discriminator="kind")]


class Arrival(_Contract):
    """A document that should be imported to Rossum."""

    source: Source = Field(description="Where the document is.")
    queue: int | str | None = Field(
        None, description="Rossum queue: id, API URL or configured alias; the default queue when absent."
    )
    document_id: str | None = Field(
        None, min_length=1, max_length=255, description="The producer's id; becomes the key of all events."
    )
    file_name: str | None = Field(None, description="File name in Rossum; the source's own when absent.")
    content_type: str | None = Field(None, description="MIME type, where the producer knows it.")
    values: dict[str, Any] = Field(
        default_factory=dict, description="Initial values of Rossum schema fields, keys `upload:<id>`."
    )
    metadata: dict[str, Any] = Field(
        default_factory=dict, description="Copied to the annotation and back onto every event."
    )


@dataclass(frozen=True, slots=True)
class Coordinates:
    """Where a record stands in Kafka; `cluster` is the cluster id."""

    cluster: str
    topic: str
    partition: int
    offset: int
    timestamp_ms: int

    @property
    def causation(self) -> str:
        """As events name it: `topic/partition/offset`."""
        return f"{self.topic}/{self.partition}/{self.offset}"


@dataclass(frozen=True, slots=True)
class ReceivedArrival:
    """An arrival that could be read, and who it is."""

    import_id: ImportId
    document_key: str
    arrival: Arrival
    causation: str
    traceparent: str | None
    tracestate: str | None


def identify(value: bytes | None, headers: Sequence[tuple[str, bytes]], at: Coordinates) -> ImportId:
    """The import id of any record, readable or not; never raises."""
    try:
        envelope = _open(value, dict(headers))
    except Rejected as error:
        envelope = _Envelope(None, *_ce_identity(dict(headers)))
        del error
    if envelope.ce_source and envelope.ce_id:
        return import_id_from_cloudevent(envelope.ce_source, envelope.ce_id)
    data = envelope.data
    document_id = data.get("document_id") if isinstance(data, Mapping) else None
    if isinstance(document_id, str) and document_id:
        return import_id_from_document(document_id)
    return import_id_from_record(
        cluster=at.cluster, topic=at.topic, partition=at.partition, offset=at.offset
    )


def read_arrival(
    value: bytes | None, headers: Sequence[tuple[str, bytes]], at: Coordinates
) -> ReceivedArrival:
    """Parse an arrival.

    Raises:
        Rejected: With one sentence that names what is wrong, never the values (they may hold a document).
    """
    named = dict(headers)
    envelope = _open(value, named)
    if not isinstance(envelope.data, Mapping):
        raise _invalid("the arrival's data is no JSON object")
    try:
        arrival = Arrival.model_validate(envelope.data)
    except ValidationError as error:
        raise _invalid(f"the arrival is not valid: {_problems(error)}") from None
    import_id = identify(value, headers, at)
    return ReceivedArrival(
        import_id,
        arrival.document_id or import_id,
        arrival,
        at.causation,
        _text(named.get("traceparent")) or _text(named.get("ce_traceparent")) or envelope.traceparent,
        _text(named.get("tracestate")),
    )


@dataclass(frozen=True, slots=True)
class _Envelope:
    data: Any
    ce_source: str | None = None
    ce_id: str | None = None
    traceparent: str | None = None


def _open(value: bytes | None, headers: Mapping[str, bytes]) -> _Envelope:
    """Tell the mode and take the data out of its envelope."""
    if value is None or not value.strip():
        raise _invalid("the arrival has no value")
    content_type = (_text(headers.get("content-type")) or "").split(";")[0].strip().lower()
    if content_type == "application/cloudevents+json":
        return _structured(_json(value))
    if any(name.startswith("ce_") for name in headers):
        return _binary(value, headers)
    data = _json(value)
    if isinstance(data, Mapping) and "specversion" in data and "source" in data and "id" in data:
        return _structured(data)
    return _Envelope(data)


def _binary(value: bytes, headers: Mapping[str, bytes]) -> _Envelope:
    for name in ("ce_specversion", "ce_id", "ce_source", "ce_type"):
        if not _text(headers.get(name)):
            raise _invalid(f"the CloudEvent lacks the header {name}")
    if _text(headers["ce_specversion"]) != "1.0":
        raise _invalid("the CloudEvent's ce_specversion is not 1.0")
    source, event_id = _ce_identity(headers)
    return _Envelope(_json(value), source, event_id)


def _structured(document: Any) -> _Envelope:
    if not isinstance(document, Mapping):
        raise _invalid("the structured CloudEvent is no JSON object")
    for name in ("specversion", "id", "source", "type"):
        if not isinstance(document.get(name), str) or not document[name]:
            raise _invalid(f"the structured CloudEvent lacks the attribute {name}")
    if document["specversion"] != "1.0":
        raise _invalid("the CloudEvent's specversion is not 1.0")
    data = document.get("data")
    if data is None and isinstance(document.get("data_base64"), str):
        try:
            data = _json(base64.b64decode(document["data_base64"], validate=True))
        except (binascii.Error, ValueError, Rejected):
            data = None
    traceparent = document.get("traceparent")
    return _Envelope(
        data, document["source"], document["id"], traceparent if isinstance(traceparent, str) else None
    )


def _ce_identity(headers: Mapping[str, bytes]) -> tuple[str | None, str | None]:
    return _text(headers.get("ce_source")), _text(headers.get("ce_id"))


def _json(value: bytes) -> Any:
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        raise _invalid("the arrival is not valid JSON in UTF-8") from None


def _text(value: bytes | None) -> str | None:
    if value is None:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None


def _problems(error: ValidationError) -> str:
    found = [
        f"{'.'.join(str(part) for part in problem['loc']) or 'data'}: {problem['type'].replace('_', ' ')}"
        for problem in error.errors(include_input=False, include_url=False, include_context=False)
    ]
    return "; ".join(found[:5])


def _invalid(sentence: str) -> Rejected:
    return Rejected(sentence, stage=Stage.VALIDATE)
