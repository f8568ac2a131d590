"""The schemas of queues: which fields there are, and of which type. Read when an export tells no types, then kept.

Shape of a schema: https://elis.rossum.ai/api/docs/#schema.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from connector.clock import Clock
from connector.contracts.captured import is_typed
from connector.domain.ids import AnnotationId
from connector.domain.readings import ExportReading
from connector.domain.schema_readings import SchemaField, SchemaReading, SchemaTable
from connector.errors import ConnectorError, Retryable
from connector.ports import Lane
from connector.rossum.answer import Answer
from connector.rossum.fields import Json, id_of, text_or_none
from connector.rossum.requests import schema as schema_call
from connector.rossum.session import Session

#: Schemas whose types are kept: more than an organisation has queues.
REMEMBERED = 500
#: Longest time (seconds) for which captured data wait for their schema; without it they go out untyped.
PATIENCE = 5.0
#: Seconds before a schema that could not be read is asked for again.
PAUSE = 60.0

Exports = Mapping[AnnotationId, ExportReading]
Types = Mapping[str, str]


class Schemas:
    """See the module. A schema is kept by its id for good: another one of a queue has another id."""

    def __init__(self, session: Session, clock: Clock) -> None:
        self._session = session
        self._clock = clock
        self._types: OrderedDict[int, Types] = OrderedDict()
        self._not_before: dict[int, float] = {}
        # One at a time: all exports of a queue want the same schema at once.
        self._reading = asyncio.Lock()

    async def completed(self, exports: Exports) -> Exports:
        """The same with the types of their schemas, where they tell none themselves; never fails."""
        untyped = {
            annotation: schema
            for annotation, export in exports.items()
            if (schema := id_of(export.schema)) is not None and not is_typed(export.content)
        }
        if not untyped:
            return exports
        schemas = sorted(set(untyped.values()))
        # Together, so that several that can't be read take no longer than one.
        types = dict(zip(schemas, await asyncio.gather(*map(self._types_of, schemas)), strict=True))
        return {
            annotation: replace(export, types=types[untyped[annotation]]) if annotation in untyped else export
            for annotation, export in exports.items()
        }

    async def read(self, schema: int, lane: Lane) -> SchemaReading | None:
        """A schema as Rossum has it now; None when it is gone.

        Raises:
            Retryable, NotOurs: Rossum can't tell now.
        """
        answer = await self._session.ask_or_none(schema_call(schema, lane))
        return None if answer is None else read_schema(answer, schema)

    async def _types_of(self, schema: int) -> Types:
        """What is kept, else what Rossum says in time, else nothing."""
        try:
            async with asyncio.timeout(PATIENCE), self._reading:
                if schema in self._types:
                    self._types.move_to_end(schema)
                    return self._types[schema]
                if self._clock.monotonic() < self._not_before.get(schema, 0.0):
                    return {}
                return await self._learnt(schema)
        except (ConnectorError, TimeoutError):
            # No event waits for the sake of its types: whoever reads it finds them in the queue's JSON Schema too.
            self._not_before = {s: at for s, at in self._not_before.items() if at > self._clock.monotonic()}
            self._not_before[schema] = self._clock.monotonic() + PAUSE
            return {}

    async def _learnt(self, schema: int) -> Types:
        found = await self.read(schema, Lane.CAPTURED)
        if found is None:
            raise Retryable(f"Rossum shows no schema {schema}")
        self._types[schema] = found.types
        if len(self._types) > REMEMBERED:
            self._types.popitem(last=False)
        return self._types[schema]


def read_schema(answer: Answer, schema: int) -> SchemaReading:
    """The fields and tables of a schema object; nodes of a kind that nobody knows are passed over.

    Raises:
        Retryable: It is no schema.
    """
    content = answer.data.get("content") if isinstance(answer.data, Mapping) else None
    if not isinstance(content, list):
        raise answer.senseless("a schema without content")
    fields: dict[str, SchemaField] = {}
    tables: dict[str, SchemaTable] = {}
    stack: list[tuple[Json, dict[str, SchemaField]]] = [(node, fields) for node in _nodes(content)]
    while stack:
        node, target = stack.pop()
        number, category = node.get("id"), node.get("category")
        if category == "datapoint" and isinstance(number, str):
            shown = node.get("can_export") is not False
            target[number] = SchemaField(text_or_none(node.get("type")), text_or_none(node.get("label")), shown)
        elif category == "multivalue" and isinstance(number, str):
            columns: dict[str, SchemaField] = {}
            tables[number] = SchemaTable(text_or_none(node.get("label")), columns)
            stack.extend((child, columns) for child in _nodes(node.get("children")))
        else:
            stack.extend((child, target) for child in _nodes(node.get("children")))
    return SchemaReading(schema, fields, tables)


def _nodes(children: Any) -> Iterator[Json]:
    """Last one first, as a stack wants them; the only child of a multivalue stands there alone."""
    nodes = children if isinstance(children, list) else [children]
    return (node for node in reversed(nodes) if isinstance(node, Mapping))
