"""The JSON Schema of the captured events of one queue: the general one, with the fields that Rossum's schema has."""

from collections.abc import Mapping
from typing import Any, Final

import orjson

from connector.contracts.captured_form import CapturedForm, selected
from connector.contracts.envelope import schema_uri
from connector.contracts.events import AnnotationCaptured, CapturedField
from connector.contracts.schemas import DIALECT, event_model
from connector.domain.ids import QueueId
from connector.domain.schema_readings import SchemaField, SchemaReading

_CAPTURED: Final = "annotation.captured"
_ANY_FIELD: Final = {"$ref": f"#/$defs/{CapturedField.__name__}"}


def queue_schema(queue: QueueId, schema: SchemaReading, form: CapturedForm) -> str:
    """JSON Schema 2020-12 of the data of a queue's captured events, as `form` has them.

    It stays open: fields that Rossum's schema gets later are fields of which it only says that they are fields.
    """
    whole = event_model(AnnotationCaptured)
    fields, tables = selected(*_everything(schema), form.of(queue))
    named = whole["properties"]
    named["fields"] |= {"properties": fields}
    for name, rows in tables.items():
        columns = {column: kind for row in rows for column, kind in row.items()}
        items = {"type": "object", "properties": columns, "additionalProperties": _ANY_FIELD}
        named["tables"].setdefault("properties", {})[name] = {"type": "array", "items": items}
    if not form.content:
        del named["content"]
    named["annotation"] = {**named["annotation"], "properties": {"queue": {"const": queue}}}
    head = {"$schema": DIALECT, "$id": f"{schema_uri(_CAPTURED)}:queue:{queue}:schema:{schema.id}"}
    title = f"{_CAPTURED} of queue {queue}"
    return orjson.dumps({**head, **whole, "title": title}, option=orjson.OPT_INDENT_2).decode()


def _everything(schema: SchemaReading) -> tuple[dict[str, Any], dict[str, list[dict[str, Any]]]]:
    """All that an event can carry, in the shape of captured data: a table has one row, with all its columns."""
    tables = {name: [_properties(table.columns)] for name, table in schema.tables.items()}
    return _properties(schema.fields), tables


def _properties(fields: Mapping[str, SchemaField]) -> dict[str, Any]:
    return {name: _property(name, field) for name, field in fields.items() if field.exported}


def _property(name: str, field: SchemaField) -> dict[str, Any]:
    """A field of that type; its type is null where neither export nor schema could be asked for it."""
    typed = {} if field.type is None else {"properties": {"type": {"enum": [field.type, None]}}}
    return {
        **_ANY_FIELD,
        "title": field.label or name,
        "description": f"Rossum's field {name}" + (f", a {field.type}." if field.type else "."),
        **typed,
    }
