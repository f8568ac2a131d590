"""What a record of the arrivals topic is, before anybody looks at its data.

Three forms are read: CloudEvents 1.0 in binary mode (`ce_*` headers), in structured mode (content type
`application/cloudevents+json`), and plain JSON. See the Kafka protocol binding:
https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md
"""

import binascii
import re
from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

import orjson

#: Attributes that every CloudEvent has; in the order in which a sentence lists them.
REQUIRED: Final = ("specversion", "id", "source", "type")
#: The version of CloudEvents that is understood.
SPECVERSION: Final = "1.0"
_STRUCTURED: Final = b"application/cloudevents+json"
_CLOUDEVENTS: Final = b"application/cloudevents"
_HEADER_PREFIX: Final = "ce_"
#: https://www.w3.org/TR/trace-context/#traceparent-header
_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
#: Characters that a `tracestate` may have; W3C lets every hop cut it at 512.
_TRACESTATE: Final = re.compile(r"[ -~]{1,512}")
#: Characters that are kept of a name; what is longer is no name.
NAME_LENGTH: Final = 1_000


class Form(Enum):
    """How an arrival is written."""

    BINARY = "binary"
    STRUCTURED = "structured"
    PLAIN = "plain"
    #: CloudEvents in a format that this product does not read (batches, Avro, Protobuf).
    FOREIGN = "foreign"


