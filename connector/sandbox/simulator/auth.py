"""``/auth``: logging in and out, and the map of resources at the base URL."""

import math
from http import HTTPStatus
from typing import Any

from aiohttp import web

from connector.sandbox.simulator.model import Json
from connector.sandbox.simulator.users import user_view
from connector.sandbox.simulator.wire import ApiError, Call, Routes, bad_field, respond

_RESOURCES = (
    "annotations", "documents", "hooks", "organizations", "queues", "relations", "schemas", "tasks",
    "uploads", "users", "workspaces",
)  # fmt: skip


async def log_in(call: Call) -> web.Response:
    """User name and password, as JSON or as a form, for a token."""
    body = await _credentials(call)
    for name in ("username", "password"):
        if not body.get(name):
            raise bad_field(name, "This field is required.")
    lifetime = _lifetime(body.get("max_token_lifetime_s"))
    key = call.world.tokens.log_in(str(body["username"]), str(body["password"]), lifetime)
    if key is None:
        raise ApiError(HTTPStatus.UNAUTHORIZED, {"detail": "Unable to log in with provided credentials."})
    return respond({"key": key, "domain": None})


async def _credentials(call: Call) -> Json:
    if call.request.content_type == "application/json":
        return await call.json()
    return dict(await call.request.post())


def _lifetime(value: Any) -> float | None:
    if value in {None, ""}:
        return None
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = math.nan
    if not seconds > 0:
        raise bad_field("max_token_lifetime_s", "A valid number is required.")
    return seconds


async def log_out(call: Call) -> web.Response:
    """End the token of this request."""
    call.world.tokens.log_out(call.request.headers["Authorization"])
    return respond({"detail": "Successfully logged out."})


async def current_user(call: Call) -> web.Response:
    """Who the token belongs to."""
    return respond(user_view(call.world, call.user()))


async def root(call: Call) -> web.Response:
    """Names of resources and where they live."""
    return respond({name: f"{call.world.views.base}/{name}" for name in _RESOURCES})


ROUTES: Routes = {
    "POST /auth/login": log_in,
    "POST /auth/logout": log_out,
    "GET /auth/user": current_user,
    "GET /": root,
}
