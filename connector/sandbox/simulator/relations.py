"""``/relations``: duplicates and splits."""

from aiohttp import web

from connector.sandbox.simulator.model import Relation
from connector.sandbox.simulator.paging import page_of
from connector.sandbox.simulator.wire import Call, Routes, not_found, respond


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


ROUTES: Routes = {"GET /relations": list_relations, "GET /relations/{id}": get_relation}
