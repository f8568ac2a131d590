"""Dead letters: the arrival as it came, and why."""

import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from hypothesis import given
from hypothesis import strategies as st

from connector.contracts.arrivals import Coordinates
from connector.contracts.dead_letters import HEADERS, Cause, dead_letter, original_headers, reasons
from connector.domain.ids import ImportId

AT = Coordinates("kraft-1", "documents.arrived", 3, 17, 0)
CAUSE = Cause("fetch", "Rejected", "files.example answered 404: žádný", 3, "2025-11-03T09:31:07.004512Z", 1)
IMPORT = ImportId("one")
LIMIT = 1_000_000

header_names = st.text(max_size=5) | st.sampled_from([*HEADERS, "ce_id"])
records = st.tuples(
    st.none() | st.binary(), st.none() | st.binary(), st.lists(st.tuples(header_names, st.binary()), max_size=6)
)


@given(records)
def test_the_arrival_is_kept_byte_for_byte(
    record: tuple[bytes | None, bytes | None, list[tuple[str, bytes]]],
) -> None:
    """Value, key and headers come first and unchanged, those of another system's dead letter too."""
    value, key, headers = record

    letter = dead_letter(value, key, headers, AT, CAUSE, import_id=IMPORT, limit=LIMIT)

    # Clients refuse a record that has neither.
    assert (letter.value, letter.key) == (b"" if key is None and value is None else value, key)
    assert list(letter.headers[: len(headers)]) == headers
    assert list(original_headers(letter.headers)) == headers


@given(records)
def test_an_earlier_death_is_replaced(record: tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]) -> None:
    """However often an arrival is redriven, its dead letter has one set of reasons, wherever the earlier one stood."""
    value, key, headers = record
    first = dead_letter(value, key, headers, AT, CAUSE, import_id=IMPORT, limit=LIMIT)

    second = dead_letter(
        value, key, [*first.headers, ("added", b"on the way")], AT, CAUSE, import_id=IMPORT, limit=LIMIT
    )

    expected = dead_letter(value, key, [*headers, ("added", b"on the way")], AT, CAUSE, import_id=IMPORT, limit=LIMIT)
    assert second == expected


def test_the_reasons() -> None:
    """Header names are those of Kafka Connect and our own, values are text in UTF-8."""
    letter = dead_letter(b"v", b"k", [("ce_id", b"7")], AT, CAUSE, import_id=IMPORT, limit=LIMIT)

    assert dict(letter.headers) == {
        "ce_id": b"7",
        "__connect.errors.topic": b"documents.arrived",
        "__connect.errors.partition": b"3",
        "__connect.errors.offset": b"17",
        "__connect.errors.connector.name": b"rossum-kafka-connector",
        "__connect.errors.task.id": b"0",
        "__connect.errors.stage": b"FETCH",
        "__connect.errors.exception.class.name": b"Rejected",
        "__connect.errors.exception.message": "files.example answered 404: žádný".encode(),
        "dlq-reason": b"fetch",
        "dlq-attempts": b"3",
        "dlq-first-failure": b"2025-11-03T09:31:07.004512Z",
        "dlq-redrives": b"1",
        "dlq-import-id": b"one",
    }


def test_what_is_larger_than_a_letter_is_left_out() -> None:
    """Up to the limit nothing is; above it the value, and the arrival's own headers only where they are too large."""
    whole = dead_letter(b"v" * 5_000, b"k", [("ce_id", b"7")], AT, CAUSE, import_id=IMPORT, limit=LIMIT)

    fits = dead_letter(b"v" * 5_000, b"k", [("ce_id", b"7")], AT, CAUSE, import_id=IMPORT, limit=whole.size)
    without = dead_letter(b"v" * 5_000, b"k", [("ce_id", b"7")], AT, CAUSE, import_id=IMPORT, limit=whole.size - 1)
    bare = dead_letter(b"v", b"k", [("ce_id", b"7" * 5_000)], AT, CAUSE, import_id=IMPORT, limit=whole.size - 1)

    assert fits == whole
    assert (without.key, without.value, without.headers[0]) == (b"k", None, ("ce_id", b"7"))
    assert (bare.key, bare.value, original_headers(bare.headers)) == (None, b"", ())
    assert [reasons(letter.headers).get("dlq-value-left-out") for letter in (fits, without, bare)] == [
        None,
        "5000",
        "1",
    ]
    assert max(without.size, bare.size) < whole.size


