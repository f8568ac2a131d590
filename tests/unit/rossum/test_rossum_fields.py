"""The small values inside Rossum's objects."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.domain.ids import format_clock
from connector.rossum.fields import clock_text, id_of

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
BASE = "https://acme.rossum.app/api/v1"
MARK = {"import_id": "3f0c", "document_key": "po-77"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(instant=st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)), offset=st.sampled_from(["Z", "", "+00:00"]))  # noqa: DTZ001 - made aware below
def test_clocks_come_out_in_the_one_form(instant: datetime, offset: str) -> None:
    """Any precision and any spelling of UTC give the text that format_clock gives."""
    text = instant.isoformat() + offset

    assert clock_text(text) == format_clock(instant.replace(tzinfo=UTC))


@pytest.mark.parametrize(
    "value", ["", "yesterday", 1767225600, None, "2026-13-01T00:00:00.000000Z", "0001-01-01T00:00:00+23:00"]
)
def test_what_is_no_instant_is_no_clock(value: Any) -> None:
    """Odd clocks are absent clocks."""
    assert clock_text(value) is None


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        (7, 7),
        (f"{BASE}/annotations/7", 7),
        (f"{BASE}/annotations/7/?x=1", 7),
        (True, None),
        (-1, None),
        (f"{BASE}/annotations/", None),
        ("٣", None),
        ("9" * 40, None),
        (None, None),
    ],
)
def test_ids_come_from_numbers_and_urls(reference: Any, expected: int | None) -> None:
    """Only positive numbers and URLs that end in one are ids."""
    assert id_of(reference) == expected
