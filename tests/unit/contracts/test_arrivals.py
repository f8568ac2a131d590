"""What producers may write, and what they are told when they write something else."""

import base64
import json
from typing import Any

import orjson
import pytest

from connector.contracts.arrivals import (
    EXPECTED,
    Arrival,
    Coordinates,
    FileSource,
    HttpsSource,
    InlineSource,
    ObjectSource,
    read_arrival,
)
from connector.domain.ids import import_id_from_cloudevent, import_id_from_document, import_id_from_record
from connector.errors import Rejected, Stage

AT = Coordinates("kraft-1", "documents.arrived", 3, 17, 1_700_000_000_000)
BY_RECORD = import_id_from_record(cluster="kraft-1", topic="documents.arrived", partition=3, offset=17)
SOURCE = {"kind": "https", "url": "https://files.example/a.pdf"}
ATTRIBUTES = {"specversion": "1.0", "id": "7", "source": "/erp", "type": "document.arrived"}
BINARY = [(f"ce_{name}", text.encode()) for name, text in ATTRIBUTES.items()]
STRUCTURED = [("content-type", b"application/cloudevents+json; charset=UTF-8")]
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def arrival(**more: Any) -> bytes:
    """The value of a plain arrival."""
    return orjson.dumps({"source": SOURCE, **more})


def event(**more: Any) -> bytes:
    """The value of a structured event."""
    return orjson.dumps({**ATTRIBUTES, **more})


def refusal(value: bytes | None, headers: list[tuple[str, bytes]]) -> str:
    """The sentence that reading ends in."""
    with pytest.raises(Rejected) as caught:
        read_arrival(value, headers, AT)
    assert caught.value.stage is Stage.VALIDATE
    return str(caught.value)


def test_plain_json() -> None:
    """A JSON object is an arrival; without names of its own its place in Kafka is its id and key."""
    received = read_arrival(arrival(queue=8198, unknown=True), [], AT)

    assert received.arrival.source == HttpsSource(kind="https", url="https://files.example/a.pdf")
    assert received.arrival.queue == 8198
    assert received.import_id == received.document_key == BY_RECORD
    assert received.causation == "documents.arrived/3/17"


def test_plain_json_that_names_its_document() -> None:
    """The producer's own id is the key of all events, and makes repetitions one import."""
    received = read_arrival(arrival(document_id="erp-4711"), [("ce_traceparent", b"x")], AT)

    assert received.import_id == import_id_from_document("erp-4711")
    assert received.document_key == "erp-4711"


def test_binary_mode() -> None:
    """Attributes in headers, data in the value; the event names the import, the document the key."""
    headers = [*BINARY, ("content-type", b"application/json"), ("other", b"\xff")]

    received = read_arrival(arrival(document_id="erp-4711"), headers, AT)

    assert received.import_id == import_id_from_cloudevent("/erp", "7")
    assert received.document_key == "erp-4711"


def test_the_last_of_equal_headers_counts() -> None:
    """Kafka allows equal names; headers without a value are as good as absent."""
    headers: list[Any] = [("ce_id", b"first"), *BINARY, ("ce_id", None), ("ce_source", b"")]

    received = read_arrival(arrival(), headers, AT)

    assert received.import_id == import_id_from_cloudevent("/erp", "7")


@pytest.mark.parametrize(
    "content_type",
    [
        b"application/cloudevents+json",
        b"application/cloudevents+json; charset=UTF-8",
        b"Application/CloudEvents+JSON;charset=utf-8",
    ],
)
def test_structured_mode(content_type: bytes) -> None:
    """The whole event in the value, told by the content type, with or without a charset."""
    received = read_arrival(event(data={"source": SOURCE}), [("content-type", content_type)], AT)

    assert received.arrival.source.kind == "https"
    assert received.import_id == received.document_key == import_id_from_cloudevent("/erp", "7")


def test_structured_mode_without_the_content_type() -> None:
    """Producers that can't set headers may still write CloudEvents."""
    received = read_arrival(event(data={"source": SOURCE}), [], AT)

    assert received.import_id == import_id_from_cloudevent("/erp", "7")


def test_structured_mode_with_base64_data() -> None:
    """`data_base64` is decoded."""
    encoded = base64.b64encode(arrival(document_id="x")).decode()

    received = read_arrival(event(data_base64=encoded), STRUCTURED, AT)

    assert received.document_key == "x"