class Unreadable(Exception):
    """The record or its data can't be read; the message is a clause that says what is wrong, without any of it."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """One record, taken apart as far as that is cheap.

    Attributes:
        attributes: CloudEvents attributes; values are text where the producer kept to the specification.
        value: The record's value.
        body: The decoded value; in binary mode, or where it is not JSON, None.
        fault: Why the value could not be decoded.
        headers: Headers that have a value; the last of equal names.
    """

    form: Form
    attributes: Mapping[str, Any]
    value: bytes | None
    body: Any
    fault: str | None
    headers: Mapping[str, bytes]

    @property
    def event(self) -> tuple[str, str] | None:
        """`source` and `id` of the CloudEvent, where it has both."""
        if self.form is Form.PLAIN:
            return None
        source, event_id = self.attributes.get("source"), self.attributes.get("id")
        if isinstance(source, str) and isinstance(event_id, str) and source and event_id:
            return source, event_id
        return None

    @property
    def traceparent(self) -> str | None:
        """The W3C trace context: of the record, else of the event; None where it is malformed."""
        return self._trace("traceparent", _TRACEPARENT)

    @property
    def tracestate(self) -> str | None:
        """What vendors add to the trace context; only together with it."""
        return self._trace("tracestate", _TRACESTATE) if self.traceparent else None

    def _trace(self, name: str, form: re.Pattern[str]) -> str | None:
        raw = self.headers.get(name)
        for text in (_text(raw) if raw else None, self.attributes.get(name)):
            if isinstance(text, str) and form.fullmatch(text):
                return text
        return None


def take(value: bytes | None, headers: Sequence[tuple[str, bytes]]) -> Incoming:
    """Tell the form of a record and read its CloudEvents attributes; never raises."""
    known = {name: raw for name, raw in headers if raw}
    media_type = known.get("content-type", b"").split(b";", 1)[0].strip().lower()
    if media_type == _STRUCTURED:
        body, fault = _decoded(value)
        return Incoming(Form.STRUCTURED, body if isinstance(body, dict) else {}, value, body, fault, known)
    if media_type.startswith(_CLOUDEVENTS):
        return Incoming(Form.FOREIGN, {}, value, None, None, known)
    attributes = {
        name.removeprefix(_HEADER_PREFIX): _text(raw) for name, raw in known.items() if name.startswith(_HEADER_PREFIX)
    }
    if any(name in attributes for name in REQUIRED):
        return Incoming(Form.BINARY, attributes, value, None, None, known)
    body, fault = _decoded(value)
    if isinstance(body, dict) and "specversion" in body:
        # Not every producer can set headers; no arrival has such a member.
        return Incoming(Form.STRUCTURED, body, value, body, fault, known)
    return Incoming(Form.PLAIN, attributes, value, body, fault, known)


def names_in(value: bytes | None, headers: Sequence[tuple[str, bytes]]) -> tuple[str | None, str | None]:
    """Document id and queue as an arrival names them, valid or not; never raises."""
    incoming = take(value, headers)
    data = incoming.body if incoming.form in (Form.STRUCTURED, Form.PLAIN) else _decoded(value)[0]
    if incoming.form is Form.STRUCTURED and isinstance(data, dict):
        data = data.get("data")
    if not isinstance(data, dict):
        return None, None
    document_id, queue = data.get("document_id"), data.get("queue")
    return (
        document_id[:NAME_LENGTH] if isinstance(document_id, str) else None,
        str(queue)[:NAME_LENGTH] if isinstance(queue, str | int) else None,
    )


def data_of(incoming: Incoming) -> Any:
    """The decoded data of an arrival, checked as far as the envelope goes.

    Raises:
        Unreadable: With the clause that says why.
    """
    match incoming.form:
        case Form.BINARY:
            _check_attributes(incoming.attributes, _HEADER_PREFIX)
            return _decoded_or_raise(incoming.value, "the value")
        case Form.STRUCTURED:
            return _structured_data(incoming)
        case Form.PLAIN:
            return _body(incoming)
        case Form.FOREIGN:
            raise Unreadable(
                "its `content-type` is a CloudEvents format that is not read here, only application/cloudevents+json is"
            )


def _structured_data(incoming: Incoming) -> Any:
    if not isinstance(_body(incoming), dict):
        raise Unreadable("the value must be a JSON object, as structured CloudEvents are")
    _check_attributes(incoming.attributes, "")
    event = incoming.attributes
    if event.get("data_base64") is None:
        if event.get("data") is None:
            raise Unreadable("the CloudEvent has no `data`")
        return event["data"]
    if event.get("data") is not None:
        raise Unreadable("the CloudEvent has both `data` and `data_base64`, it may have one of them")
    try:
        decoded = b64decode(event["data_base64"], validate=True)
    except (TypeError, ValueError, binascii.Error):
        raise Unreadable("`data_base64` is not base64 text") from None
    return _decoded_or_raise(decoded, "`data_base64`")


def _check_attributes(attributes: Mapping[str, Any], prefix: str) -> None:
    wanting = [f"`{prefix}{name}`" for name in REQUIRED if not attributes.get(name)]
    if wanting:
        raise Unreadable(f"the CloudEvent lacks {', '.join(wanting)} (or it is not UTF-8)")
    odd = [f"`{prefix}{name}`" for name in REQUIRED if not isinstance(attributes[name], str)]
    if odd:
        raise Unreadable(f"{', '.join(odd)} of the CloudEvent must be text")
    if attributes["specversion"] != SPECVERSION:
        raise Unreadable(f"`{prefix}specversion` of the CloudEvent must be {SPECVERSION}")


def _body(incoming: Incoming) -> Any:
    if incoming.fault is not None:
        raise Unreadable(f"the value {incoming.fault}")
    return incoming.body


def _decoded_or_raise(value: bytes | None, what: str) -> Any:
    decoded, fault = _decoded(value)
    if fault is not None:
        raise Unreadable(f"{what} {fault}")
    return decoded


def _decoded(value: bytes | None) -> tuple[Any, str | None]:
    """Decoded JSON, or why it is none; the decoder refuses NaN, bad UTF-8 and more than 1,024 levels."""
    if not value:
        return None, "is empty"
    try:
        return orjson.loads(value), None
    except orjson.JSONDecodeError as error:
        return None, f"is not JSON in UTF-8 (byte or character {error.pos})"


def _text(raw: bytes) -> str | None:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return None
