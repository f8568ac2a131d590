"""``/annotations``: list, single, change, create."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from connector.sandbox.simulator.filters import FilterError
from connector.sandbox.simulator.metadata import checked_metadata
from connector.sandbox.simulator.model import (
    API_USER,
    STATUSES,
    Annotation,
    Instructions,
    Json,
)
from connector.sandbox.simulator.paging import Place, pagination, place_of
from connector.sandbox.simulator.sideloads import sideloads
from connector.sandbox.simulator.wire import ApiError, Call, Routes, bad_field, conflict, id_of, respond


def find_annotations(call: Call, query: Mapping[str, str], place: Place) -> tuple[list[Annotation], int]:
    """The rows of one page of a query, and how many rows it has in all.

    Raises:
        ApiError: 400 for an unusable filter.
    """
    try:
        return call.world.listings.find(query, (place.start, place.start + place.size))
    except FilterError as error:
        raise ApiError(error.status, error.body) from error


async def list_annotations(call: Call) -> web.Response:
    """One page of annotations."""
    place = place_of(call)
    rows, total = find_annotations(call, call.request.query, place)
    block = pagination(call, place, total)
    shape = chosen_fields(call)
    results = [shape(call.world.views.annotation(row)) for row in rows]
    return respond({"pagination": block, "results": results, **sideloads(call, rows)})


def chosen_fields(call: Call) -> Callable[[Json], Json]:
    """What ``fields`` and ``fields!`` leave of an object."""
    if only := call.parameter("fields"):
        kept = only.split(",")
        return lambda whole: {name: whole[name] for name in kept if name in whole}
    if without := call.parameter("fields!"):
        left_out = frozenset(without.split(","))
        return lambda whole: {name: value for name, value in whole.items() if name not in left_out}
    return lambda whole: whole


async def get_annotation(call: Call) -> web.Response:
    """One annotation, always current."""
    return respond(call.world.views.annotation(call.annotation()))


async def patch_annotation(call: Call) -> web.Response:
    """Change metadata (replaced, or merged by a switch), status, document's queue; PUT does the same."""
    annotation = call.annotation()
    body = await call.json()
    if annotation.status == "purged":
        raise conflict("Purged annotation cannot be changed.")
    if "metadata" in body:
        kept = annotation.metadata if call.world.behaviour.merge_metadata else {}
        call.world.state.change(annotation, metadata=checked_metadata({**kept, **checked_metadata(body["metadata"])}))
    if "queue" in body:
        number = id_of(body["queue"])
        if number not in call.world.state.queues:
            raise bad_field("queue", "Invalid hyperlink - Object does not exist.")
        call.world.state.change(annotation, queue_id=number)
    if "status" in body and body["status"] != annotation.status:
        _check_way(call, annotation, body["status"])
        switch_status(call, annotation, body["status"])
    return respond(call.world.views.annotation(annotation))


def _check_way(call: Call, annotation: Annotation, status: Any) -> None:
    """Refuse a way that Rossum does not document, where ``strict_status`` wants that."""
    if call.world.behaviour.strict_status and status not in _DOCUMENTED_WAYS.get(annotation.status, ()):
        raise conflict(f"Annotation cannot be changed from {annotation.status} to {status}.")


_DOCUMENTED_WAYS: dict[str, tuple[str, ...]] = {
    "to_review": ("postponed", "deleted", "rejected"),
    "reviewing": ("to_review", "postponed", "deleted", "rejected"),
    "postponed": ("to_review", "deleted"),
    "confirmed": ("exporting", "deleted", "rejected"),
    "failed_export": ("to_review", "exporting", "deleted"),
    "exported": ("deleted",),
    "rejected": ("deleted",),
    "failed_import": ("deleted",),
}


def switch_status(call: Call, annotation: Annotation, status: Any) -> None:
    """Put an annotation into a status as a person would; ``exporting`` starts an export.

    Raises:
        ApiError: 400, there is no such status.
    """
    if status not in STATUSES:
        raise bad_field("status", f'"{status}" is not a valid choice.')
    if status == "exporting":
        call.world.lifecycle.begin_export(annotation)
    else:
        call.world.lifecycle.move(annotation, status, API_USER)


async def create_annotation(call: Call) -> web.Response:
    """Put an existing document into a queue; it starts as ``created`` and is imported."""
    body = await call.json()
    world = call.world
    document = world.state.documents.get(id_of(body.get("document")) or 0)
    queue = world.state.queues.get(id_of(body.get("queue")) or 0)
    if document is None or document.internal:
        raise bad_field("document", "Invalid hyperlink - Object does not exist.")
    if queue is None:
        raise bad_field("queue", "Invalid hyperlink - Object does not exist.")
    if body.get("status", "created") != "created":
        raise bad_field("status", f'"{body["status"]}" is not a valid choice.')
    metadata = checked_metadata(body.get("metadata", {}))
    annotation = world.state.make_annotation(document, queue.id, metadata, "created")
    annotation.instructions = Instructions.of(metadata)
    answer = respond(world.views.annotation(annotation))
    world.lifecycle.begin(annotation)
    await asyncio.sleep(0)
    return answer


ROUTES: Routes = {
    "GET /annotations": list_annotations,
    "POST /annotations": create_annotation,
    "GET /annotations/{id}": get_annotation,
    "PATCH /annotations/{id}": patch_annotation,
    "PUT /annotations/{id}": patch_annotation,
}
