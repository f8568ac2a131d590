"""The AsyncAPI 3.0 document: which messages this product reads and writes, and where.

https://www.asyncapi.com/docs/reference/specification/v3.0.0, Kafka bindings 0.5.0.
"""

from collections.abc import Mapping
from typing import Any, Final

from connector.contracts import dead_letters
from connector.contracts.catalogue import CAPTURED, CAPTURED_THIN, CATALOGUE, EventType, TopicRole
from connector.contracts.envelope import TYPE_PREFIX, schema_uri

_BINDING_VERSION: Final = "0.5.0"
_ARRIVAL: Final = "arrival"
_DEAD_LETTER: Final = "dead-letter"

#: Topics that others read or write, and what they are told about them.
_CHANNELS: Final = {
    TopicRole.ARRIVED: "Arrivals: CloudEvents 1.0 (binary or structured) or plain JSON. Any key.",
    TopicRole.LIFECYCLE: "Every event of a document, free of captured data. Key: the document key; of sweep.completed "
    "the clock.",
    TopicRole.CAPTURED: "Captured data, one message per revision. Key: the document key.",
    TopicRole.READY: "Documents that a person can open now. Key: the document key.",
    TopicRole.DEAD_LETTERS: "Arrivals that cannot be processed, byte-identical, with the reasons in headers.",
}

#: Headers of events in binary mode; (description, whether every event has it).
_EVENT_HEADERS: Final = {
    "ce_specversion": ("Always 1.0.", True),
    "ce_id": ("The same for the same fact, whoever publishes it and whenever (UUID).", True),
    "ce_type": ("Which event it is.", True),
    "ce_source": ("API URL of the Rossum queue; of the API where no queue is known.", True),
    "ce_subject": ("annotations/<id>, imports/<import id> or sweeps/<clock>. Order holds per subject.", True),
    "ce_time": ("Rossum's own clock of the fact.", False),
    "ce_dataschema": ("The JSON Schema of the data.", True),
    "ce_partitionkey": ("The key of the record.", True),
    "ce_revision": ("What makes the fact unique among those of its subject and type, often a clock.", False),
    "ce_observedvia": ("How the fact was learnt: webhook, sweep, read or replay.", True),
    "ce_replay": ("Only on what `rossum-connector replay` had published (again): the id of that replay.", False),
    "ce_importid": ("The import (UUID) that it came from.", False),
    "ce_causation": ("topic/partition/offset of the arrival.", False),
    "ce_traceparent": ("W3C trace context of the arrival.", False),
    "ce_dataref": ("Where the whole data is, when parts were left out and a claim store is configured.", False),
    "content-type": ("application/json; in structured mode application/cloudevents+json.", True),
    "traceparent": ("W3C trace context of the arrival.", False),
    "tracestate": ("What vendors add to the trace context.", False),
}


def asyncapi_document(topics: Mapping[TopicRole, str]) -> dict[str, Any]:
    """The document as plain data; payloads refer to the files beside it."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Rossum Kafka connector",
            "version": "1.0.0",
            "description": "Documents announced on Kafka go to Rossum; captured data comes back on Kafka.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {role.value: _channel(role, topics[role]) for role in _CHANNELS},
        "operations": {
            _operation(role): {
                "action": "receive" if role is TopicRole.ARRIVED else "send",
                "channel": {"$ref": f"#/channels/{role.value}"},
                "summary": text,
            }
            for role, text in _CHANNELS.items()
        },
        "components": {
            "messages": {name: _message(name) for name in [_ARRIVAL, *CATALOGUE, CAPTURED_THIN]}
            | {_DEAD_LETTER: _dead_letter()},
            "schemas": {"eventHeaders": _event_headers(), "arrivalHeaders": _arrival_headers()},
        },
    }


def messages_of(role: TopicRole) -> list[str]:
    """Names of the messages of a public topic."""
    if role is TopicRole.ARRIVED:
        return [_ARRIVAL]
    if role is TopicRole.DEAD_LETTERS:
        return [_DEAD_LETTER]
    return [_variant(kind, role) for kind in CATALOGUE.values() if role in kind.topics]


def _variant(kind: EventType, role: TopicRole) -> str:
    return CAPTURED_THIN if kind.name == CAPTURED and role is not TopicRole.CAPTURED else kind.name


def _operation(role: TopicRole) -> str:
    verb = "receive" if role is TopicRole.ARRIVED else "send"
    return verb + "".join(word.capitalize() for word in role.value.split("_"))


def _channel(role: TopicRole, topic: str) -> dict[str, Any]:
    return {
        "address": topic,
        "description": _CHANNELS[role],
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages_of(role)},
        "bindings": {
            "kafka": {
                "topic": topic,
                "topicConfiguration": {"cleanup.policy": ["delete"]},
                "bindingVersion": _BINDING_VERSION,
            }
        },
    }


def _message(name: str) -> dict[str, Any]:
    if name == _ARRIVAL:
        title, summary = "A document that wants to be imported", "Write it to have a document imported."
        headers: dict[str, Any] = {"$ref": "#/components/schemas/arrivalHeaders"}
    else:
        kind = CATALOGUE[CAPTURED if name == CAPTURED_THIN else name]
        title, summary = TYPE_PREFIX + kind.name, kind.when
        constants = {"ce_type": TYPE_PREFIX + kind.name, "ce_dataschema": schema_uri(name)}
        fixed = {header: {"type": "string", "const": text} for header, text in constants.items()}
        headers = {"allOf": [{"$ref": "#/components/schemas/eventHeaders"}, {"type": "object", "properties": fixed}]}
    return {
        "name": name,
        "title": title,
        "summary": summary,
        "contentType": "application/json",
        "headers": headers,
        "payload": {"$ref": f"./{name}.json"},
        "bindings": _key("The document key."),
    }


def _dead_letter() -> dict[str, Any]:
    texts = dead_letters.HEADERS | dead_letters.OPTIONAL
    properties = {name: {"type": "string", "description": text} for name, text in texts.items()}
    return {
        "name": _DEAD_LETTER,
        "title": "An arrival that cannot be processed",
        "summary": "Value, key and headers of the arrival as they came, then these headers.",
        "headers": {"type": "object", "properties": properties, "required": list(dead_letters.HEADERS)},
        "payload": {"description": "The value of the arrival, byte for byte; it need not be JSON. Empty if left out."},
        "bindings": _key("The key of the arrival."),
    }


def _key(description: str) -> dict[str, Any]:
    return {"kafka": {"key": {"type": "string", "description": description}, "bindingVersion": _BINDING_VERSION}}


def _event_headers() -> dict[str, Any]:
    return {
        "type": "object",
        "description": "CloudEvents attributes in binary mode; in structured mode they are members of the value.",
        "properties": {name: {"type": "string", "description": text} for name, (text, _) in _EVENT_HEADERS.items()},
        "required": [name for name, (_, always) in _EVENT_HEADERS.items() if always],
    }


def _arrival_headers() -> dict[str, Any]:
    texts = {
        "ce_specversion": "1.0 where the arrival is a CloudEvent in binary mode; then the next three are needed too.",
        "ce_id": "With ce_source it names the arrival: the same pair is the same import.",
        "ce_source": "Who announces the document.",
        "ce_type": "Any.",
        "content-type": "application/cloudevents+json in structured mode.",
        "traceparent": "W3C trace context; every event about the import carries it.",
        "tracestate": "What vendors add to the trace context.",
    }
    return {
        "type": "object",
        "properties": {name: {"type": "string", "description": text} for name, text in texts.items()},
    }