@pytest.mark.parametrize(
    ("source", "model"),
    [
        ({"kind": "s3", "bucket": "in", "key": "a.pdf"}, ObjectSource(kind="s3", bucket="in", key="a.pdf")),
        (
            {"kind": "gcs", "bucket": "in", "key": "a", "version": "3", "size": 7},
            ObjectSource(kind="gcs", bucket="in", key="a", version="3", size=7),
        ),
        ({"kind": "azure", "bucket": "in", "key": "a"}, ObjectSource(kind="azure", bucket="in", key="a")),
        ({"kind": "file", "path": "/in/a"}, FileSource(kind="file", path="/in/a")),
        ({"kind": "inline", "base64": "aGk="}, InlineSource(kind="inline", base64="aGk=")),
        (
            {"kind": "https", "url": "https://x/", "sha256": "Ab" * 32},
            HttpsSource(kind="https", url="https://x/", sha256="Ab" * 32),
        ),
    ],
)
def test_sources(source: dict[str, Any], model: object) -> None:
    """All kinds of sources are read."""
    received = read_arrival(orjson.dumps({"source": source}), [], AT)

    assert received.arrival.source == model


@pytest.mark.parametrize("queue", [8198, "invoices", "https://acme.rossum.app/api/v1/queues/8198"])
def test_queues(queue: int | str) -> None:
    """A queue is told by id, alias or URL, each as it came."""
    received = read_arrival(arrival(queue=queue), [], AT)

    assert received.arrival.queue == queue


@pytest.mark.parametrize(
    "headers", [[("traceparent", TRACEPARENT.encode())], [("ce_traceparent", TRACEPARENT.encode())]]
)
def test_the_trace_goes_on(headers: list[tuple[str, bytes]]) -> None:
    """The trace context of the record or of the event is kept, the state only together with it."""
    received = read_arrival(arrival(), [*BINARY, *headers, ("tracestate", b"v=1")], AT)

    assert (received.traceparent, received.tracestate) == (TRACEPARENT, "v=1")


def test_a_trace_of_a_structured_event_goes_on() -> None:
    """The trace context may stand among the attributes."""
    received = read_arrival(event(data={"source": SOURCE}, traceparent=TRACEPARENT), STRUCTURED, AT)

    assert (received.traceparent, received.tracestate) == (TRACEPARENT, None)


@pytest.mark.parametrize("trace", [b"", b"\xff\xfe", b"00-zz", TRACEPARENT.encode() + b"\r\nx: y"])
def test_a_malformed_trace_is_dropped(trace: bytes) -> None:
    """What is no trace context never travels on, and never spoils an arrival."""
    received = read_arrival(arrival(), [("traceparent", trace), ("tracestate", b"v=1")], AT)

    assert (received.traceparent, received.tracestate) == (None, None)


@pytest.mark.parametrize(
    ("value", "headers", "said"),
    [
        (None, [], "empty"),
        (b"", [], "empty"),
        (b"   ", [], "not JSON"),
        (b'{"source": NaN}', [], "not JSON"),
        (b'{"a": "\xff"}', [], "not JSON in UTF-8"),
        (b"[" * 5000 + b"]" * 5000, [], "not JSON"),
        (b"[]", [], "object"),
        (b"null", [], "object"),
        (b"7", STRUCTURED, "object"),
        (b"{", STRUCTURED, "not JSON"),
        (event(), STRUCTURED, "`data`"),
        (event(data=[1]), STRUCTURED, "object"),
        (event(data={}, data_base64=""), STRUCTURED, "both"),
        (event(data_base64="%%%"), STRUCTURED, "`data_base64`"),
        (event(data_base64=7), STRUCTURED, "`data_base64`"),
        (event(data_base64="aGk="), STRUCTURED, "`data_base64` is not JSON"),
        (event(data={}, specversion="0.3"), STRUCTURED, "`specversion`"),
        (event(data={}, id=7), STRUCTURED, "`id`"),
        (event(data={}, type=""), STRUCTURED, "lacks `type`"),
        (arrival(), [("content-type", b"application/cloudevents-batch+json")], "content-type"),
        (arrival(), [("content-type", b"application/cloudevents+avro")], "content-type"),
        (arrival(), BINARY[:1], "lacks `ce_id`, `ce_source`, `ce_type`"),
        (arrival(), [*BINARY, ("ce_specversion", b"0.3")], "`ce_specversion`"),
        (arrival(), [*BINARY, ("ce_id", b"\xff")], "`ce_id`"),
        (b"\x00", BINARY, "not JSON"),
    ],
)
def test_what_cannot_be_read(value: bytes | None, headers: list[tuple[str, bytes]], said: str) -> None:
    """Each way of being unreadable is told in one sentence."""
    sentence = refusal(value, headers)

    assert said in sentence
    assert sentence.startswith("The arrival cannot be read: ")


