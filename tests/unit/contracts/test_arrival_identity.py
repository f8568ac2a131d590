"""Every record has an import id, a poison one too, and reading it gives the same."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.contracts.arrivals import Coordinates, ReceivedArrival, identify, read_arrival
from connector.contracts.incoming import REQUIRED
from connector.domain.ids import import_id_from_cloudevent, import_id_from_document, import_id_from_record
from connector.errors import Rejected, Stage

AT = Coordinates("kraft-1", "in", 3, 17, 0)
BY_RECORD = import_id_from_record(cluster="kraft-1", topic="in", partition=3, offset=17)
BY_EVENT = import_id_from_cloudevent("/erp", "7")
STRUCTURED = ("content-type", b"application/cloudevents+json")


def _written(value: Any) -> bytes:
    """JSON; surrogates and the like as the standard library would write them."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return repr(value).encode(errors="replace")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)
member_names = st.sampled_from(
    ["source", "kind", "url", "queue", "document_id", "metadata", "values", "data", "data_base64", *REQUIRED]
)
sources = st.fixed_dictionaries(
    {"kind": st.sampled_from(["https", "s3", "gcs", "azure", "file", "inline"])},
    optional={name: st.text(max_size=5) for name in ("url", "bucket", "key", "path", "base64")},
)
arrivals = st.fixed_dictionaries(
    {"source": sources}, optional={"document_id": json_values, "queue": json_values, "metadata": json_values}
)
events = st.fixed_dictionaries(
    {}, optional={**{name: st.text(max_size=5) | st.just("1.0") for name in REQUIRED}, "data": arrivals | json_values}
)
values = st.one_of(
    st.none(),
    st.binary(),
    st.one_of(json_values, st.dictionaries(member_names, json_values), arrivals, events).map(_written),
)
headers = st.lists(
    st.tuples(
        st.sampled_from([*(f"ce_{name}" for name in REQUIRED), "content-type", "traceparent", "ce_traceparent"]),
        st.binary(max_size=8)
        | st.sampled_from(
            [b"1.0", b"application/cloudevents+json", b"application/cloudevents+avro", b"application/json"]
        ),
    ),
    max_size=8,
)


@given(values, headers)
def test_nothing_breaks_the_reader(value: bytes | None, given_headers: list[tuple[str, bytes]]) -> None:
    """Any bytes have one id; reading them gives that id or one sentence, never anything else."""
    import_id = identify(value, given_headers, AT)

    received = _read(value, given_headers)

    if isinstance(received, Rejected):
        assert received.stage is Stage.VALIDATE
        assert str(received).endswith(".")
    else:
        assert received.import_id == import_id
        assert received.document_key == (received.arrival.document_id or import_id)


def _read(value: bytes | None, given_headers: list[tuple[str, bytes]]) -> ReceivedArrival | Rejected:
    try:
        return read_arrival(value, given_headers, AT)
    except Rejected as error:
        return error


@pytest.mark.parametrize(
    ("value", "given_headers"),
    [
        (b"\xff not even text", [("ce_id", b"7"), ("ce_source", b"/erp")]),
        (None, [("ce_id", b"7"), ("ce_source", b"/erp"), ("ce_specversion", b"9")]),
        (b'{"id":"7","source":"/erp","specversion":"1.0","type":"t","data":"nonsense"}', [STRUCTURED]),
        (b'{"id":"7","source":"/erp"}', [STRUCTURED]),
    ],
)
def test_an_event_keeps_its_id_when_its_data_is_bad(
    value: bytes | None, given_headers: list[tuple[str, bytes]]
) -> None:
    """Source and id name the import as soon as they can be read, so that a repetition of it is recognised."""
    import_id = identify(value, given_headers, AT)

    assert import_id == BY_EVENT
    with pytest.raises(Rejected):
        read_arrival(value, given_headers, AT)


@pytest.mark.parametrize(
    ("value", "given_headers"),
    [
        (None, []),
        (b"\xff", []),
        (b"[]", []),
        (b"{}", []),
        (b'{"document_id":7}', []),
        (b'{"document_id":""}', []),
        (b'{"document_id":"a\\nb"}', []),
        (b"{", [STRUCTURED]),
        (b'{"document_id":"x","id":"7"}', [STRUCTURED]),
        (b'{"document_id":"x"}', [("ce_id", b"7")]),
        (b'{"document_id":"x"}', [("ce_id", b"\xff"), ("ce_source", b"/erp")]),
        (b'{"document_id":"x"}', [("content-type", b"application/cloudevents-batch+json")]),
    ],
)
def test_what_names_nothing_is_named_by_its_place(value: bytes | None, given_headers: list[tuple[str, bytes]]) -> None:
    """Without a readable name the place in Kafka is the id."""
    import_id = identify(value, given_headers, AT)

    assert import_id == BY_RECORD


def test_a_document_keeps_its_id_when_the_rest_is_bad() -> None:
    """A plain arrival that can't be imported is still that document's."""
    import_id = identify(b'{"document_id":"erp-4711","source":7}', [], AT)

    assert import_id == import_id_from_document("erp-4711")
