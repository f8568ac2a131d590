"""``/users``: the people of the sandbox, and those that clients create, who do nothing."""

from http import HTTPStatus

from aiohttp import web

from connector.sandbox.simulator.groups import role_of
from connector.sandbox.simulator.kept_objects import Kind, keep, require, shown
from connector.sandbox.simulator.metadata import checked_metadata
from connector.sandbox.simulator.model import ORGANIZATION, USERNAMES, Json
from connector.sandbox.simulator.paging import page_of
from connector.sandbox.simulator.wire import ApiError, Call, Routes, bad_field, not_found, respond
from connector.sandbox.simulator.world import World

KIND = Kind(
    "users",
    ("username", "organization"),
    {
        "first_name": "", "last_name": "", "email": "", "email_verified": False, "queues": [],
        "date_joined": "2020-01-01T00:00:00.000000Z", "last_login": None, "groups": [], "is_active": True,
        "ui_settings": {}, "metadata": {}, "oidc_id": None, "auth_type": "password", "deleted": False,
    },
)  # fmt: skip


def user_view(world: World, number: int) -> Json:
    """The user object of one of them."""
    return {
        "id": number,
        "url": world.views.url("users", number),
        "organization": world.views.url("organizations", ORGANIZATION),
        **KIND.defaults,
        "username": USERNAMES[number],
        "first_name": "Sandbox",
        "last_name": "User",
        "email": USERNAMES[number],
        "queues": [world.views.url("queues", queue) for queue in world.state.queues],
        "groups": [role_of(world, number)],
    }


def _everybody(call: Call) -> list[Json]:
    made = [shown(call, KIND, number) for number in call.world.state.objects[KIND.name]]
    return [*(user_view(call.world, number) for number in USERNAMES), *made]


async def list_users(call: Call) -> web.Response:
    """Everybody, or who has that user name or e-mail address, is active or not."""
    rows = _everybody(call)
    for name in ("id", "username", "email", "first_name", "last_name", "is_active"):
        if (asked := call.parameter(name)) is not None:
            rows = [row for row in rows if str(row[name]).lower() == asked.lower()]
    return respond(page_of(call, rows))


async def get_user(call: Call) -> web.Response:
    """One person."""
    found = next((row for row in _everybody(call) if row["id"] == call.ids[0]), None)
    if found is None:
        raise not_found()
    return respond(found)


async def create_user(call: Call) -> web.Response:
    """A new person; whoever is to log in needs a password, which is never shown, and cannot be used here."""
    body = await call.json()
    require(body, KIND.required)
    if any(row["username"] == body["username"] for row in _everybody(call)):
        raise bad_field("username", "A user with that username already exists.")
    given = {name: value for name, value in body.items() if name in KIND.defaults or name in KIND.required}
    checked_metadata(given.get("metadata", {}))
    return respond(keep(call, KIND, given), HTTPStatus.CREATED)


async def patch_user(call: Call) -> web.Response:
    """Change somebody whom a client created; those of the sandbox stay as they are."""
    if call.ids[0] in USERNAMES:
        raise ApiError(HTTPStatus.FORBIDDEN, {"detail": "The simulator's own users cannot be changed."})
    body = await call.json()
    if call.ids[0] not in call.world.state.objects[KIND.name]:
        raise not_found()
    checked_metadata(body.get("metadata", {}))
    given = {name: value for name, value in body.items() if name in KIND.defaults}
    call.world.state.objects[KIND.name][call.ids[0]] |= given
    return respond(shown(call, KIND, call.ids[0]))


ROUTES: Routes = {
    "GET /users": list_users,
    "POST /users": create_user,
    "GET /users/{id}": get_user,
    "PATCH /users/{id}": patch_user,
}
