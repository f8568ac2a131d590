"""``/annotations/{id}/content``: the captured data with ids, and people's corrections of it."""

from typing import Any

from aiohttp import web

from connector.sandbox.simulator.model import API_USER, Annotation, Json
from connector.sandbox.simulator.wire import Call, Routes, bad_field, conflict, not_found, respond

VALUE_LIMIT = 1500  # characters of a datapoint's value


async def get_content(call: Call) -> web.Response:
    """The tree, twice: ``results`` is the old name."""
    return _answer(call, call.annotation())


def _answer(call: Call, annotation: Annotation) -> web.Response:
    tree = call.world.views.content(annotation)
    return respond({"content": tree, "results": tree})


async def patch_content(call: Call) -> web.Response:
    """Correct several values: ``{"content": [{"id", "content": {"value"}}]}``."""
    annotation = call.annotation()
    body = await call.json()
    for change in body.get("content") or []:
        _correct(call, annotation, change.get("id"), change)
    return _answer(call, annotation)


async def patch_node(call: Call) -> web.Response:
    """Correct one value."""
    annotation = call.annotation()
    _correct(call, annotation, call.ids[1], await call.json())
    return respond(_node(call, annotation, call.ids[1]))


async def get_node(call: Call) -> web.Response:
    """One node of the tree."""
    return respond(_node(call, call.annotation(), call.ids[1]))


async def operations(call: Call) -> web.Response:
    """``replace`` operations on values; rows cannot be added or removed here."""
    annotation = call.annotation()
    body = await call.json()
    for operation in body.get("operations") or []:
        if operation.get("op") != "replace":
            raise bad_field("operations", "The simulator knows the operation replace only.")
        _correct(call, annotation, operation.get("id"), {"content": operation.get("value", {}).get("content")})
    return _answer(call, annotation)


async def validate(call: Call) -> web.Response:
    """Validation without rules: nothing to say."""
    call.annotation()
    return respond({"messages": [], "updated_datapoints": []})


def _correct(call: Call, annotation: Annotation, node: Any, change: Json) -> None:
    if annotation.status != "reviewing" or annotation.holder != API_USER:
        raise conflict("Annotation is not being reviewed by the current user.")
    value = (change.get("content") or {}).get("value")
    if not isinstance(value, str) or len(value) > VALUE_LIMIT:
        raise bad_field("content", f"value must be a text of at most {VALUE_LIMIT} characters.")
    if _find(call.world.views.content(annotation), node) is None:
        raise not_found()
    now = call.world.clock.now()
    call.world.state.change(annotation, edits={**(annotation.edits or {}), node: value}, modified_at=now)


def _node(call: Call, annotation: Annotation, number: int) -> Json:
    found = _find(call.world.views.content(annotation), number)
    if found is None:
        raise not_found()
    return found


def _find(nodes: list[Json], number: Any) -> Json | None:
    for node in nodes:
        if node["id"] == number:
            return node
        if (found := _find(node.get("children", []), number)) is not None:
            return found
    return None


ROUTES: Routes = {
    "GET /annotations/{id}/content": get_content,
    "PATCH /annotations/{id}/content": patch_content,
    "GET /annotations/{id}/content/{id}": get_node,
    "PATCH /annotations/{id}/content/{id}": patch_node,
    "POST /annotations/{id}/content/operations": operations,
    "POST /annotations/{id}/content/validate": validate,
}
