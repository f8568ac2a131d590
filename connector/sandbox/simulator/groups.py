"""``/groups``: the roles that users can have."""

from aiohttp import web

from connector.sandbox.simulator.model import API_USER, EMBEDDED_USER, REVIEWER, Json
from connector.sandbox.simulator.paging import page_of
from connector.sandbox.simulator.wire import Call, Routes, not_found, respond
from connector.sandbox.simulator.world import World

_NAMES = ("viewer", "annotator", "annotator_limited", "annotator_embedded", "manager", "admin", "approver")


def role_of(world: World, user: int) -> str:
    """The address of the role that one of the sandbox's users has."""
    first = "viewer" if world.behaviour.viewer_user else "admin" if world.behaviour.admin_user else "manager"
    name = {API_USER: first, REVIEWER: "annotator", EMBEDDED_USER: "annotator_embedded"}[user]
    return world.views.url("groups", _NAMES.index(name) + 1)


def _roles(call: Call) -> list[Json]:
    return [
        {"id": number, "url": call.world.views.url("groups", number), "name": name}
        for number, name in enumerate(_NAMES, start=1)
    ]


async def list_groups(call: Call) -> web.Response:
    """All roles, or the one of a name."""
    asked = call.parameter("name")
    return respond(page_of(call, [role for role in _roles(call) if asked in (None, role["name"])]))


async def get_group(call: Call) -> web.Response:
    """One role."""
    found = next((role for role in _roles(call) if role["id"] == call.ids[0]), None)
    if found is None:
        raise not_found()
    return respond(found)


ROUTES: Routes = {"GET /groups": list_groups, "GET /groups/{id}": get_group}
