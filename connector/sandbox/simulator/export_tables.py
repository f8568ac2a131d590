"""The export as CSV, XLSX and XML, made out of the elements of the JSON export.

A table has one row per line item, with the header fields repeated; the layout is our reading of the vendor's.
"""

import csv
import io
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from itertools import islice
from typing import Any, Literal

from connector.sandbox.simulator.model import Json
from connector.sandbox.simulator.schema_fields import HEADER_FIELDS, LABELS, ROW_FIELDS, TABLE

_QUOTING: dict[str, Literal[0, 1, 2, 3]] = {
    "quote_minimal": csv.QUOTE_MINIMAL,
    "quote_none": csv.QUOTE_NONE,
    "quote_all": csv.QUOTE_ALL,
    "quote_non_numeric": csv.QUOTE_NONNUMERIC,
}
_META: dict[str, Callable[[Json], Any]] = {
    "meta_arrived_at": lambda element: element["arrived_at"],
    "meta_file": lambda element: element["document"]["file"],
    "meta_file_name": lambda element: element["document"]["file_name"],
    "meta_status": lambda element: element["status"],
    "meta_url": lambda element: element["url"],
    "meta_automated": lambda element: str(element.get("automated", "")),
    "meta_modified_at": lambda element: element.get("modified_at") or "",
    "meta_assigned_at": lambda element: element.get("assigned_at") or "",
}
_FIELDS = [field.id for field in (*HEADER_FIELDS, *ROW_FIELDS) if field.can_export]


@dataclass(frozen=True, slots=True)
class Layout:
    """How a table looks: columns and signs by the query, and whether an annotation has one row whatever it holds."""

    query: Mapping[str, str]
    one_row: bool = False


def as_csv(elements: list[Json], layout: Layout) -> bytes:
    """CSV with CRLF; ``delimiter``, ``quote_char``, ``quoting``, ``escape_char`` and columns by query."""
    query = layout.query
    text = io.StringIO(newline="")
    writer = csv.writer(
        text,
        delimiter=(query.get("delimiter") or ",")[0],
        quotechar=(query.get("quote_char") or '"')[0],
        quoting=_QUOTING.get(query.get("quoting", ""), csv.QUOTE_MINIMAL),
        escapechar=(query.get("escape_char") or "\\")[0],
    )
    writer.writerows(_table(elements, layout))
    return text.getvalue().encode()


def _table(elements: list[Json], layout: Layout) -> Iterator[list[str]]:
    """The header row with labels, then the rows."""
    columns = _columns(layout.query)
    yield [LABELS.get(column, column) for column in columns]
    for element in elements:
        for values in islice(_rows(element), 1 if layout.one_row else None):
            yield [_cell(element, values, column) for column in columns]


def _columns(query: Mapping[str, str]) -> list[str]:
    def named(name: str) -> list[str]:
        return [column for column in query.get(name, "").split(",") if column]

    return [*named("prepend_columns"), *(named("columns") or _FIELDS), *named("append_columns")]


def _cell(element: Json, values: dict[str, str], column: str) -> str:
    if column in _META:
        return str(_META[column](element))
    return values.get(column, "")


def _rows(element: Json) -> Iterator[dict[str, str]]:
    """The values by schema id: once per line item, once without any."""
    header: dict[str, str] = {}
    items: list[dict[str, str]] = []
    for section in element["content"]:
        for node in section["children"]:
            if node["schema_id"] == TABLE:
                items = [{leaf["schema_id"]: leaf["value"] for leaf in row["children"]} for row in node["children"]]
            else:
                header[node["schema_id"]] = node["value"]
    for item in items or [{}]:
        yield {**header, **item}


def as_xml(elements: list[Json], block: Json) -> bytes:
    """XML with the pagination block at its end."""
    rows = "".join(_annotation(element) for element in elements)
    page = "".join(_tag(name, block[name]) for name in ("next", "previous", "total", "total_pages"))
    head = '<?xml version="1.0" encoding="utf-8"?>\n'
    return f"{head}<export><results>{rows}</results><pagination>{page}</pagination></export>".encode()


_LATER = ("automated", "modified_at", "assigned_at")


def _tag(name: str, value: object) -> str:
    return f"<{name}/>" if value is None else f"<{name}>{escape(str(value))}</{name}>"


def _annotation(element: Json) -> str:
    document, modifier = element["document"], element["modifier"]
    items = "".join(
        f'<item key="{escape(key)}">{escape(str(value))}</item>' for key, value in element["metadata"].items()
    )
    return (
        f'<annotation url="{escape(element["url"])}">'
        + _tag("status", element["status"])
        + _tag("arrived_at", element["arrived_at"])
        + (_tag("exported_at", element["exported_at"]) if "exported_at" in element else "")
        + f'<document url="{escape(document["url"])}">'
        + _tag("file_name", document["file_name"])
        + _tag("file", document["file"])
        + "</document>"
        + ("<modifier/>" if modifier is None else _modifier(modifier))
        + f'<schema url="{escape(element["schema"]["url"])}"></schema><metadata>{items}</metadata>'
        + "<content>"
        + "".join(_node(node) for node in element["content"])
        + "</content>"
        + "".join(_tag(name, element[name]) for name in _LATER if name in element)
        + "</annotation>"
    )


def _modifier(modifier: Json) -> str:
    return f'<modifier url="{escape(modifier["url"])}">{_tag("username", modifier["username"])}</modifier>'


def _node(node: Json) -> str:
    name, schema_id = node["category"], escape(node["schema_id"])
    if name != "datapoint":
        children = "".join(_node(child) for child in node["children"])
        return f'<{name} schema_id="{schema_id}">{children}</{name}>'
    confidence = node["rir_confidence"]
    sure = "" if confidence is None else f'rir_confidence="{confidence}" '
    return f'<datapoint {sure}schema_id="{schema_id}" type="{node["type"]}">{escape(node["value"])}</datapoint>'


_SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_MIME = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_XLSX_PARTS = {
    "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_MIME}.sheet.main+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_MIME}.worksheet+xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{_SHEET}" xmlns:r="{_OFFICE}"><sheets>'
    '<sheet name="Export" sheetId="1" r:id="rId1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
}


def as_xlsx(elements: list[Json], layout: Layout) -> bytes:
    """The table as a workbook with one sheet."""
    rows = "".join(f"<row>{''.join(map(_inline, row))}</row>" for row in _table(elements, layout))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as book:
        for name, text in _XLSX_PARTS.items():
            book.writestr(name, '<?xml version="1.0" encoding="UTF-8"?>' + text)
        book.writestr(
            "xl/worksheets/sheet1.xml",
            f'<worksheet xmlns="{_SHEET}"><sheetData>{rows}</sheetData></worksheet>',
        )
    return file.getvalue()


def _inline(value: str) -> str:
    return f'<c t="inlineStr"><is><t>{escape(value)}</t></is></c>'
