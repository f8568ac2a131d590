"""Ids are what other programs compute too: golden values by independent formulas."""

import json
from datetime import UTC, datetime, timedelta, timezone
from uuid import NAMESPACE_URL, UUID, uuid5

import pytest
from aiokafka.partitioner import murmur2
from hypothesis import given
from hypothesis import strategies as st

from connector.domain import ids

#: uuid5 of "urn:rossum-kafka-connector" in the URL namespace, written out so that a change of it is seen.
NAMESPACE = UUID("0f8b77df-a0c8-5795-b61d-08cc765dcce6")


def named(namespace: UUID, *parts: str) -> str:
    """The documented formula, with the standard library's JSON."""
    return str(uuid5(namespace, json.dumps(parts, ensure_ascii=False, separators=(",", ":"))))


def test_the_namespace_is_fixed() -> None:
    """All ids hang on one namespace that never changes."""
    expected = uuid5(NAMESPACE_URL, "urn:rossum-kafka-connector")

    actual = ids.NAMESPACE

    assert expected == actual == NAMESPACE


@pytest.mark.parametrize(
    ("text", "queue"),
    [
        ("8199", 8199),
        ("https://example.rossum.app/api/v1/queues/8199", 8199),
        ("http://127.0.0.1:8000/api/v1/queues/8199/", 8199),
        ("orders/2024/8199", None),
        ("/8199", None),
        ("8199/", None),
        ("https://example.rossum.app/api/v1/annotations/8199", None),
        ("example.rossum.app/api/v1/queues/8199", None),
        ("https://example.rossum.app/api/v1/queues/8199/upload", None),
        ("https://example.rossum.app/?/queues/8199", None),
        ("ftp://example.rossum.app/queues/8199", None),
        ("-8199", None),
        ("\u0668199", None),
        ("9" * 19, None),
        ("", None),
    ],
)
def test_a_queue_is_named_by_its_id_or_its_url(text: str, queue: int | None) -> None:
    """Anything else that ends in digits may be an order or an annotation."""
    assert ids.queue_named(text) == queue


@pytest.mark.parametrize(
    ("source", "event_id"), [("/erp", "1"), ("urn:x", 'a"b\\c'), ("/účty", "žluť 🐎"), ("a", "b\n\t/")]
)
def test_the_import_id_of_a_cloudevent(source: str, event_id: str) -> None:
    """Source and id of the event name the import."""
    expected = named(NAMESPACE, "ce", source, event_id)

    actual = ids.import_id_from_cloudevent(source, event_id)

    assert expected == actual


def test_the_import_id_of_a_document_and_of_a_record() -> None:
    """Without an event the document's own id names the import, without that the place in Kafka."""
    document, record = named(NAMESPACE, "document", "erp-4711"), named(NAMESPACE, "record", "kraft-1", "in", "3", "17")

    from_document = ids.import_id_from_document("erp-4711")
    from_record = ids.import_id_from_record(cluster="kraft-1", topic="in", partition=3, offset=17)

    assert document == from_document
    assert record == from_record


def test_the_id_of_an_event() -> None:
    """An event id is told by organisation, identity version, entity, type and revision."""
    namespace = uuid5(NAMESPACE, '["1","1"]')
    expected = named(namespace, "annotation/315777", "annotation.captured", "exported@2025-01-01T00:00:00.000000Z")

    actual = ids.event_id(
        ids.event_namespace(1),
        ids.annotation_entity(ids.AnnotationId(315777)),
        "annotation.captured",
        "exported@2025-01-01T00:00:00.000000Z",
    )

    assert expected == actual


def test_golden_values_stay() -> None:
    """Ids that consumers have stored: any change of these is a breaking change."""
    import_id = ids.import_id_from_cloudevent("/erp", "1")
    event_id = ids.event_id(ids.event_namespace(285704), ids.import_entity(import_id), "import.failed", "1")

    assert import_id == "ae5f2e84-5a46-50b1-abee-a2d215b82dea"
    assert event_id == "a8e63d87-86ed-55ba-a46a-3360812f8f82"


def test_parts_of_a_name_do_not_run_into_each_other() -> None:
    """Two pairs with the same letters are two imports."""
    first, second = ids.import_id_from_cloudevent("a,b", "c"), ids.import_id_from_cloudevent("a", "b,c")

    assert first != second


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])), st.integers(1, 500))
def test_partitions_are_those_of_kafka(entity: str, partitions: int) -> None:
    """An entity's partition is the one that Kafka's default partitioner gives its key."""
    expected = (murmur2(entity.encode()) & 0x7FFFFFFF) % partitions

    actual = ids.partition_of(entity, partitions)

    assert expected == actual


@given(st.binary(max_size=70))
def test_murmur2_is_that_of_the_java_client(data: bytes) -> None:
    """All 32 bits agree, for every length of the tail."""
    expected = murmur2(data) & 0xFFFFFFFF

    actual = ids._murmur2(data)

    assert expected == actual


@given(
    st.datetimes(timezones=st.just(UTC), min_value=datetime(1970, 1, 1)),  # noqa: DTZ001 - hypothesis wants it naive
    st.datetimes(timezones=st.just(UTC), min_value=datetime(1970, 1, 1)),  # noqa: DTZ001 - likewise
)
def test_clocks_sort_as_text(first: datetime, second: datetime) -> None:
    """The text of a clock sorts as the instant does and reads back as it."""
    texts = ids.format_clock(first), ids.format_clock(second)

    assert (texts[0] < texts[1]) == (first < second)
    assert datetime.fromisoformat(texts[0]) == first


def test_clocks_are_utc() -> None:
    """An instant of another zone is written in UTC."""
    prague = datetime(2025, 7, 1, 2, 0, 0, 5, tzinfo=timezone(timedelta(hours=2)))

    text = ids.format_clock(prague)

    assert text == "2025-07-01T00:00:00.000005Z"
