"""``/schemas``: one schema per queue, all with the same fields."""

from aiohttp import web

from connector.sandbox.simulator.model import Json, Queue
from connector.sandbox.simulator.paging import page_of
from connector.sandbox.simulator.schema_fields import schema_content
from connector.sandbox.simulator.wire import Call, Routes, not_found, respond
from connector.sandbox.simulator.world import World


def schema_view(world: World, queue: Queue) -> Json:
    """The schema object of a queue."""
    return {
        "id": queue.schema_id,
        "name": f"Schema of {queue.name}",
        "url": world.views.url("schemas", queue.schema_id),
        "queues": [world.views.url("queues", queue.id)],
        "content": schema_content(),
        "metadata": {},
    }


async def list_schemas(call: Call) -> web.Response:
    """All schemas."""
    return respond(page_of(call, [schema_view(call.world, queue) for queue in call.world.state.queues.values()]))


async def get_schema(call: Call) -> web.Response:
    """One schema."""
    for queue in call.world.state.queues.values():
        if queue.schema_id == call.ids[0]:
            return respond(schema_view(call.world, queue))
    raise not_found()


ROUTES: Routes = {"GET /schemas": list_schemas, "GET /schemas/{id}": get_schema}
