"""Objects that the simulator keeps and does nothing with: created, read, listed, changed, deleted, as Rossum's are.

A resource of that kind is a file that names its fields; the operations are the same for all.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any

from aiohttp import web

from connector.sandbox.simulator.metadata import checked_metadata
from connector.sandbox.simulator.model import ORGANIZATION, Json
from connector.sandbox.simulator.paging import page_of
from connector.sandbox.simulator.state import State
from connector.sandbox.simulator.wire import Call, Handler, Routes, bad_field, id_of, no_content, not_found, respond


@dataclass(frozen=True, slots=True)
class Kind:
    """A resource: the last part of its address, what a new object must have, what it has otherwise, and filters."""

    name: str
    required: tuple[str, ...]
    defaults: Json
    filters: tuple[str, ...] = ()


def kept(call: Call, kind: Kind) -> list[Json]:
    """All objects of that kind, as they are shown."""
    return [shown(call, kind, number) for number in call.world.state.objects[kind.name]]


def shown(call: Call, kind: Kind, number: int) -> Json:
    """One object as it is shown."""
    whole = {
        "id": number,
        "url": call.world.views.url(kind.name, number),
        **call.world.state.objects[kind.name][number],
    }
    if "organization" in whole:
        whole["organization"] = call.world.views.url("organizations", ORGANIZATION)
    return whole


def keep(call: Call, kind: Kind, body: Json) -> Json:
    """Store a new object and show it."""
    number = call.world.state.next_id(kind.name)
    call.world.state.objects[kind.name][number] = {**kind.defaults, **body}
    return shown(call, kind, number)


async def list_objects(kind: Kind, call: Call) -> web.Response:
    """One page of them, in order of id unless ``ordering`` says otherwise."""
    rows = [row for row in kept(call, kind) if all(is_wanted(call, row, name) for name in ("id", *kind.filters))]
    return respond(page_of(call, rows))


def is_wanted(call: Call, row: Json, name: str) -> bool:
    """Whether a filter, which takes values, ids and comma lists of them, lets an object pass."""
    asked = call.parameter(name)
    if asked is None:
        return True
    values = row[name] if isinstance(row[name], list) else [row[name]]
    held = {str(value).lower() for value in values} | {str(id_of(value)) for value in values}
    return bool(held & set(asked.lower().split(",")))


async def get_object(kind: Kind, call: Call) -> web.Response:
    """One of them."""
    return respond(shown(call, kind, _known(call, kind)))


async def create_object(kind: Kind, call: Call) -> web.Response:
    """A new one."""
    body = await call.json()
    require(body, kind.required)
    return respond(keep(call, kind, known_fields(call, kind, body)), HTTPStatus.CREATED)


async def put_object(kind: Kind, call: Call) -> web.Response:
    """Another in its place, under the same id."""
    number, body = _known(call, kind), await call.json()
    require(body, kind.required)
    call.world.state.objects[kind.name][number] = {**kind.defaults, **known_fields(call, kind, body)}
    return respond(shown(call, kind, number))


async def patch_object(kind: Kind, call: Call) -> web.Response:
    """Some of its fields changed."""
    number, body = _known(call, kind), await call.json()
    call.world.state.objects[kind.name][number] |= known_fields(call, kind, body)
    return respond(shown(call, kind, number))


async def delete_object(kind: Kind, call: Call) -> web.Response:
    """It is gone."""
    del call.world.state.objects[kind.name][_known(call, kind)]
    return no_content()


def _known(call: Call, kind: Kind) -> int:
    if call.ids[0] not in call.world.state.objects[kind.name]:
        raise not_found()
    return call.ids[0]


def require(body: Json, names: Collection[str]) -> None:
    """Make sure that the body has these fields.

    Raises:
        ApiError: 400, one is missing or empty.
    """
    for name in names:
        if body.get(name) in (None, ""):
            raise bad_field(name, "This field is required.")


def known_fields(call: Call, kind: Kind, body: Json) -> Json:
    """The known fields of a body; what they refer to must be there."""
    given = {name: value for name, value in body.items() if name in kind.required or name in kind.defaults}
    if "metadata" in given:
        checked_metadata(given["metadata"])
    for name, find in _REFERENCES.items():
        references = given.get(name) or []
        for reference in references if isinstance(references, list) else [references]:
            if id_of(reference) not in find(call.world.state):
                raise bad_field(name, "Invalid hyperlink - Object does not exist.")
    return given


_REFERENCES: dict[str, Callable[[State], Collection[Any]]] = {
    "queue": lambda state: state.queues,
    "queues": lambda state: state.queues,
    "schema": lambda state: state.schemas,
    "annotation": lambda state: state.annotations,
    "documents": lambda state: state.documents,
}
_OPERATIONS: dict[str, tuple[str, Callable[[Kind, Call], Any]]] = {
    "list": ("GET /{}", list_objects),
    "create": ("POST /{}", create_object),
    "get": ("GET /{}/{{id}}", get_object),
    "put": ("PUT /{}/{{id}}", put_object),
    "patch": ("PATCH /{}/{{id}}", patch_object),
    "delete": ("DELETE /{}/{{id}}", delete_object),
}


def routes_of(kind: Kind, *operations: str) -> Routes:
    """The routes of a resource: all operations, or those named."""
    routes: Routes = {}
    for name in operations or _OPERATIONS:
        path, work = _OPERATIONS[name]
        handler: Handler = partial(work, kind)
        routes[path.format(kind.name)] = handler
    return routes
