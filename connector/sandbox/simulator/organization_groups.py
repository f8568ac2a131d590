"""``/organization_groups``: the one that the sandbox's organisation belongs to."""

from aiohttp import web

from connector.sandbox.simulator.model import ORGANIZATION_GROUP, Json
from connector.sandbox.simulator.paging import page_of
from connector.sandbox.simulator.wire import Call, Routes, not_found, respond


def _view(call: Call) -> Json:
    return {
        "id": ORGANIZATION_GROUP,
        "url": call.world.views.url("organization_groups", ORGANIZATION_GROUP),
        "name": "Sandbox",
        "is_trial": False,
        "is_production": False,
        "deployment_location": "local",
        "modified_by": None,
        "modified_at": None,
        "features": None,
        "usage": {},
    }


async def list_organization_groups(call: Call) -> web.Response:
    """The group, as a list."""
    return respond(page_of(call, [_view(call)]))


async def get_organization_group(call: Call) -> web.Response:
    """The group."""
    if call.ids[0] != ORGANIZATION_GROUP:
        raise not_found()
    return respond(_view(call))


ROUTES: Routes = {
    "GET /organization_groups": list_organization_groups,
    "GET /organization_groups/{id}": get_organization_group,
}