def test_a_value_that_nobody_has_is_told_without_a_number() -> None:
    """The copy was one by reference, and its arrival could not be read."""
    letter = dead_letter(None, None, [], AT, CAUSE, import_id=IMPORT, limit=LIMIT, unread=True)

    assert reasons(letter.headers)["dlq-value-left-out"] == ""


@pytest.mark.parametrize(
    ("value", "headers", "expected"),
    [
        (b'{"document_id": "doc-1", "queue": 8199}', (), ["doc-1", "8199"]),
        (b'{"document_id": 7, "queue": "receipts"}', (), [None, "receipts"]),
        (b'{"specversion": "1.0", "data": {"document_id": "doc-1"}}', (), ["doc-1", None]),
        (b'{"document_id": "doc-1"}', (("ce_id", b"7"),), ["doc-1", None]),
        (b'{"document_id": "%s"}' % (b"d" * 3_000), (), ["d" * 1_000, None]),
        (b"no JSON", (), [None, None]),
    ],
    ids=["plain", "odd", "structured", "binary", "long", "poison"],
)
def test_a_letter_without_its_value_tells_what_that_names(
    value: bytes, headers: tuple[tuple[str, bytes], ...], expected: list[str | None]
) -> None:
    """A whole one does not: it is there to be read. Whatever is told is taken off again."""
    whole = dead_letter(value, b"k", headers, AT, CAUSE, import_id=IMPORT, limit=LIMIT)
    without = dead_letter(value.ljust(9_000), b"k", headers, AT, CAUSE, import_id=IMPORT, limit=3_000)

    names = [reasons(without.headers).get(name) for name in ("dlq-document-id", "dlq-queue")]
    assert (names, without.value) == (expected, None)
    assert not {"dlq-document-id", "dlq-queue"} & reasons(whole.headers).keys()
    assert original_headers(without.headers) == headers


def test_names_that_do_not_fit_are_left_out_too() -> None:
    """Where it failed comes first."""
    value = b'{"document_id": "%s", "queue": "%s"}' % (b"d" * 1_000, b"q" * 1_000)

    letter = dead_letter(value, b"k", (), AT, CAUSE, import_id=IMPORT, limit=2_500)

    assert letter.size <= 2_500
    assert reasons(letter.headers).keys() == {*HEADERS, "dlq-value-left-out"}


@given(records)
def test_a_size_is_what_the_client_reckons_with_at_least(
    record: tuple[bytes | None, bytes | None, list[tuple[str, bytes]]],
) -> None:
    """It refuses what is larger than its limit by its own measure."""
    letter = dead_letter(*record, AT, CAUSE, import_id=IMPORT, limit=LIMIT)

    assert letter.size >= DefaultRecordBatchBuilder.estimate_size_in_bytes(
        letter.key, letter.value, list(letter.headers)
    )


def test_only_what_was_added_counts_as_a_reason() -> None:
    """An arrival may have a header of such a name itself."""
    letter = dead_letter(
        b"v", b"k", [("dlq-value-left-out", b"9"), ("dlq-reason", b"theirs")], AT, CAUSE, import_id=IMPORT, limit=LIMIT
    )

    assert "dlq-value-left-out" not in reasons(letter.headers)
    assert reasons(letter.headers)["dlq-reason"] == "fetch"
    assert original_headers(letter.headers) == letter.headers[:2]


def test_a_letter_of_an_earlier_version_is_one() -> None:
    """It did not tell the import id."""
    letter = dead_letter(b"v", b"k", [("ce_id", b"7")], AT, CAUSE, import_id=IMPORT, limit=LIMIT)
    earlier = tuple(header for header in letter.headers if header[0] != "dlq-import-id")

    assert original_headers(earlier) == (("ce_id", b"7"),)
    assert reasons(earlier) == {name: text for name, text in reasons(letter.headers).items() if name != "dlq-import-id"}
