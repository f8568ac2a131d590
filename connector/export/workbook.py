"""Reads and writes the one sheet of a workbook, row by row: as much of Office Open XML (ECMA-376) as a table needs."""

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, BinaryIO
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape, quoteattr

from connector.export.forms import Unreadable

#: Rows that a sheet can have.
MOST_ROWS = 1_048_576
STYLES = "xl/styles.xml"

_SHEET = "xl/worksheets/sheet1.xml"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_MIME = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_REFERENCE = re.compile(r"([A-Z]+)[0-9]+")
#: What XML 1.0 can't say.
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_TEXTS = frozenset({"s", "inlineStr", "str"})


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell: its kind (`text`, or Office's letter for what is no text), its value as text, and its style."""

    kind: str = "text"
    value: str = ""
    style: str | None = None


@dataclass(frozen=True, slots=True)
class Sheet:
    """The first sheet of a workbook.

    Attributes:
        styles: The workbook's styles, which the cells' styles are numbers of.
    """

    name: str
    rows: list[list[Cell]]
    styles: bytes | None


def read_sheet(file: BinaryIO) -> Sheet:
    """The first sheet of a workbook.

    Raises:
        Unreadable: It is no workbook.
    """
    try:
        with zipfile.ZipFile(file) as book:
            name, path = _first_sheet(book)
            with book.open(path) as sheet:
                rows = list(_rows(sheet, _shared_texts(book)))
            styles = book.read(STYLES) if STYLES in book.namelist() else None
    except (zipfile.BadZipFile, KeyError, StopIteration, ValueError, IndexError, ET.ParseError) as error:
        raise Unreadable("it is no workbook") from error
    return Sheet(name, rows, styles)


def _first_sheet(book: zipfile.ZipFile) -> tuple[str, str]:
    """Its name and its path in the package."""
    first = next(element for element in _elements(book.open("xl/workbook.xml")) if _local(element.tag) == "sheet")
    wanted = first.attrib[f"{{{_OFFICE}}}id"]
    for relation in _elements(book.open("xl/_rels/workbook.xml.rels")):
        if relation.get("Id") == wanted:
            target = relation.attrib["Target"]
            return first.attrib["name"], target.lstrip("/") if target.startswith("/") else f"xl/{target}"
    raise KeyError(wanted)


def _shared_texts(book: zipfile.ZipFile) -> list[str]:
    path = "xl/sharedStrings.xml"
    if path not in book.namelist():
        return []
    return [_text(element) for element in _elements(book.open(path)) if _local(element.tag) == "si"]


def _rows(sheet: IO[bytes], shared: list[str]) -> Iterator[list[Cell]]:
    for element in _elements(sheet):
        if _local(element.tag) == "row":
            yield _row(element, shared)
            element.clear()


def _row(row: ET.Element, shared: list[str]) -> list[Cell]:
    cells: list[Cell] = []
    for element in row:
        place = _place(element.get("r"), len(cells))
        cells += [Cell()] * (place - len(cells))
        cells.append(_cell(element, shared))
    return cells


def _place(reference: str | None, following: int) -> int:
    """The column of a cell from 0; a cell without a reference follows the one before."""
    match = _REFERENCE.fullmatch(reference or "")
    if match is None:
        return following
    number = 0
    for letter in match[1]:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def _cell(element: ET.Element, shared: list[str]) -> Cell:
    kind, style = element.get("t", "n"), element.get("s")
    value = next((child.text or "" for child in element if _local(child.tag) == "v"), "")
    if kind == "inlineStr":
        value = _text(element)
    elif kind == "s":
        value = shared[int(value)]
    return Cell("text" if kind in _TEXTS else kind, value, style)


def _text(element: ET.Element) -> str:
    """The text of a string item without phonetic hints; formats of its pieces are lost."""
    pieces = []
    for child in element:
        match _local(child.tag):
            case "t":
                pieces.append(child.text or "")
            case "r" | "is":
                pieces.append(_text(child))
    return "".join(pieces)


def _elements(file: IO[bytes]) -> Iterator[ET.Element]:
    """Elements in the order in which they end."""
    with file:
        for _, element in ET.iterparse(file):  # noqa: S314 - Rossum's own answer; expat bounds what entities expand to
            yield element


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


class SheetWriter:
    """Writes a workbook with one sheet, row by row.

    Args:
        out: A file that can be written at its end.
        name: Of the sheet.
        styles: Of the workbook; without them cells have none.
        most_rows: That the sheet can have.
    """

    def __init__(self, out: BinaryIO, name: str, styles: bytes | None, *, most_rows: int = MOST_ROWS) -> None:
        self._most_rows = most_rows
        self._book = zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED)
        for path, text in _package(name, has_styles=styles is not None):
            self._book.writestr(path, _DECLARATION + text)
        if styles is not None:
            self._book.writestr(STYLES, styles)
        self._sheet = self._book.open(_SHEET, "w", force_zip64=True)
        self._put(f'{_DECLARATION}<worksheet xmlns="{_MAIN}"><sheetData>')
        self._rows = 0

    def add(self, cells: list[Cell]) -> None:
        """The next row.

        Raises:
            ValueError: A sheet can't have so many.
        """
        self._rows += 1
        if self._rows > self._most_rows:
            msg = f"a sheet has room for {self._most_rows:,} rows"
            raise ValueError(msg)
        self._put(f'<row r="{self._rows}">')
        for place, cell in enumerate(cells):
            if cell.value or cell.style:
                self._put(_written(cell, f"{_letters(place)}{self._rows}"))
        self._put("</row>")

    def close(self) -> None:
        """End the workbook; `out` stays open."""
        self._put("</sheetData></worksheet>")
        self._sheet.close()
        self._book.close()

    def _put(self, text: str) -> None:
        self._sheet.write(text.encode())


