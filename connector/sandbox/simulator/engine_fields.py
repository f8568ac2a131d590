"""``/engine_fields``: what engines extract; kept. Rossum may page this list by cursor (``cursor_lists``)."""

from urllib.parse import urlencode

from aiohttp import web

from connector.sandbox.simulator.kept_objects import Kind, is_wanted, kept, list_objects, routes_of
from connector.sandbox.simulator.paging import place_of
from connector.sandbox.simulator.wire import Call, Routes, respond

KIND = Kind(
    "engine_fields",
    ("engine", "name", "type"),
    {"tabular": False, "label": "", "subtype": None, "pre_trained_field_id": None, "multiline": "false"},
    ("engine",),
)


async def list_fields(call: Call) -> web.Response:
    """One page, by number or, with ``cursor_lists``, by the cursor that the page before names at its top level."""
    if not call.world.behaviour.cursor_lists:
        return await list_objects(KIND, call)
    rows = [row for row in kept(call, KIND) if is_wanted(call, row, "engine")]
    size, cursor = place_of(call).size, call.parameter("cursor") or "0"
    start = int(cursor) if cursor.isdecimal() else 0
    query = [(name, value) for name, value in call.request.query.items() if name != "cursor"]
    address = f"{call.world.views.base}/engine_fields?{urlencode([*query, ('cursor', start + size)])}"
    return respond({"results": rows[start : start + size], "next": address if start + size < len(rows) else None})


ROUTES: Routes = {**routes_of(KIND), "GET /engine_fields": list_fields}
