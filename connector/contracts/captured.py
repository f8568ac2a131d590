"""Captured data: Rossum's export tree as typed fields and tables, and the two smaller forms of its event."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, TypeGuard

from connector.contracts.envelope import encode_data
from connector.contracts.events import AnnotationCaptured, AnnotationCapturedThin, CapturedField

Fields = dict[str, CapturedField]
Tables = dict[str, list[Fields]]

_PLAIN: Final = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
#: What is left out of an event that is too large, most dispensable first.
_OMISSIBLE: Final = ("content", "tables", "fields")


#: For a tree that tells its types itself.
_NO_TYPES: Final[Mapping[str, str]] = {}


def captured_fields(content: Any, types: Mapping[str, str] = _NO_TYPES) -> tuple[Fields, Tables]:
    """Header fields and tables of an export tree; odd trees give fewer of them, never an error.

    Types are the tree's own; where it tells none, those that `types` has by schema id.

    Rows of a multivalue are its tuples; a datapoint directly below it is a row of one field. Empty tuples are no
    rows, since an empty table has one. A table inside of another, or met twice, is a table of its own with all rows.
    A field that occurs twice keeps its first value that is not empty; `content` still has both.
    """
    fields: Fields = {}
    tables: Tables = {}
    # A stack instead of recursion: nothing says how deep a tree is.
    stack = [(node, fields) for node in _children(content)]
    while stack:
        node, target = stack.pop()
        schema_id, category = node.get("schema_id"), node.get("category")
        if category == "datapoint":
            _keep(target, schema_id, node, types)
        elif category == "multivalue" and isinstance(schema_id, str):
            rows: list[tuple[dict[str, Any], Fields]] = [(child, {}) for child in _children(node.get("children"))]
            tables.setdefault(schema_id, []).extend(row for _, row in reversed(rows))
            stack.extend(rows)
        elif category in ("section", "tuple"):
            stack.extend((child, target) for child in _children(node.get("children")))
    return fields, {name: [row for row in rows if row] for name, rows in tables.items()}


def _children(children: Any) -> list[dict[str, Any]]:
    """Last one first, as a stack wants them."""
    return [child for child in reversed(children) if isinstance(child, dict)] if isinstance(children, list) else []


def is_typed(content: Any) -> bool:
    """Whether every datapoint of an export tree tells its type."""
    levels = [content] if isinstance(content, list) else []
    while levels:
        for node in levels.pop():
            if not isinstance(node, dict):
                continue
            if isinstance(children := node.get("children"), list):
                levels.append(children)
            elif node.get("category") == "datapoint" and not isinstance(node.get("type"), str):
                return False
    return True


def _keep(target: Fields, schema_id: Any, node: dict[str, Any], types: Mapping[str, str]) -> None:
    if not isinstance(schema_id, str):
        return
    known = target.get(schema_id)
    if known is None or known["value"] is None:
        kind = node.get("type")
        target[schema_id] = _field(node, kind if isinstance(kind, str) else types.get(schema_id))


def _field(node: dict[str, Any], kind: str | None) -> CapturedField:
    """Dates come normalised; what is no date stays as it is, like every other text."""
    raw, confidence = node.get("value"), node.get("rir_confidence")
    if not isinstance(raw, str):
        raw = str(raw) if _is_number(raw) else None
    return {
        "value": (_number(raw) if kind == "number" else raw) if raw else None,
        "type": kind,
        "confidence": confidence if _is_number(confidence) and 0 <= confidence <= 1 else None,
    }


def _is_number(raw: Any) -> TypeGuard[int | float]:
    return type(raw) is float or type(raw) is int


def _number(text: str) -> str:
    """Decimal text without an exponent; as it came where it is no number or its exponent has four digits."""
    if _PLAIN.fullmatch(text):
        return text
    return f"{Decimal(text):f}" if _NUMBER.fullmatch(text) else text


def thin(captured: AnnotationCaptured) -> AnnotationCapturedThin:
    """The same revision without its data."""
    # Its own check of parts that were checked before costs less than to go without one.
    return AnnotationCapturedThin(**{name: getattr(captured, name) for name in AnnotationCapturedThin.model_fields})


def shrink(captured: AnnotationCaptured, limit_bytes: int, *, content_url: str | None = None) -> AnnotationCaptured:
    """The same event in at most `limit_bytes` of JSON, as far as leaving out `content`, `tables` and `fields` helps.

    Args:
        captured: The whole event.
        limit_bytes: For the data alone, without key and headers.
        content_url: Where Rossum serves what was left out; the annotation's own content when None.
    """
    omitted: list[str] = []
    for part in _OMISSIBLE:
        if len(encode_data(captured)) <= limit_bytes:
            break
        if getattr(captured, part) is None:
            continue
        omitted.append(part)
        url = content_url or f"{captured.annotation.url}/content"
        captured = captured.model_copy(update={part: None, "omitted": [*omitted], "content_url": url})
    return captured
