"""Bars of the benchmarks: a figure that misses one is named, whatever it is compared by."""

from benchmarks.figures import Bar, Row, missed

AT_LEAST = Bar("at least 0.70", at_least=0.7)
AT_MOST = Bar("at most 2 s", at_most=2.0)


def test_that_what_reaches_its_bar_is_not_missed() -> None:
    """The limit itself is enough; a row without a bar only explains others."""
    rows = [Row("a", "7/s", 0.7, AT_LEAST), Row("b", "2 s", bar=AT_MOST, figure=2.0), Row("c", "9 s", 9.0)]

    assert missed(rows) == []


def test_that_what_misses_its_bar_is_named() -> None:
    """Below by its ratio, above by its own figure: both in words that tell the value and the bar."""
    rows = [Row("a", "6/s", 0.69, AT_LEAST), Row("b", "3 s", 0.9, AT_MOST, figure=2.1), Row("c", "", 0.5, AT_LEAST)]

    assert missed(rows) == ["a: 6/s, bar at least 0.70", "b: 3 s, bar at most 2 s", "c: 0.50, bar at least 0.70"]


def test_that_a_figure_which_could_not_be_taken_is_missed() -> None:
    """A median or percentile of nothing reaches no bar."""
    rows = [Row("a", "?", float("nan"), AT_LEAST), Row("b", "?", float("inf"), AT_MOST)]

    assert [row.verdict for row in rows] == ["NO", "NO"]
    assert len(missed(rows)) == 2
