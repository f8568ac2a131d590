"""``/schemas``: what queues capture; the sandbox's own, and those that clients create."""

from http import HTTPStatus
from typing import Any

from aiohttp import web

from connector.sandbox.simulator.kept_objects import require
from connector.sandbox.simulator.metadata import checked_metadata
from connector.sandbox.simulator.model import Json, Schema
from connector.sandbox.simulator.paging import page_of
from connector.sandbox.simulator.schema_fields import schema_content
from connector.sandbox.simulator.wire import Call, Routes, bad_field, no_content, not_found, referenced, respond
from connector.sandbox.simulator.world import World


def schema_view(world: World, schema: Schema) -> Json:
    """The schema object."""
    queues = [queue.id for queue in world.state.queues.values() if queue.schema_id == schema.id]
    return {
        "id": schema.id,
        "name": schema.name,
        "url": world.views.url("schemas", schema.id),
        "queues": [world.views.url("queues", number) for number in queues],
        "content": schema_content() if schema.content is None else schema.content,
        "metadata": schema.metadata,
    }


def _schema(call: Call) -> Schema:
    found = call.world.state.schemas.get(call.ids[0])
    if found is None:
        raise not_found()
    return found


async def list_schemas(call: Call) -> web.Response:
    """All schemas, or those of a name, an id or a queue."""
    rows = [schema_view(call.world, schema) for schema in call.world.state.schemas.values()]
    for name in ("id", "name"):
        if (asked := call.parameter(name)) is not None:
            rows = [row for row in rows if str(row[name]) in asked.split(",")]
    if (asked := call.parameter("queue")) is not None:
        rows = [row for row in rows if any(url.endswith(f"/{asked}") for url in row["queues"])]
    return respond(page_of(call, rows))


async def get_schema(call: Call) -> web.Response:
    """One schema."""
    return respond(schema_view(call.world, _schema(call)))


async def create_schema(call: Call) -> web.Response:
    """A schema without a queue."""
    body = await call.json()
    require(body, ("name",))
    content = _checked(body.get("content", []))
    metadata = checked_metadata(body.get("metadata", {}))
    schema = Schema(call.world.state.next_id("schema"), str(body["name"]), content, metadata)
    call.world.state.schemas[schema.id] = schema
    return respond(schema_view(call.world, schema), HTTPStatus.CREATED)


async def change_schema(call: Call) -> web.Response:
    """Another name, other content or metadata."""
    schema, body = _schema(call), await call.json()
    if "content" in body:
        schema.content = _checked(body["content"])
    schema.metadata = checked_metadata(body.get("metadata", schema.metadata))
    schema.name = str(body.get("name", schema.name))
    return respond(schema_view(call.world, schema))


async def delete_schema(call: Call) -> web.Response:
    """Remove it; a conflict while a queue that is not about to go captures by it."""
    schema = _schema(call)
    if any(queue.is_active and queue.schema_id == schema.id for queue in call.world.state.queues.values()):
        raise referenced("Schema is used by a queue.")
    del call.world.state.schemas[schema.id]
    return no_content()


async def validate_schema(call: Call) -> web.Response:
    """Whether a schema could be saved; 200 without words when it could."""
    _checked((await call.json()).get("content"))
    return respond({})


def _checked(content: Any) -> list[Json]:
    """A content that is a list of sections."""
    if not isinstance(content, list) or not all(isinstance(node, dict) for node in content):
        raise bad_field("content", "Expected a list of sections.")
    if any(node.get("category") != "section" or not node.get("id") for node in content):
        raise bad_field("content", "The top level of a schema are sections with an id.")
    return content


ROUTES: Routes = {
    "GET /schemas": list_schemas,
    "POST /schemas": create_schema,
    "POST /schemas/validate": validate_schema,
    "GET /schemas/{id}": get_schema,
    "PUT /schemas/{id}": change_schema,
    "PATCH /schemas/{id}": change_schema,
    "DELETE /schemas/{id}": delete_schema,
}
