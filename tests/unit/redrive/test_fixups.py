"""Repairs of arrivals on their way back from the dead letters."""

import base64

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.redrive.fixups import FixUp, Unfixable, fixed, read_fix_up

STRUCTURED = (("content-type", b"application/cloudevents+json"),)
BINARY = (("ce_id", b"1"), ("ce_source", b"/s"), ("ce_type", b"t"), ("ce_specversion", b"1.0"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("queue=8199", FixUp(("queue",), 8199)),
        ("queue=receipts", FixUp(("queue",), "receipts")),
        ("source.url=https://example.com/a?b=c", FixUp(("source", "url"), "https://example.com/a?b=c")),
        ('values.upload:x="7"', FixUp(("values", "upload:x"), "7")),
        ("queue=null", FixUp(("queue",), None)),
        ("metadata={}", FixUp(("metadata",), {})),
    ],
)
def test_an_assignment_is_read(text: str, expected: FixUp) -> None:
    """JSON where it is JSON, text otherwise."""
    assert read_fix_up(text) == expected


@pytest.mark.parametrize("text", ["queue", "=8199", "source..url=x", ".=1"])
def test_what_is_no_assignment_is_told(text: str) -> None:
    """With an example of one."""
    with pytest.raises(ValueError, match="queue=receipts"):
        read_fix_up(text)


@pytest.mark.parametrize("headers", [(), BINARY], ids=["plain", "binary"])
def test_the_data_of_a_record_is_repaired(headers: tuple[tuple[str, bytes], ...]) -> None:
    """Fields are set, made and removed; the others stay."""
    value = orjson.dumps({"queue": 1, "source": {"kind": "https", "url": "x"}, "document_id": "d"})
    fix_ups = [read_fix_up(text) for text in ("queue=null", "source.url=y", "metadata.who=me")]

    repaired = orjson.loads(fixed(value, headers, fix_ups) or b"")

    assert repaired == {"source": {"kind": "https", "url": "y"}, "document_id": "d", "metadata": {"who": "me"}}


def test_the_data_of_a_structured_event_is_repaired() -> None:
    """Its envelope stays as it is."""
    envelope = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "data": {"queue": 1}}

    repaired = orjson.loads(fixed(orjson.dumps(envelope), STRUCTURED, [read_fix_up("queue=2")]) or b"")

    assert repaired == {**envelope, "data": {"queue": 2}}


@given(
    value=st.none() | st.binary(max_size=200), headers=st.lists(st.tuples(st.text(max_size=5), st.binary(max_size=5)))
)
def test_without_a_repair_every_byte_stays(value: bytes | None, headers: list[tuple[str, bytes]]) -> None:
    """A letter goes back as it came."""
    assert fixed(value, headers, []) == value


@pytest.mark.parametrize(
    ("value", "headers"),
    [
        (b"not json", ()),
        (None, ()),
        (b"[1]", ()),
        (orjson.dumps({"data_base64": base64.b64encode(b"x").decode()}), STRUCTURED),
        (b'{"source": 5}', ()),
    ],
)
def test_what_cannot_be_changed_is_told(value: bytes | None, headers: tuple[tuple[str, bytes], ...]) -> None:
    """And nothing is made up."""
    with pytest.raises(Unfixable):
        fixed(value, headers, [read_fix_up("source.url=x")])
