"""The data that the simulated AI reads from a document: invented, and the same for the same content."""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from connector.sandbox.simulator.model import Annotation, Document, Json
from connector.sandbox.simulator.schema_fields import (
    CURRENCIES,
    HEADER_FIELDS,
    ROW,
    ROW_FIELDS,
    SECTIONS,
    TABLE,
    TABLE_SECTION,
    Field,
)

_VENDORS = (
    "Alder & Sons",
    "Březina s.r.o.",
    "Cobalt Freight GmbH",
    "Dunmore Paper Ltd",
    "Estrella Foods S.A.",
)
_CUSTOMERS = ("Harbour Logistics", "Ostrava Steel", "Quay Street Books")
_ITEMS = ("Transport", "Paper A4, 80 g", "Consulting hours", "Pallets", "Coffee beans 1 kg", "Insurance")
_FIRST_DAY = date(2024, 1, 1)
_SPREAD_DAYS = 700
_ISO_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
_PAGE_DATE = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")
_DECIMAL = re.compile(r"-?\d+\.\d+")
_UNREAD = frozenset({"created", "importing", "failed_import", "split"})


class Read(NamedTuple):
    """One value, normalised, and how sure the AI is; None = nothing found, or not the AI's."""

    value: str
    confidence: float | None


_NOTHING = Read("", None)
Row = tuple[Read, ...]


@dataclass(frozen=True, slots=True)
class Captured:
    """Everything read from one document: a value per header field, and the rows of the table."""

    header: tuple[Read, ...]
    rows: tuple[Row, ...]


def capture(annotation: Annotation, document: Document, seed: int) -> Captured:
    """What is on the document now: its own content, uploaded values, people's edits; empty while unread."""
    if annotation.status in _UNREAD:
        return Captured((_NOTHING,) * len(HEADER_FIELDS), ())
    noise = int(document.sha256[:16], 16) ^ (seed * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF)
    rows, total = _rows(noise)
    header = _header(noise, total, annotation)
    if annotation.edits:
        return _edited(Captured(header, rows), annotation)
    return Captured(header, rows)


def _header(noise: int, total: int, annotation: Annotation) -> tuple[Read, ...]:
    sure = (80 + noise % 20) / 100
    day = _FIRST_DAY + timedelta(days=noise % _SPREAD_DAYS)
    due = day + timedelta(days=14)
    tax = total * 21 // 100
    values = annotation.values or {}
    reference = values.get("upload:document_id") or values.get("upload:customer_reference")
    return (
        Read(f"INV-{noise % 1_000_003:07d}", sure),
        Read(day.isoformat(), sure),
        Read(due.isoformat(), sure),
        Read(f"PO-{noise % 9973:05d}", sure) if noise & 3 else _NOTHING,
        Read(str(reference), None) if reference else _NOTHING,
        Read(_money(total), sure),
        Read(_money(tax), sure),
        Read(_money(total + tax), sure),
        Read(CURRENCIES[(noise >> 4) % len(CURRENCIES)], sure),
        Read(_VENDORS[(noise >> 8) % len(_VENDORS)], sure),
        Read(f"CZ{noise % 90_000_049 + 10_000_000}", sure),
        Read(_CUSTOMERS[(noise >> 12) % len(_CUSTOMERS)], sure),
        Read(f"revision {annotation.exports}", None) if annotation.exports > 1 else _NOTHING,
        Read("checked by the simulated reviewer", None),
    )


def _rows(noise: int) -> tuple[tuple[Row, ...], int]:
    """One to four line items, and their sum in cents."""
    rows, total = [], 0
    for place in range(1 + (noise >> 20) % 4):
        part = noise >> (place * 7)
        quantity, price = 1 + part % 12, 199 + part % 99_901
        total += quantity * price
        rows.append(
            (
                Read(_ITEMS[part % len(_ITEMS)], 0.97),
                Read(str(quantity), 0.96),
                Read(_money(price), 0.95),
                Read(_money(quantity * price), 0.94),
            )
        )
    return tuple(rows), total


def _money(cents: int) -> str:
    """A number as Rossum normalises it."""
    return f"{cents // 100}.{cents % 100:02d}"


def printed(kind: str, value: str) -> str:
    """The value as it stands on the page; what is no date or number stays as it is."""
    if kind == "date" and (parts := _ISO_DATE.fullmatch(value)):
        return f"{int(parts[2])}/{int(parts[3])}/{parts[1]}"
    if kind == "number" and _DECIMAL.fullmatch(value):
        return f"{Decimal(value):,}".replace(",", " ")
    return value


def normalized(kind: str, text: str) -> str:
    """The value that Rossum makes of what a person typed; the inverse of ``printed``."""
    if kind == "date" and (parts := _PAGE_DATE.fullmatch(text.strip())):
        return f"{parts[3]}-{int(parts[1]):02d}-{int(parts[2]):02d}"
    return text.replace(" ", "") if kind == "number" else text


