"""Numbers as they are printed: percentiles, and rows of a table with the bar that each figure has to reach."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Bar:
    """What a figure must reach.

    Attributes:
        at_least: Lower limit of the figure; None when there is none.
        at_most: Upper limit of the figure; None when there is none.
    """

    text: str
    at_least: float | None = None
    at_most: float | None = None

    def reached(self, figure: float) -> bool:
        """Whether the figure lies within the limits."""
        return (self.at_least is None or figure >= self.at_least) and (self.at_most is None or figure <= self.at_most)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table.

    Attributes:
        value: The raw figure with its unit.
        ratio: To the limit of the same run, where there is one.
        bar: None for a figure that only explains others.
        figure: What the bar is compared with; the ratio when None.
    """

    what: str
    value: str
    ratio: float | None = None
    bar: Bar | None = None
    figure: float | None = None

    @property
    def verdict(self) -> str:
        """`yes`, `NO`, or nothing when there is no bar."""
        figure = self.ratio if self.figure is None else self.figure
        if self.bar is None or figure is None:
            return ""
        return "yes" if self.bar.reached(figure) else "NO"


def missed(rows: Sequence[Row]) -> list[str]:
    """What did not reach its bar, in words."""
    short = [(row, row.bar) for row in rows if row.bar and row.verdict == "NO"]
    return [f"{row.what}: {row.value or f'{row.ratio:.2f}'}, bar {bar.text}" for row, bar in short]


def percentile(values: Sequence[float], part: float) -> float:
    """The value below which `part` (0 to 1) of the values lie; infinite without values, so that no bar is reached."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else math.inf


def median(values: Sequence[float]) -> float:
    """The value in the middle; not a number without values, so that no bar is reached."""
    return statistics.median(values) if values else math.nan


def show(title: str, rows: Sequence[Row]) -> None:
    """Print a table: what, value, ratio, bar, reached."""
    table = Table(title=title, title_justify="left", width=None)
    for name in ("what", "value", "ratio", "bar", "reached"):
        table.add_column(name, justify="right" if name == "ratio" else "left")
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        table.add_row(row.what, row.value, ratio, row.bar.text if row.bar else "", row.verdict)
    Console(width=140).print(table)