@pytest.mark.parametrize(
    ("data", "fields"),
    [
        ({}, ["`source` is missing"]),
        ({"source": "https://x"}, ["`source` must be"]),
        ({"source": {"url": "x"}}, ["`source.kind` is missing"]),
        ({"source": {"kind": "ftp", "url": "x"}}, ["`source.kind` must be one of https"]),
        ({"source": {"kind": "https"}}, ["`source.url` is missing"]),
        ({"source": {"kind": "s3", "bucket": ""}}, ["`source.bucket`", "`source.key` is missing"]),
        ({"source": {"kind": "inline", "base64": 7}}, ["`source.base64`"]),
        ({"source": {**SOURCE, "sha256": "abc"}}, ["`source.sha256`"]),
        ({"source": {**SOURCE, "size": -1}}, ["`source.size`"]),
        ({"source": SOURCE, "queue": True}, ["`queue`"]),
        ({"source": SOURCE, "queue": 0}, ["`queue`"]),
        ({"source": SOURCE, "queue": ""}, ["`queue`"]),
        ({"source": SOURCE, "document_id": ""}, ["`document_id`"]),
        ({"source": SOURCE, "document_id": "x" * 256}, ["`document_id`"]),
        ({"source": SOURCE, "document_id": "a\nb"}, ["`document_id`"]),
        ({"source": SOURCE, "document_id": 7}, ["`document_id`"]),
        ({"source": SOURCE, "content_type": "a/b\r\nx: y"}, ["`content_type`"]),
        ({"source": SOURCE, "file_name": ""}, ["`file_name`"]),
        ({"source": SOURCE, "values": [], "metadata": "x"}, ["`values`", "`metadata`"]),
    ],
)
def test_what_is_not_valid(data: dict[str, Any], fields: list[str]) -> None:
    """The sentence names every field at fault."""
    sentence = refusal(json.dumps(data).encode(), [])

    assert [field for field in fields if field not in sentence] == []


def test_nesting_is_limited() -> None:
    """Metadata goes into other JSON, whose writers stop at some depth: the arrival is refused before that."""
    nested: Any = 1
    for _ in range(63):
        nested = [nested]
    fine, too_deep = arrival(metadata={"a": nested}), arrival(metadata={"a": [nested]})

    received = read_arrival(fine, [], AT)

    assert received.arrival.metadata == {"a": nested}
    assert "`metadata`" in refusal(too_deep, [])


def test_values_are_never_echoed() -> None:
    """An inline document or a signed URL must not reach a log through the sentence or its cause."""
    secret = "c2VjcmV0" * 8
    data = {
        "source": {"kind": secret, "base64": secret},
        "queue": [secret],
        "document_id": [secret],
        "content_type": secret,
        "metadata": secret,
    }

    with pytest.raises(Rejected) as caught:
        read_arrival(orjson.dumps(data), [], AT)

    assert secret not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_long_list_of_faults_is_cut() -> None:
    """A sentence stays a sentence."""
    data = {"source": 1, "queue": [], "document_id": 1, "file_name": 1, "content_type": 1, "values": 1, "metadata": 1}

    sentence = refusal(orjson.dumps(data), [])

    assert sentence.endswith("; and 2 more.")


def test_every_field_has_its_expectation() -> None:
    """No field can be at fault without a clause that says what it must be."""
    models = (Arrival, HttpsSource, ObjectSource, FileSource, InlineSource)

    fields = {name for model in models for name in model.model_fields}

    assert fields == EXPECTED.keys()