def header_node(annotation_id: int, place: int) -> int:
    """The id of a header field's datapoint: its place among the header fields."""
    return annotation_id * 1000 + 100 + place


def row_node(annotation_id: int, row: int, column: int) -> int:
    """The id of a table cell's datapoint; column -1 is the row itself."""
    return annotation_id * 1000 + 200 + row * 10 + column + 1


def _edited(read: Captured, annotation: Annotation) -> Captured:
    """The same with people's values in place of the AI's."""
    edits = annotation.edits or {}

    def now(node: int, field: Field, value: Read) -> Read:
        return Read(normalized(field.type, edits[node]), None) if node in edits else value

    header = tuple(
        now(header_node(annotation.id, place), field, value)
        for place, (field, value) in enumerate(zip(HEADER_FIELDS, read.header, strict=True))
    )
    rows = tuple(
        tuple(
            now(row_node(annotation.id, at, column), field, value)
            for column, (field, value) in enumerate(zip(ROW_FIELDS, row, strict=True))
        )
        for at, row in enumerate(read.rows)
    )
    return Captured(header, rows)


def export_tree(read: Captured) -> list[Json]:
    """The ``content`` of an element of the JSON export: normalised values, no ids, exportable fields only."""
    values = iter(read.header)
    sections: list[Json] = []
    for name, _, fields in SECTIONS:
        leaves = [_leaf(field, value) for field, value in zip(fields, values, strict=False) if field.can_export]
        sections.append({"category": "section", "schema_id": name, "children": leaves})
    rows = [
        {
            "category": "tuple",
            "schema_id": ROW,
            "children": [_leaf(field, value) for field, value in zip(ROW_FIELDS, row, strict=True)],
        }
        for row in read.rows
    ] or [{"category": "tuple", "schema_id": ROW, "children": []}]
    table = {"category": "multivalue", "schema_id": TABLE, "children": rows}
    sections.append({"category": "section", "schema_id": TABLE_SECTION[0], "children": [table]})
    return sections


def _leaf(field: Field, value: Read) -> Json:
    return {
        "category": "datapoint",
        "schema_id": field.id,
        "value": value.value,
        "type": field.type,
        "rir_confidence": value.confidence,
    }


def content_tree(read: Captured, annotation_id: int, url: str) -> list[Json]:
    """The content as ``/annotations/{id}/content`` and content hooks show it; ``url`` is that address."""
    sections: list[Json] = []
    values = iter(enumerate(read.header))
    for at, (name, _, fields) in enumerate(SECTIONS):
        children = [
            _datapoint(header_node(annotation_id, place), url, field, value)
            for field, (place, value) in zip(fields, values, strict=False)
        ]
        sections.append(_node(("section", name), annotation_id * 1000 + at, url, children))
    rows = [_row(annotation_id, at, url, row) for at, row in enumerate(read.rows)]
    table = _node(("multivalue", TABLE), annotation_id * 1000 + 99, url, rows)
    sections.append(_node(("section", TABLE_SECTION[0]), annotation_id * 1000 + 98, url, [table]))
    return sections


def _row(annotation_id: int, at: int, url: str, row: Row) -> Json:
    cells = [
        _datapoint(row_node(annotation_id, at, column), url, field, value)
        for column, (field, value) in enumerate(zip(ROW_FIELDS, row, strict=True))
    ]
    return _node(("tuple", ROW), row_node(annotation_id, at, -1), url, cells)


def _node(kind: tuple[str, str], number: int, url: str, children: list[Json]) -> Json:
    """A container: ``kind`` is its category and schema id."""
    return {
        "id": number,
        "url": f"{url}/{number}",
        "schema_id": kind[1],
        "category": kind[0],
        "children": children,
    }


def _datapoint(number: int, url: str, field: Field, value: Read) -> Json:
    text = printed(field.type, value.value)
    found = value.confidence is not None
    return {
        "id": number,
        "url": f"{url}/{number}",
        "content": {
            "value": text,
            "normalized_value": value.value or None,
            "page": 1 if found else None,
            "position": [100, 200, 300, 220] if found else None,
            "rir_text": text if found else None,
            "rir_raw_text": text if found else None,
            "rir_page": 1 if found else None,
            "rir_position": [100, 200, 300, 220] if found else None,
            "rir_confidence": value.confidence,
            "connector_text": None,
            "connector_position": None,
            "ocr_text": text if found else None,
            "ocr_raw_text": text if found else None,
            "ocr_position": None,
        },
        "schema_id": field.id,
        "category": "datapoint",
        "validation_sources": ["score"] if found else [],
        "time_spent": 0,
        "time_spent_overall": 0,
        "hidden": False,
        "no_recalculation": False,
    }
