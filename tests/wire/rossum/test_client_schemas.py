"""Types of captured data where the export tells none: from the queue's schema, and never at the cost of the data."""

import asyncio
from typing import Any

import pytest

from connector.contracts.captured import captured_fields
from connector.domain.ids import AnnotationId
from connector.domain.readings import ExportReading
from tests.wire.rossum.client_harness import QUEUE, Side, connected

SCHEMA_READ = "GET /schemas/{id}"


async def untyped(side: Side, count: int = 2) -> list[AnnotationId]:
    """Annotations of a Rossum whose exports tell no types."""
    await side.control("POST", "/behaviour", {"untyped_exports": True})
    return [AnnotationId(number) for number in await side.finished(count)]


def types(export: ExportReading) -> dict[str, Any]:
    """The types that an event has: of header fields and columns."""
    fields, tables = captured_fields(export.content, export.types)
    rows = [fields, *(row for rows in tables.values() for row in rows)]
    return {name: field["type"] for row in rows for name, field in row.items()}


async def test_the_schema_tells_what_the_export_does_not() -> None:
    """An untyped export has the types of a typed one, by one read of the schema for all exports."""
    async with connected() as side:
        ids = [AnnotationId(number) for number in await side.finished(2)]
        typed = await side.client.exports(QUEUE, ids)
        before = await side.count(SCHEMA_READ)
        await side.control("POST", "/behaviour", {"untyped_exports": True})

        answers = await asyncio.gather(*(side.client.exports(QUEUE, [number]) for number in ids))
        again = await side.client.exports(QUEUE, ids)

        assert before == 0
        assert {"string", "number", "date", "enum"} <= set(types(typed[ids[0]]).values())
        assert [types(answer[number]) for number, answer in zip(ids, answers, strict=True)] == [
            types(typed[number]) for number in ids
        ]
        assert types(again[ids[0]]) == types(typed[ids[0]])
        assert await side.count(SCHEMA_READ) == 1


@pytest.mark.parametrize("action", ["status:503", "status:403", "status:404", "garbage", "drop-before"])
async def test_a_schema_that_cannot_be_read_holds_nothing_up(action: str) -> None:
    """The data come all the same, without types, and Rossum is not asked again for every export."""
    async with connected() as side:
        ids = await untyped(side)
        await side.fault("/schemas/", action, times=100)

        first = await side.client.exports(QUEUE, ids)
        second = await side.client.exports(QUEUE, ids)

        assert [set(types(export).values()) for export in (*first.values(), *second.values())] == [{None}] * 4
        assert sum(call.endpoint == "/schemas/{id}" for call in side.calls) == 1


async def test_a_schema_is_read_whole() -> None:
    """Header fields, columns of tables, what is exported, and what is of no known kind."""
    async with connected() as side:
        queue = await side.client.queue(QUEUE)
        assert queue is not None
        assert queue.schema is not None

        schema = await side.client.schema(queue.schema)

        assert schema is not None
        assert schema.fields["date_issue"].type == "date"
        assert schema.fields["date_issue"].label == "Issue date"
        assert not schema.fields["internal_note"].exported
        assert list(schema.tables["line_items"].columns) == [
            *("item_description", "item_quantity", "item_amount", "item_amount_total")
        ]
        assert schema.types["item_amount"] == "number"
        assert "internal_note" not in schema.exported
        assert {"line_items", "item_amount", "date_issue"} <= schema.exported
        assert await side.client.schema(1) is None
