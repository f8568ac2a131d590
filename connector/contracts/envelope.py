"""CloudEvents 1.0 on Kafka: one fact as a record, binary mode (headers) or structured mode (one JSON object)."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson
from pydantic import BaseModel

from connector.domain.messages import Via

TYPE_PREFIX = "ai.rossum.connector."
SCHEMA_PREFIX = "urn:rossum-kafka-connector:schema:"
SCHEMA_VERSION = "1"


class EventMode(StrEnum):
    """How events are written."""

    BINARY = "binary"
    STRUCTURED = "structured"


@dataclass(frozen=True, slots=True)
class Event:
    """One fact to publish.

    Attributes:
        id: `ce_id`; the same for the same fact, whoever publishes it and whenever.
        name: Of the catalogue, e.g. `annotation.captured`.
        source: The queue's API URL.
        subject: `annotations/<id>`, `imports/<import id>` or `sweeps/<clock>`.
        time: Rossum's own clock of the fact (text).
        key: Record key.
        revision: What makes it unique among facts of its subject and name.
    """

    id: str
    name: str
    source: str
    subject: str
    time: str
    key: str
    revision: str | None
    via: Via
    data: BaseModel
    import_id: str | None = None
    causation: str | None = None
    traceparent: str | None = None
    tracestate: str | None = None


@dataclass(frozen=True, slots=True)
class KafkaRecord:
    """A record as it goes to Kafka."""

    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


def schema_uri(name: str) -> str:
    """`ce_dataschema` of an event's data."""
    return f"{SCHEMA_PREFIX}{name}:{SCHEMA_VERSION}"


def to_record(event: Event, mode: EventMode, data: BaseModel | None = None, schema: str | None = None) -> KafkaRecord:
    """The record of an event; `data` and `schema` replace the event's own (the thin variant)."""
    body = _dump(data if data is not None else event.data)
    attributes = _attributes(event, schema or event.name)
    trace = tuple(
        (name, value.encode())
        for name, value in (("traceparent", event.traceparent), ("tracestate", event.tracestate))
        if value
    )
    key = event.key.encode()
    if mode is EventMode.BINARY:
        headers = tuple(("ce_" + name, value.encode()) for name, value in attributes.items())
        return KafkaRecord(key, body, (*headers, ("content-type", b"application/json"), *trace))
    envelope = {**attributes, "datacontenttype": "application/json", "data": orjson.Fragment(body)}
    content_type = ("content-type", b"application/cloudevents+json; charset=UTF-8")
    return KafkaRecord(key, orjson.dumps(envelope), (content_type, *trace))


def _dump(data: BaseModel) -> bytes:
    serializer: Any = data.__pydantic_serializer__
    body: bytes = serializer.to_json(data, by_alias=True)
    return body


def _attributes(event: Event, schema: str) -> dict[str, str]:
    attributes = {
        "specversion": "1.0",
        "id": event.id,
        "type": TYPE_PREFIX + event.name,
        "source": event.source,
        "subject": event.subject,
        "time": event.time,
        "dataschema": schema_uri(schema),
        "partitionkey": event.key,
        "observedvia": event.via.value,
    }
    extensions = {
        "revision": event.revision,
        "importid": event.import_id,
        "causation": event.causation,
        "traceparent": event.traceparent,
    }
    attributes.update((name, value) for name, value in extensions.items() if value)
    return attributes
