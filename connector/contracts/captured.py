"""Reads Rossum's export tree into typed fields and tables; odd trees give fewer fields, never an error."""

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from connector.contracts.events import CapturedField

Fields = dict[str, CapturedField]
Tables = dict[str, list[Fields]]


def captured_fields(content: Any) -> tuple[Fields, Tables]:
    """Header fields and tables of an export tree.

    A schema id that occurs twice outside a table keeps its last value. A multivalue of plain datapoints is a table
    whose rows have one field each.
    """
    fields: Fields = {}
    tables: Tables = {}
    for node in _nodes(content):
        _collect(node, fields, tables)
    return fields, tables


def _nodes(children: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(children, list):
        yield from (child for child in children if isinstance(child, Mapping))


def _collect(node: Mapping[str, Any], fields: Fields, tables: Tables) -> None:
    schema_id = node.get("schema_id")
    match node.get("category"):
        case "datapoint" if isinstance(schema_id, str):
            fields[schema_id] = _field(node)
        case "multivalue" if isinstance(schema_id, str):
            rows = [_row(child) for child in _nodes(node.get("children"))]
            tables.setdefault(schema_id, []).extend(row for row in rows if row)
        case _:
            for child in _nodes(node.get("children")):
                _collect(child, fields, tables)


def _row(node: Mapping[str, Any]) -> Fields:
    fields: Fields = {}
    _collect(node, fields, {})
    return fields


def _field(node: Mapping[str, Any]) -> CapturedField:
    kind, confidence = node.get("type"), node.get("rir_confidence")
    kind = kind if isinstance(kind, str) else None
    return CapturedField(
        value=_value(node.get("value"), kind),
        type=kind,
        confidence=float(confidence) if isinstance(confidence, int | float) else None,
    )


def _value(raw: Any, kind: str | None) -> str | None:
    if raw is None or raw == "":
        return None
    text = raw if isinstance(raw, str) else str(raw)
    if kind == "number":
        return _number(text)
    return _date(text) if kind == "date" else text


def _number(text: str) -> str:
    """Decimal text without an exponent; as it came where it is no number."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return text
    # A huge exponent would blow up into that many digits.
    return f"{number:f}" if number.is_finite() and abs(number.adjusted()) < 1000 else text  # noqa: PLR2004


def _date(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return text
