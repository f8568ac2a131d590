"""Durations, sizes and counts: written by people, read as numbers, shown as people wrote them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.quantities import bytes_of, counted, duration_text, seconds_of, size_text


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("250ms", 0.25), ("5s", 5.0), ("5", 5.0), (" 1.5 m ", 90.0), ("2h", 7200.0), ("30d", 2_592_000.0), ("0", 0.0)],
)
def test_a_duration_is_a_number_with_a_unit(text: str, seconds: float) -> None:
    """Without a unit it is seconds."""
    assert seconds_of(text) == seconds


@pytest.mark.parametrize(
    ("text", "size"),
    [("1000", 1000), ("1B", 1), ("2MB", 2_000_000), ("64KiB", 65_536), ("1.5kB", 1500), ("1GiB", 2**30), ("3KB", 3000)],
)
def test_a_size_is_a_number_with_a_unit(text: str, size: int) -> None:
    """Without a unit it is bytes."""
    assert bytes_of(text) == size


@pytest.mark.parametrize(
    "text", ["", "s", "5 parsecs", "-5s", "1,5s", "5MB", "inf", "nan", "1e3", "\u0665s", "9" * 400]
)
def test_what_is_no_duration_is_said_with_an_example(text: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(ValueError, match=r"must be a duration: .* e\.g\. 15m"):
        seconds_of(text)


@pytest.mark.parametrize("text", ["", "MB", "5s", "-1", "2mb", "5 M B", "inf", "\u0665MB", "9" * 400])
def test_what_is_no_size_is_said_with_an_example(text: str) -> None:
    """Nothing is guessed, least of all between bits and bytes."""
    with pytest.raises(ValueError, match=r"must be a size: .* e\.g\. 40MB"):
        bytes_of(text)


@pytest.mark.parametrize("value", [5, 2.5, None, ["5s"]])
def test_anything_but_text_is_left_as_it_is(value: object) -> None:
    """TOML has numbers of its own; what is neither is for the model to refuse."""
    assert seconds_of(value) is value
    assert bytes_of(value) is value


@pytest.mark.parametrize("value", [True, False])
def test_yes_and_no_are_no_quantities(value: object) -> None:
    """Python takes them for 1 and 0."""
    with pytest.raises(ValueError, match="must be a duration"):
        seconds_of(value)
    with pytest.raises(ValueError, match="must be a size"):
        bytes_of(value)


@given(st.integers(0, 10**9) | st.sampled_from([0.25, 0.5, 90.5, 86_400.0, 34_560_000.0]))
def test_a_duration_that_is_shown_can_be_set(seconds: float) -> None:
    """The reference shows defaults in the form that the settings take."""
    assert seconds_of(duration_text(float(seconds))) == seconds


@given(st.integers(0, 10**14))
def test_a_size_that_is_shown_can_be_set(size: int) -> None:
    """To the byte."""
    assert bytes_of(size_text(size)) == size


def test_the_largest_unit_that_fits_is_shown() -> None:
    """Nobody counts seconds of a year."""
    shown = [duration_text(seconds) for seconds in (0.25, 5, 60, 900, 5400, 7200, 34_560_000)]

    assert shown == ["0.25s", "5s", "1m", "15m", "90m", "2h", "400d"]
    assert [size_text(size) for size in (1, 1500, 64_000, 2_000_000)] == ["1", "1500", "64kB", "2MB"]


def test_one_of_a_kind_is_not_several() -> None:
    """None and many are."""
    assert [counted(number, "dead letter") for number in (0, 1, 2, 1000)] == [
        "0 dead letters",
        "1 dead letter",
        "2 dead letters",
        "1,000 dead letters",
    ]
