"""Exports as XLSX: one sheet with one header and the rows of all parts.

Values, types and cell styles are Rossum's; column widths and filters of the single sheets are not carried over. Written
with the standard library: all ids in one call would need no joining, but some 800 of them fill the longest URL that
servers take.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from connector.domain.ids import AnnotationId
from connector.errors import Fatal
from connector.export.forms import Params, Part, in_order
from connector.export.tables import Columns, Table, placed, table
from connector.export.workbook import MOST_ROWS, Cell, Sheet, SheetWriter, read_sheet

_SHEET_NAME = "Export"


@dataclass(frozen=True, slots=True)
class XlsxForm:
    """A workbook."""

    columns: Columns
    most_rows: int = MOST_ROWS

    @property
    def params(self) -> Params:
        """See the protocol."""
        return (("format", "xlsx"), *self.columns.params)

    def found(self, path: Path) -> frozenset[AnnotationId]:
        """See the protocol."""
        return frozenset(number for number, _ in self._table(_sheet(path)).rows)

    def write(self, parts: Sequence[Part], out: BinaryIO) -> None:
        """See the protocol."""
        first = _sheet(parts[0].path) if parts else Sheet(_SHEET_NAME, [], None)
        writer = SheetWriter(out, first.name, first.styles, most_rows=self.most_rows)
        try:
            self._fill(writer, parts, first.styles)
        except ValueError as error:
            raise Fatal(f"the export does not fit: {error}; choose a smaller window, or csv") from error
        writer.close()

    def _fill(self, writer: SheetWriter, parts: Sequence[Part], styles: bytes | None) -> None:
        tables = (self._table(_sheet(part.path)) for part in parts)
        headers = {label: cell for found in tables for label, cell in zip(found.labels, found.header, strict=False)}
        labels = tuple(headers)
        if headers:
            writer.add(list(headers.values()))
        for part in parts:
            sheet = _sheet(part.path)
            found = self._table(sheet)
            for cells in in_order(part, found.rows):
                row = placed(labels, found, cells, Cell())
                writer.add(row if sheet.styles == styles else [replace(cell, style=None) for cell in row])

    def _table(self, sheet: Sheet) -> Table[Cell]:
        width = max((len(row) for row in sheet.rows), default=0)
        rows = [[*row, *[Cell()] * (width - len(row))] for row in sheet.rows]
        return table(self.columns, rows, [[cell.value for cell in row] for row in rows])


def _sheet(path: Path) -> Sheet:
    with path.open("rb") as file:
        return read_sheet(file)
