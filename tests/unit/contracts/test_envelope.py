"""Our records are CloudEvents: the reference implementation reads them as we meant them."""

import json
from collections.abc import Mapping
from typing import Any

import orjson
import pytest
from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event, from_structured_event
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from connector.contracts import events
from connector.contracts.catalogue import CATALOGUE, TopicRole, records_of
from connector.contracts.envelope import Event, EventMode, KafkaRecord, encode_data, to_record
from connector.contracts.examples import EXAMPLES
from connector.domain.messages import Via

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
EXPECTED = {
    "specversion": "1.0",
    "id": "0f0c1f9e-7d53-5f0a-8f21-5d1f6a3c8f10",
    "source": "https://acme.rossum.app/api/v1/queues/8198",
    "subject": "annotations/315777",
    "partitionkey": "účet-4711 🐎",
    "revision": "2025-11-03T09:31:07.004512Z",
    "observedvia": "webhook",
    "importid": "6c1f3c5e-3d3f-5f0e-9b7a-2f6f7a1f2b11",
    "causation": "documents.arrived/3/17",
    "traceparent": TRACEPARENT,
    "datacontenttype": "application/json",
}


def event(name: str, data: BaseModel | None = None, **more: Any) -> Event:
    """An event with every attribute set."""
    values: dict[str, Any] = {
        "id": EXPECTED["id"],
        "name": name,
        "source": EXPECTED["source"],
        "subject": EXPECTED["subject"],
        "time": "2025-11-03T09:31:07.004512Z",
        "key": EXPECTED["partitionkey"],
        "revision": EXPECTED["revision"],
        "via": Via.WEBHOOK,
        "data": data or EXAMPLES[name],
        "import_id": EXPECTED["importid"],
        "causation": EXPECTED["causation"],
        "traceparent": TRACEPARENT,
        "tracestate": "vendor=1",
    }
    return Event(**{**values, **more})


def bare(name: str) -> Event:
    """An event with what every event has, and no more."""
    return event(name, revision=None, import_id=None, causation=None, traceparent=None, tracestate=None, time="")


def read(record: KafkaRecord, mode: EventMode) -> BaseCloudEvent:
    """What the reference implementation makes of a record."""
    message = KafkaMessage(headers=dict(record.headers), key=record.key, value=record.value or b"")
    return from_binary_event(message) if mode is EventMode.BINARY else from_structured_event(message)


@pytest.mark.parametrize("mode", EventMode)
@pytest.mark.parametrize("name", CATALOGUE)
def test_the_reference_implementation_reads_every_event(name: str, mode: EventMode) -> None:
    """Both modes carry the same attributes and the same data, and the key is the partition key."""
    record = to_record(event(name), mode)

    seen = read(record, mode)

    attributes: Mapping[str, Any] = seen.get_attributes()
    expected = {**EXPECTED, "type": f"ai.rossum.connector.{name}"}
    expected["dataschema"] = f"urn:rossum-kafka-connector:schema:{name}:1"
    assert {key: text for key, text in attributes.items() if key != "time"} == expected
    assert attributes["time"].isoformat() == "2025-11-03T09:31:07.004512+00:00"
    assert seen.get_data() == json.loads(encode_data(EXAMPLES[name]))
    assert record.key == EXPECTED["partitionkey"].encode()


@pytest.mark.parametrize("mode", EventMode)
def test_what_is_not_known_is_no_attribute(mode: EventMode) -> None:
    """Attributes without a value are absent, not empty."""
    record = to_record(bare("annotation.ready"), mode)

    attributes = read(record, mode).get_attributes()

    # The reference implementation makes up a time where there is none, so that is asked of the record.
    assert {"revision", "importid", "causation", "traceparent"} & attributes.keys() == set()
    assert {name for name, _ in record.headers} & {"ce_time", "traceparent", "tracestate"} == set()
    assert b'"time"' not in (record.value or b"")


