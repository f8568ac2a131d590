"""CloudEvents 1.0 on Kafka: one fact as a record, binary mode (headers) or structured mode (one JSON object)."""

import json
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any, Final

import orjson
from pydantic import BaseModel

from connector.domain.messages import Via

TYPE_PREFIX = "ai.rossum.connector."
SCHEMA_PREFIX = "urn:rossum-kafka-connector:schema:"
SCHEMA_VERSION = "1"
#: Bytes that the format of a batch with one record, and of each of its headers, adds at most.
_RECORD_OVERHEAD: Final = 100
_HEADER_OVERHEAD: Final = 10
_JSON: Final = ("content-type", b"application/json")
_STRUCTURED: Final = ("content-type", b"application/cloudevents+json; charset=UTF-8")


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
        replay: Id of the replay that published it (again); never part of what the fact is.
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
    replay: str | None = None


@dataclass(frozen=True, slots=True)
class KafkaRecord:
    """A record as it goes to Kafka."""

    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]

    @property
    def size(self) -> int:
        """Bytes that it takes alone in a batch without compression, at most."""
        headers = sum(len(name.encode()) + len(value) + _HEADER_OVERHEAD for name, value in self.headers)
        return len(self.key or b"") + len(self.value or b"") + headers + _RECORD_OVERHEAD


def schema_uri(name: str) -> str:
    """`ce_dataschema` of an event's data."""
    return f"{SCHEMA_PREFIX}{name}:{SCHEMA_VERSION}"


def to_record(event: Event, mode: EventMode, data: BaseModel | None = None, schema: str | None = None) -> KafkaRecord:
    """The record of an event; `data` and `schema` replace the event's own (the thin variant)."""
    body = encode_data(data if data is not None else event.data)
    attributes = _attributes(event, schema or event.name)
    claim = getattr(data if data is not None else event.data, "claim", None)
    if claim is not None:
        attributes["dataref"] = claim.url
    trace = tuple(
        (name, value.encode())
        for name, value in (("traceparent", event.traceparent), ("tracestate", event.tracestate))
        if value
    )
    key = event.key.encode()
    if mode is EventMode.BINARY:
        headers = tuple([("ce_" + name, value.encode()) for name, value in attributes.items()])
        return KafkaRecord(key, body, (*headers, _JSON, *trace))
    envelope = {**attributes, "datacontenttype": "application/json", "data": orjson.Fragment(body)}
    return KafkaRecord(key, orjson.dumps(envelope), (_STRUCTURED, *trace))


def encode_data(data: BaseModel) -> bytes:
    """An event's data as compact JSON without absent fields; never validates.

    Not pydantic's own serialiser: it infers types inside of free-form trees again and takes twice the time.
    """
    try:
        return orjson.dumps(_members(data), default=_members)
    except TypeError:
        # Free-form metadata nested deeper than orjson's 254 levels.
        text = json.dumps(_members(data), default=_members, ensure_ascii=False, separators=(",", ":"))
        return text.encode()


def _members(model: Any) -> dict[str, Any]:
    """The members of a model by their names in JSON; called for every nested model."""
    if not isinstance(model, BaseModel):
        raise TypeError(f"{type(model).__name__} has no place in an event's data")
    values = model.__dict__
    return {alias: value for name, alias in _json_names(type(model)) if (value := values.get(name)) is not None}


@cache
def _json_names(model: type[BaseModel]) -> tuple[tuple[str, str], ...]:
    return tuple((name, field.alias or name) for name, field in model.model_fields.items())


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
        "revision": event.revision,
        "observedvia": event.via.value,
        "replay": event.replay,
        "importid": event.import_id,
        "causation": event.causation,
        "traceparent": event.traceparent,
    }
    return {name: value for name, value in attributes.items() if value}