def _written(cell: Cell, reference: str) -> str:
    style = f' s="{cell.style}"' if cell.style else ""
    if not cell.value:
        return f'<c r="{reference}"{style}/>'
    value = escape(_UNWRITABLE.sub("", cell.value))
    if cell.kind == "text":
        return f'<c r="{reference}"{style} t="inlineStr"><is><t xml:space="preserve">{value}</t></is></c>'
    return f'<c r="{reference}"{style} t="{cell.kind}"><v>{value}</v></c>'


def _letters(place: int) -> str:
    letters = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def _package(name: str, *, has_styles: bool) -> Iterator[tuple[str, str]]:
    """The parts of the package besides sheet and styles."""
    kinds, links = [("sheet.main", "workbook.xml"), ("worksheet", "worksheets/sheet1.xml")], ["worksheets/sheet1.xml"]
    if has_styles:
        kinds.append(("styles", "styles.xml"))
        links.append("styles.xml")
    overrides = "".join(f'<Override PartName="/xl/{path}" ContentType="{_MIME}.{kind}+xml"/>' for kind, path in kinds)
    rels = f'<Default Extension="rels" ContentType="{_PACKAGE_MIME}"/>'
    yield "[Content_Types].xml", f'<Types xmlns="{_PACKAGE}/content-types">{rels}{overrides}</Types>'
    yield "_rels/.rels", _relations([("officeDocument", "xl/workbook.xml")])
    sheet = f'<sheet name={quoteattr(name)} sheetId="1" r:id="rId1"/>'
    yield "xl/workbook.xml", f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{sheet}</sheets></workbook>'
    yield (
        "xl/_rels/workbook.xml.rels",
        _relations([("styles" if link == "styles.xml" else "worksheet", link) for link in links]),
    )


_PACKAGE_MIME = "application/vnd.openxmlformats-package.relationships+xml"


def _relations(targets: list[tuple[str, str]]) -> str:
    items = "".join(
        f'<Relationship Id="rId{number}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(targets, start=1)
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{items}</Relationships>'