@pytest.mark.parametrize("mode", EventMode)
def test_the_trace_stands_in_plain_headers(mode: EventMode) -> None:
    """Tracing tools look for plain headers, in both modes."""
    record = to_record(event("annotation.ready"), mode)

    headers = dict(record.headers)

    assert headers["traceparent"] == TRACEPARENT.encode()
    assert headers["tracestate"] == b"vendor=1"


def test_content_types() -> None:
    """The content type tells the mode."""
    records = {mode: to_record(event("annotation.ready"), mode) for mode in EventMode}

    content_types = {mode: dict(record.headers)["content-type"] for mode, record in records.items()}

    assert content_types[EventMode.BINARY] == b"application/json"
    assert content_types[EventMode.STRUCTURED] == b"application/cloudevents+json; charset=UTF-8"


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_event_goes_to_its_topics_under_one_id(name: str) -> None:
    """Whoever reads two topics recognises the event by its id."""
    records = records_of(event(name), EventMode.BINARY)

    assert tuple(role for role, _ in records) == CATALOGUE[name].topics
    assert TopicRole.LIFECYCLE in CATALOGUE[name].topics
    assert {dict(record.headers)["ce_id"] for _, record in records} == {EXPECTED["id"].encode()}


def test_captured_data_stay_on_their_topic() -> None:
    """The lifecycle topic tells of a captured revision without its data, under the same type."""
    records = dict(records_of(event("annotation.captured"), EventMode.BINARY))

    full = orjson.loads(records[TopicRole.CAPTURED].value or b"")
    thin = orjson.loads(records[TopicRole.LIFECYCLE].value or b"")

    assert full.keys() - thin.keys() == {"fields", "tables", "content"}
    assert thin == {name: value for name, value in full.items() if name in thin}
    headers = dict(records[TopicRole.LIFECYCLE].headers)
    assert headers["ce_type"] == b"ai.rossum.connector.annotation.captured"
    assert headers["ce_dataschema"] == b"urn:rossum-kafka-connector:schema:annotation.captured-thin:1"


@pytest.mark.parametrize("name", EXAMPLES)
def test_data_is_written_as_the_model_says(name: str) -> None:
    """The fast writer agrees with pydantic's own, less what is absent."""
    model = EXAMPLES[name]
    slow = model.model_dump(mode="json", by_alias=True)

    fast = orjson.loads(encode_data(model))

    assert type(model).model_validate(fast) == model
    assert fast == _without_absent(slow)


def _without_absent(written: dict[str, Any]) -> dict[str, Any]:
    """Members of the event and of the models right below it that have a value; free-form trees untouched."""
    nested = {"annotation", "document", "window"}
    return {
        name: _without_absent(value) if name in nested else value
        for name, value in written.items()
        if value is not None
    }


@given(st.dictionaries(st.text(), st.none() | st.integers(-(2**63), 2**63) | st.text() | st.lists(st.none())))
def test_metadata_passes_untouched(metadata: dict[str, Any]) -> None:
    """The producer's metadata comes back as it was, nulls included."""
    data = events.ImportAccepted(document_key="k", import_id="i", generation=1, metadata=metadata)

    written = orjson.loads(encode_data(data))

    assert written["metadata"] == metadata


def test_deep_metadata_do_not_stop_an_event() -> None:
    """Metadata that somebody nested deeper in Rossum than the fast writer goes are written all the same."""
    nested: Any = "žluť"
    for _ in range(300):
        nested = [nested]
    data = events.ImportAccepted(document_key="k", import_id="i", generation=1, metadata={"deep": nested})

    written = json.loads(encode_data(data))

    assert written == {"document_key": "k", "import_id": "i", "generation": 1, "metadata": {"deep": nested}}


def test_only_json_has_a_place_in_an_event() -> None:
    """What no consumer could read is refused, not written in some way."""
    data = events.ImportAccepted(document_key="k", import_id="i", generation=1, metadata={"odd": {1, 2}})

    with pytest.raises(TypeError, match="set"):
        encode_data(data)
