"""Exports as CSV: one header, the rows of all parts."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from connector.domain.ids import AnnotationId
from connector.export.forms import Params, Part, Unreadable, in_order
from connector.export.tables import Columns, Label, Table, all_labels, placed, table

_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class CsvForm:
    """Comma-separated, quoted where necessary, CRLF, as Rossum writes it; a byte order mark only if Rossum sets one."""

    columns: Columns

    @property
    def params(self) -> Params:
        """See the protocol."""
        return (("format", "csv"), *self.columns.params)

    def found(self, path: Path) -> frozenset[AnnotationId]:
        """See the protocol."""
        return frozenset(number for number, _ in self._table(path).rows)

    def write(self, parts: Sequence[Part], out: BinaryIO) -> None:
        """See the protocol."""
        if not parts:
            return
        labels = all_labels(self._table(part.path).labels for part in parts)
        with parts[0].path.open("rb") as first:
            if first.read(len(_MARK)) == _MARK:
                out.write(_MARK)
        out.write(_lines([[text for text, _ in labels]]))
        out.writelines(self._joined(labels, part) for part in parts)

    def _joined(self, labels: Sequence[Label], part: Part) -> bytes:
        found = self._table(part.path)
        return _lines(placed(labels, found, cells, "") for cells in in_order(part, found.rows))

    def _table(self, path: Path) -> Table[str]:
        try:
            text = path.read_bytes().decode("utf-8-sig")
            lines = [line for line in csv.reader(io.StringIO(text, newline=""), strict=True) if line]
        except (UnicodeDecodeError, csv.Error) as error:
            raise Unreadable("it is no CSV in UTF-8") from error
        return table(self.columns, lines, lines)


def _lines(rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()
