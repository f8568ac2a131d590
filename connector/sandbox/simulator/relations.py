"""``/relations``: duplicates, splits, and what clients say belongs together."""

from http import HTTPStatus

from aiohttp import web

from connector.sandbox.simulator.kept_objects import require
from connector.sandbox.simulator.model import Relation
from connector.sandbox.simulator.paging import page_of
from connector.sandbox.simulator.wire import Call, Routes, bad_field, id_of, not_found, respond


async def list_relations(call: Call) -> web.Response:
    """Relations by type, key, parent, annotation or id."""
    rows = [relation for relation in call.world.state.relations.values() if _wanted(call, relation)]
    return respond(page_of(call, [call.world.views.relation(row) for row in rows]))


def _wanted(call: Call, relation: Relation) -> bool:
    for name in ("id", "type", "key", "parent"):
        asked = call.parameter(name)
        if asked is not None and str(getattr(relation, name)) not in asked.split(","):
            return False
    asked = call.parameter("annotation")
    return asked is None or bool({str(number) for number in relation.annotations} & set(asked.split(",")))


async def get_relation(call: Call) -> web.Response:
    """One relation."""
    relation = call.world.state.relations.get(call.ids[0])
    if relation is None:
        raise not_found()
    return respond(call.world.views.relation(relation))


async def create_relation(call: Call) -> web.Response:
    """Annotations that somebody says belong together."""
    body = await call.json()
    require(body, ("type", "annotations"))
    if body["type"] not in _TYPES:
        raise bad_field("type", f'"{body["type"]}" is not a valid choice.')
    parent = id_of(body.get("parent"))
    numbers = [id_of(reference) for reference in body["annotations"]]
    if any(number not in call.world.state.annotations for number in [*numbers, *([parent] if parent else [])]):
        raise bad_field("annotations", "Invalid hyperlink - Object does not exist.")
    made = call.world.state.relate(body["type"], body.get("key"), parent, [number for number in numbers if number])
    return respond(call.world.views.relation(made), HTTPStatus.CREATED)


_TYPES = frozenset({"edit", "attachment", "duplicate"})
ROUTES: Routes = {
    "GET /relations": list_relations,
    "POST /relations": create_relation,
    "GET /relations/{id}": get_relation,
}
