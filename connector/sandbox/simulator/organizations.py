"""``/organizations``, ``/workspaces`` and ``/users``: one organisation, one workspace, two people."""

from aiohttp import web

from connector.sandbox.simulator.model import ORGANIZATION, WORKSPACE, Json
from connector.sandbox.simulator.paging import page_of
from connector.sandbox.simulator.views import USERNAMES
from connector.sandbox.simulator.wire import Call, Routes, not_found, respond
from connector.sandbox.simulator.world import World


def organization_view(world: World) -> Json:
    """The organisation object."""
    return {
        "id": ORGANIZATION,
        "url": world.views.url("organizations", ORGANIZATION),
        "name": "Sandbox",
        "workspaces": [world.views.url("workspaces", WORKSPACE)],
        "users": [world.views.url("users", number) for number in USERNAMES],
        "organization_group": world.views.url("organization_groups", 1),
        "is_trial": False,
        "created_at": "2020-01-01T00:00:00.000000Z",
        "metadata": {},
    }


def workspace_view(world: World) -> Json:
    """The workspace object."""
    return {
        "id": WORKSPACE,
        "name": "Sandbox",
        "url": world.views.url("workspaces", WORKSPACE),
        "autopilot": False,
        "organization": world.views.url("organizations", ORGANIZATION),
        "queues": [world.views.url("queues", number) for number in world.state.queues],
        "metadata": {},
    }


def user_view(world: World, number: int) -> Json:
    """The user object."""
    return {
        "id": number,
        "url": world.views.url("users", number),
        "username": USERNAMES[number],
        "first_name": "Sandbox",
        "last_name": "User",
        "email": USERNAMES[number],
        "organization": world.views.url("organizations", ORGANIZATION),
        "queues": [world.views.url("queues", queue) for queue in world.state.queues],
        "date_joined": "2020-01-01T00:00:00.000000Z",
        "groups": [],
        "is_active": True,
        "metadata": {},
    }


async def list_organizations(call: Call) -> web.Response:
    """The organisation, as a list."""
    return respond(page_of(call, [organization_view(call.world)]))


async def get_organization(call: Call) -> web.Response:
    """The organisation."""
    if call.ids[0] != ORGANIZATION:
        raise not_found()
    return respond(organization_view(call.world))


async def list_workspaces(call: Call) -> web.Response:
    """The workspace, as a list."""
    return respond(page_of(call, [workspace_view(call.world)]))


async def get_workspace(call: Call) -> web.Response:
    """The workspace."""
    if call.ids[0] != WORKSPACE:
        raise not_found()
    return respond(workspace_view(call.world))


async def list_users(call: Call) -> web.Response:
    """Everybody."""
    return respond(page_of(call, [user_view(call.world, number) for number in USERNAMES]))


async def get_user(call: Call) -> web.Response:
    """One person."""
    if call.ids[0] not in USERNAMES:
        raise not_found()
    return respond(user_view(call.world, call.ids[0]))


ROUTES: Routes = {
    "GET /organizations": list_organizations,
    "GET /organizations/{id}": get_organization,
    "GET /workspaces": list_workspaces,
    "GET /workspaces/{id}": get_workspace,
    "GET /users": list_users,
    "GET /users/{id}": get_user,
}
