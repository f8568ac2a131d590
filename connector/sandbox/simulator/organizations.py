"""``/organizations``: the one organisation of the sandbox, and its limits."""

from aiohttp import web

from connector.sandbox.simulator.model import ORGANIZATION, ORGANIZATION_GROUP, USERNAMES, Json
from connector.sandbox.simulator.paging import page_of
from connector.sandbox.simulator.wire import Call, Routes, not_found, respond
from connector.sandbox.simulator.world import World


def organization_view(world: World) -> Json:
    """The organisation object."""
    users = [*USERNAMES, *world.state.objects["users"]]
    return {
        "id": ORGANIZATION,
        "url": world.views.url("organizations", ORGANIZATION),
        "name": "Sandbox",
        "workspaces": [world.views.url("workspaces", number) for number in world.state.workspaces],
        "users": [world.views.url("users", number) for number in users],
        "organization_group": world.views.url("organization_groups", ORGANIZATION_GROUP),
        "is_trial": False,
        "created_at": "2020-01-01T00:00:00.000000Z",
        "trial_expires_at": None,
        "expires_at": None,
        "oidc_provider": None,
        "ui_settings": {},
        "metadata": {},
    }


async def list_organizations(call: Call) -> web.Response:
    """The organisation, as a list."""
    return respond(page_of(call, [organization_view(call.world)]))


def _check(call: Call) -> None:
    if call.ids[0] != ORGANIZATION:
        raise not_found()


async def get_organization(call: Call) -> web.Response:
    """The organisation."""
    _check(call)
    return respond(organization_view(call.world))


async def get_limits(call: Call) -> web.Response:
    """How many e-mails it may send; it sends none."""
    _check(call)
    limits = {
        "count_today": 0,
        "count_today_notification": 0,
        "count_total": 0,
        "email_per_day_limit": 10,
        "email_per_day_limit_notification": 10,
        "email_total_limit": None,
        "last_sent_at": None,
        "last_sent_at_notification": None,
    }
    return respond({"email_limits": limits})


ROUTES: Routes = {
    "GET /organizations": list_organizations,
    "GET /organizations/{id}": get_organization,
    "GET /organizations/{id}/limits": get_limits,
}
