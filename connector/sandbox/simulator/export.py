"""``/queues/{id}/export``: the captured data of a queue; POST with ``to_status`` moves what it exports."""

import asyncio
from http import HTTPStatus

from aiohttp import web

from connector.sandbox.simulator.annotations import find_annotations
from connector.sandbox.simulator.export_tables import Layout, as_csv, as_xlsx, as_xml
from connector.sandbox.simulator.model import Annotation, Json
from connector.sandbox.simulator.paging import LARGEST_PAGE, Place, pagination, place_of
from connector.sandbox.simulator.wire import ApiError, Call, Routes, bad_field, raw, respond

CSV_PAGE = 1000  # largest page of a CSV export
_EVERYTHING = Place(1, 2**40)
_LEFT_ALONE = frozenset(
    {"exported", "exporting", "importing", "created", "failed_import", "split", "deleted", "purged"}
)
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_TYPES = {"json": "application/json", "csv": "text/csv", "xml": "application/xml", "xlsx": _XLSX}


async def read_export(call: Call) -> web.Response:
    """Export without changing anything."""
    return _answer(call, *_select(call))


async def move_export(call: Call) -> web.Response:
    """Export and, with ``to_status``, move the exported rows on; without it the same as GET."""
    bare = call.world.behaviour.bare_post_moves
    target = call.parameter("to_status") or (None if bare == "nothing" else bare)
    if target not in {None, "exporting", "exported"}:
        raise bad_field("to_status", f'"{target}" is not a valid choice.')
    rows, block = _select(call)
    if target is not None:
        rows = await _move(call, rows, target)
    return _answer(call, rows, block)


def _select(call: Call) -> tuple[list[Annotation], Json]:
    """The rows asked for; formats other than JSON give everything unless a page is named."""
    call.queue()
    paged = _format(call) == "json" or call.parameter("page") or call.parameter("page_size")
    place = place_of(call, CSV_PAGE if _format(call) == "csv" else LARGEST_PAGE) if paged else _EVERYTHING
    if not paged and _format(call) == "xml" and call.world.behaviour.xml_page > 0:
        place = Place(1, call.world.behaviour.xml_page)
    query = {name: value for name, value in call.request.query.items() if value and name != "queue"}
    query["queue"] = str(call.ids[0])
    rows, total = find_annotations(call, query, place)
    return rows, pagination(call, place, total)


async def _move(call: Call, rows: list[Annotation], target: str) -> list[Annotation]:
    """Move what may be moved and return the rows as they are afterwards."""
    current = [call.world.state.annotations[row.id] for row in rows]
    movable = [row for row in current if row.status not in _LEFT_ALONE]
    if target == "exporting":
        for row in movable:
            call.world.lifecycle.begin_export(row)
    else:
        await asyncio.gather(*(call.world.lifecycle.export_now(row) for row in movable))
    return current


def _format(call: Call) -> str:
    """What is asked for by ``format``, else by ``Accept``, else the default.

    Raises:
        ApiError: 400, no such format.
    """
    name = call.parameter("format")
    if name is None:
        accepted = call.request.headers.get("Accept", "")
        return next((name for name, kind in _TYPES.items() if kind in accepted), call.world.behaviour.export_format)
    if name not in _TYPES:
        raise ApiError(HTTPStatus.BAD_REQUEST, {"detail": f"Unknown export format {name}."})
    return name


def _answer(call: Call, rows: list[Annotation], block: Json) -> web.Response:
    name = _format(call)
    views = call.world.views
    if name == "json":
        return respond({"pagination": block, "results": [views.exported_json(row) for row in rows]})
    elements = [views.exported(row) for row in rows]
    if name == "xml":
        return raw(as_xml(elements, block), "application/xml; charset=utf-8")
    layout = Layout(call.request.query, one_row=call.world.behaviour.csv_layout == "documents")
    if name == "csv":
        return raw(as_csv(elements, layout), "text/csv; charset=utf-8")
    return raw(as_xlsx(elements, layout), _XLSX)


ROUTES: Routes = {
    "GET /queues/{id}/export": read_export,
    "POST /queues/{id}/export": move_export,
}
