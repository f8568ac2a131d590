"""``/sandbox/``: what tests and chaos runs may do to the simulator; open to everyone, not counted."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from http import HTTPStatus
from typing import Any

import orjson
from aiohttp import web

from connector.sandbox.simulator.annotation_actions import copy_into, purge
from connector.sandbox.simulator.annotations import switch_status
from connector.sandbox.simulator.clock import MICROS, iso, parse_instant
from connector.sandbox.simulator.finished import Order, make_finished
from connector.sandbox.simulator.model import STATUSES, Json
from connector.sandbox.simulator.wire import ApiError, Call, bad_field, id_of, not_found, respond
from connector.sandbox.simulator.world import World

_LAST_HOUR = 3600 * MICROS


async def counters(call: Call) -> Any:
    """All requests so far by operation and answer."""
    return call.world.counters.as_json()


async def documents(call: Call) -> Any:
    """Every document with what became of it: the truth to compare with."""
    return all_documents(call.world)


def all_documents(world: World) -> list[Json]:
    """What `documents` answers.

    ``uploads`` is how often a file of that name and content was accepted, whatever documents it made.
    """
    return [_document(world, number) for number in world.state.documents]


def _document(world: World, number: int) -> Json:
    document = world.state.documents[number]
    return {
        "id": document.id,
        "parent": document.parent,
        "file_name": document.sent_name,
        "sha256": document.sha256,
        "created_at": iso(document.created_at),
        "uploads": world.state.accepted[document.sent_name, document.sha256],
        "metadata": document.uploaded_metadata or {},
        "annotations": [
            {"id": row.id, "status": row.status, "metadata": row.metadata}
            for row in map(world.state.annotations.__getitem__, document.annotations)
        ],
    }


async def annotations(call: Call) -> Any:
    """Make finished annotations; the first and the last id are answered, the others lie between."""
    body = await call.json()
    world = call.world
    queue = id_of(body.get("queue", next(iter(world.state.queues))))
    if queue not in world.state.queues:
        raise bad_field("queue", f"no queue {body.get('queue')!r}; there are {sorted(world.state.queues)}")
    status = body.get("status", "exported")
    if status not in STATUSES:
        raise bad_field("status", f"no status {status!r}; there are {', '.join(STATUSES)}")
    count = body.get("count", 1)
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise bad_field("count", f"must be a whole number from 1, not {count!r}")
    now = world.clock.now()
    start, stop = _instant(body, "from", now - _LAST_HOUR), _instant(body, "to", now)
    first, last = make_finished(world, Order(count, queue, status, start, stop))
    return {"ids": [first, last], "count": count}


def _instant(body: Json, name: str, otherwise: int) -> int:
    """An ISO date-time or seconds since 1970."""
    value = body.get(name)
    if value is None:
        return otherwise
    if isinstance(value, int | float) and not isinstance(value, bool):
        return round(value * MICROS)
    try:
        return parse_instant(value)
    except (TypeError, ValueError) as error:
        example = datetime(2025, 1, 1).isoformat()  # noqa: DTZ001 - an example of a text
        raise bad_field(name, f"must be ISO 8601 like {example}Z or seconds since 1970, not {value!r}") from error


async def set_status(call: Call) -> Any:
    """Put an annotation into a status, as a person would."""
    annotation, body = call.annotation(), await call.json()
    switch_status(call, annotation, body.get("status"))
    return {"id": annotation.id, "status": annotation.status}


async def copy(call: Call) -> Any:
    """Copy an annotation, as a person would."""
    annotation, body = call.annotation(), await call.json()
    queue = id_of(body.get("queue", annotation.queue_id))
    if queue is None or queue not in call.world.state.queues:
        raise bad_field("queue", f"no queue {queue!r}; there are {sorted(call.world.state.queues)}")
    made = copy_into(call, annotation, queue, body.get("status", annotation.status))
    return {"id": made.id, "status": made.status}


async def move(call: Call) -> Any:
    """Move an annotation to another queue."""
    annotation, body = call.annotation(), await call.json()
    queue = id_of(body.get("queue"))
    if queue not in call.world.state.queues:
        raise bad_field("queue", f"no queue {queue!r}; there are {sorted(call.world.state.queues)}")
    call.world.state.change(annotation, queue_id=queue)
    return {"id": annotation.id, "queue": queue}


async def split(call: Call) -> Any:
    """Split an annotation into parts, as a person would."""
    annotation = call.annotation()
    call.world.lifecycle.split(annotation)
    return {"id": annotation.id, "status": annotation.status}


async def purge_one(call: Call) -> Any:
    """Purge an annotation: its content is gone."""
    annotation = call.annotation()
    purge(call, annotation)
    return {"id": annotation.id, "status": annotation.status}


async def faults(call: Call) -> Any:
    """Order a fault."""
    _try(call.world.faults.order, await call.json())
    return {}


async def met_faults(call: Call) -> Any:
    """How often each action of a fault was met, by operation; it stays when faults are forgotten."""
    return call.world.faults.met.as_json()


async def clear_faults(call: Call) -> Any:
    """Forget all faults."""
    call.world.faults.clear()
    return {}


async def behaviour(call: Call) -> Any:
    """Throw switches; all of them are answered as they are now."""
    switches = call.world.behaviour
    _try(switches.update, await call.json())
    call.world.listings.forget()
    return {name: getattr(switches, name) for name in type(switches).__dataclass_fields__}


async def hook_trouble(call: Call) -> Any:
    """Set what happens to webhooks on their way."""
    trouble = call.world.deliveries.trouble
    _try(trouble.update, await call.json())
    return {name: getattr(trouble, name) for name in type(trouble).__dataclass_fields__}


async def shift_time(call: Call) -> Any:
    """Move the clock by ``shift`` seconds from where it is."""
    body = await call.json()
    seconds = body.get("shift")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise bad_field("shift", f"must be a number of seconds, not {seconds!r}")
    call.world.clock.shift(seconds)
    return {"now": iso(call.world.clock.now()), "shift": call.world.clock.shifted}


def _try(change: Callable[[Json], None], body: Json) -> None:
    try:
        change(body)
    except ValueError as error:
        raise bad_field("detail", str(error)) from error


Action = Callable[[Call], Awaitable[Any]]
ACTIONS: dict[str, Action] = {
    "GET /counters": counters,
    "GET /documents": documents,
    "POST /annotations": annotations,
    "POST /annotations/{id}/status": set_status,
    "POST /annotations/{id}/copy": copy,
    "POST /annotations/{id}/move": move,
    "POST /annotations/{id}/split": split,
    "POST /annotations/{id}/purge": purge_one,
    "POST /faults": faults,
    "GET /faults": met_faults,
    "DELETE /faults": clear_faults,
    "POST /behaviour": behaviour,
    "POST /hooks": hook_trouble,
    "POST /time": shift_time,
}


async def answer(world: World, request: web.BaseRequest, path: str) -> web.Response:
    """Do what a control request asks; ``path`` is what follows ``/sandbox``."""
    parts = path.strip("/").split("/")
    ids = tuple(int(part) for part in parts if part.isdecimal())
    operation = f"{request.method} /" + "/".join("{id}" if part.isdecimal() else part for part in parts)
    action = ACTIONS.get(operation)
    try:
        if action is None:
            raise not_found()
        return respond(await action(Call(request, world, ids)))
    except ApiError as error:
        return respond(error.body, error.status)
    except orjson.JSONEncodeError as error:
        return respond({"detail": str(error)}, HTTPStatus.BAD_REQUEST)
