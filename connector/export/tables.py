"""What CSV and XLSX have in common: rows of cells below labels, and the annotation that each row belongs to.

Rossum's tables do not say by themselves which annotations are in them, so the column `meta_url` is asked for besides
and left out again. Annotations of one queue may have different versions of its schema, hence parts different labels:
the joined table has all of them, each once.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from connector.domain.ids import AnnotationId
from connector.export.forms import Params, Unreadable, annotation_of

URL_COLUMN = "meta_url"

Cell = TypeVar("Cell")
#: A label, and which of several equal ones it is.
Label = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns that a person asked for, schema ids or `meta_…`; none = all of the schema."""

    names: tuple[str, ...] = ()

    @property
    def params(self) -> Params:
        """Query parameters; no page is named, since Rossum then gives the whole table."""
        named = (("columns", ",".join(self.names)),) if self.names else ()
        return named if self._shows_url else (*named, ("append_columns", URL_COLUMN))

    @property
    def _shows_url(self) -> bool:
        return URL_COLUMN in self.names

    def url_place(self, labels: Sequence[str]) -> int:
        """The place of the column that tells the annotation.

        Raises:
            Unreadable: The table does not have it.
        """
        if URL_COLUMN not in labels:
            raise Unreadable(f"it has no column {URL_COLUMN}")
        if self._shows_url:
            return labels.index(URL_COLUMN)
        return len(labels) - 1 - list(reversed(labels)).index(URL_COLUMN)

    def shown(self, cells: Sequence[Cell], url_place: int) -> list[Cell]:
        """A row as the person wants it."""
        if self._shows_url:
            return list(cells)
        return [cell for place, cell in enumerate(cells) if place != url_place]


@dataclass(frozen=True, slots=True)
class Table(Generic[Cell]):
    """One part: the header's cells with their labels, and rows by annotation."""

    labels: tuple[Label, ...]
    header: tuple[Cell, ...]
    rows: tuple[tuple[AnnotationId, list[Cell]], ...]


def table(columns: Columns, lines: Sequence[Sequence[Cell]], texts: Sequence[Sequence[str]]) -> Table[Cell]:
    """The table of all lines of a part, the header first; `texts` are the same cells as text.

    Raises:
        Unreadable: A row does not tell its annotation.
    """
    if not lines:
        raise Unreadable("it has no header")
    place = columns.url_place(texts[0])
    rows = []
    for cells, words in zip(lines[1:], texts[1:], strict=True):
        if place >= len(words):
            raise Unreadable("a row is shorter than the header")
        rows.append((annotation_of(words[place]), columns.shown(cells, place)))
    labels = _labels(columns.shown(texts[0], place))
    return Table(labels, tuple(columns.shown(lines[0], place)), tuple(rows))


def all_labels(tables: Iterable[tuple[Label, ...]]) -> tuple[Label, ...]:
    """The labels of several tables, each once, in the order in which they come up."""
    return tuple(dict.fromkeys(label for labels in tables for label in labels))


def placed(labels: Sequence[Label], of: Table[Cell], cells: Sequence[Cell], empty: Cell) -> list[Cell]:
    """The cells of a row of table `of`, below the labels of the joined table."""
    if tuple(labels) == of.labels:
        return list(cells)
    by_label = dict(zip(of.labels, cells, strict=False))
    return [by_label.get(label, empty) for label in labels]


def _labels(texts: Iterable[str]) -> tuple[Label, ...]:
    seen: Counter[str] = Counter()
    labels = []
    for text in texts:
        labels.append((text, seen[text]))
        seen[text] += 1
    return tuple(labels)
