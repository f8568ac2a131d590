"""Dead letters: the arrival as it came, and why."""

from hypothesis import given
from hypothesis import strategies as st

from connector.contracts.arrivals import Coordinates
from connector.contracts.dead_letters import HEADERS, Cause, dead_letter, original_headers

AT = Coordinates("kraft-1", "documents.arrived", 3, 17, 0)
CAUSE = Cause("fetch", "Rejected", "files.example answered 404: žádný", 3, "2025-11-03T09:31:07.004512Z", 1)

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

    letter = dead_letter(value, key, headers, AT, CAUSE)

    assert (letter.value, letter.key) == (value, key)
    assert list(letter.headers[: len(headers)]) == headers
    assert list(original_headers(letter.headers)) == headers


@given(records)
def test_an_earlier_death_is_replaced(record: tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]) -> None:
    """However often an arrival is redriven, its dead letter has one set of reasons, wherever the earlier one stood."""
    value, key, headers = record
    first = dead_letter(value, key, headers, AT, CAUSE)

    second = dead_letter(value, key, [*first.headers, ("added", b"on the way")], AT, CAUSE)

    expected = dead_letter(value, key, [*headers, ("added", b"on the way")], AT, CAUSE)
    assert second == expected


def test_the_reasons() -> None:
    """Header names are those of Kafka Connect and our own, values are text in UTF-8."""
    letter = dead_letter(b"v", b"k", [("ce_id", b"7")], AT, CAUSE)

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
    }
