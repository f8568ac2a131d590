"""The JSON Schema of one queue, where Rossum's schema or the settings are odd."""

from typing import Any

import orjson
import pytest

from connector.contracts.captured_form import CapturedForm
from connector.contracts.queue_schema import queue_schema
from connector.domain.ids import QueueId
from connector.domain.schema_readings import SchemaField, SchemaReading, SchemaTable

NUMBER, UNTYPED, HIDDEN = (
    SchemaField("number", "Total"),
    SchemaField(None, None),
    SchemaField("string", "x", exported=False),
)
SCHEMA = SchemaReading(
    7,
    {"total": NUMBER, "note": HIDDEN, "odd": UNTYPED},
    {
        "lines": SchemaTable("Lines", {"price": NUMBER, "secret": HIDDEN}),
        "orders": SchemaTable(None, {"order": UNTYPED}),
    },
)


def properties(names: dict[str, str]) -> dict[str, Any]:
    """Names of fields, and of tables with their columns."""
    whole = orjson.loads(queue_schema(QueueId(1), SCHEMA, CapturedForm(names)))["properties"]
    tables = whole["tables"].get("properties", {})
    found = {name: sorted(table["items"]["properties"]) for name, table in tables.items()}
    return {"fields": sorted(whole["fields"]["properties"]), "tables": found}


@pytest.mark.parametrize(
    ("names", "fields", "tables"),
    [
        pytest.param({}, ["odd", "total"], {"lines": ["price"], "orders": ["order"]}, id="only what is exported"),
        pytest.param({"lines": "l", "secret": "s"}, [], {"l": ["price"]}, id="a column that is not exported"),
        pytest.param({"price": "p", "orders": "lines"}, [], {"lines": ["order", "p"]}, id="two tables of one name"),
    ],
)
def test_what_the_settings_name_is_in_it(names: dict[str, str], fields: list[str], tables: dict[str, Any]) -> None:
    """The schema has what events can have, under the same names."""
    assert properties(names) == {"fields": fields, "tables": tables}
