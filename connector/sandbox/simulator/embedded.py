"""Embedded mode: URLs that open one annotation in the validation screen, and a small screen behind them.

A token opens its annotation only, in the name of the user who asked for it, and travels in the URL's fragment, which
browsers never send. Postponing and deleting are offered where a URL for it was given. The screen is neither limited
nor counted.
"""

import secrets
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from aiohttp import web

from connector.sandbox.simulator.annotation_actions import SESSION_SECONDS, STARTABLE
from connector.sandbox.simulator.clock import MICROS
from connector.sandbox.simulator.model import API_USER, Annotation, EmbeddedSession, Json
from connector.sandbox.simulator.tokens import MAX_LIFETIME
from connector.sandbox.simulator.wire import (
    ApiError,
    Call,
    Routes,
    bad_field,
    conflict,
    not_found,
    raw,
    respond,
)
from connector.sandbox.simulator.world import World

SCREEN: Final = "/embedded/document/"
_PAGE: Final = Path(__file__).with_name("embedded.html")
#: Actions of the screen, and the field of the request with the URL where they lead.
_PLACES: Final = {
    "confirm": "return_url",
    "cancel": "cancel_url",
    "postpone": "postpone_url",
    "delete": "delete_url",
}
_ALWAYS: Final = ("confirm", "cancel")
_LEADS_TO: Final = {"cancel": "to_review", "postpone": "postponed", "delete": "deleted"}


async def start_embedded(call: Call) -> web.Response:
    """A URL that opens it in the validation screen; it is being reviewed from now on. Not for admins."""
    user, annotation = call.user(), call.annotation()
    if user == API_USER and call.world.behaviour.admin_user:
        raise ApiError(HTTPStatus.FORBIDDEN, {"detail": "You do not have permission to perform this action."})
    session = _session(call, await call.json(), user)
    _start(call.world, annotation, user)
    return respond({"url": _url(call, session)})


async def create_embedded_url(call: Call) -> web.Response:
    """The same in any status, which stays as it is."""
    session = _session(call, await call.json(), call.user())
    return respond({"url": _url(call, session), "status": call.annotation().status})


def _start(world: World, annotation: Annotation, user: int) -> None:
    if annotation.status not in STARTABLE:
        raise conflict(f"Annotation in status {annotation.status} does not allow this.")
    if annotation.status == "reviewing" and annotation.holder != user:
        raise conflict("Annotation is being reviewed by another user.")
    if annotation.status != "reviewing":
        world.lifecycle.move(annotation, "reviewing", user)


def _session(call: Call, body: Json, user: int) -> EmbeddedSession:
    """What the body asks for."""
    places = {action: _checked_url(name, body[name]) for action, name in _PLACES.items() if body.get(name)}
    seconds = body.get("max_token_lifetime_s")
    if seconds is None:
        seconds = SESSION_SECONDS
    if isinstance(seconds, bool) or not isinstance(seconds, int) or not 0 < seconds <= MAX_LIFETIME:
        raise bad_field("max_token_lifetime_s", f"Ensure this value is between 1 and {MAX_LIFETIME}.")
    return EmbeddedSession(call.annotation().id, user, call.world.clock.now() + seconds * MICROS, places)


def _checked_url(name: str, value: Any) -> str:
    if not isinstance(value, str) or urlsplit(value).scheme not in ("http", "https"):
        raise bad_field(name, "Enter a valid URL.")
    return value


def _url(call: Call, session: EmbeddedSession) -> str:
    token = secrets.token_hex(20)
    call.world.embedded[token] = session
    host = call.world.views.base.removesuffix("/api/v1")
    return f"{host}{SCREEN}{session.annotation_id}#authToken={token}"


async def answer(world: World, request: web.BaseRequest, path: str) -> web.Response:
    """The screen (GET), and what is done there (POST of ``{"action": …}`` with the token)."""
    if request.method == "GET":
        return raw(_PAGE.read_bytes(), "text/html; charset=utf-8", headers={"Referrer-Policy": "no-referrer"})
    try:
        number = int(path) if path.isascii() and path.isdigit() else 0
        session = _session_of(world, request.headers, number)
        body = await Call(request, world, (number,)).json()
        return respond(_done(world, session, body.get("action", "open")))
    except ApiError as error:
        return respond(error.body, error.status, error.headers)


def _session_of(world: World, headers: Mapping[str, str], number: int) -> EmbeddedSession:
    """The session of the token; one that has ended is forgotten.

    Raises:
        ApiError: 401, the token is none, or none of this annotation.
    """
    token = headers.get("Authorization", "").removeprefix("Bearer ")
    session = world.embedded.get(token)
    if session is not None and session.expires_at <= world.clock.now():
        del world.embedded[token]
        session = None
    if session is None or session.annotation_id != number:
        raise ApiError(HTTPStatus.UNAUTHORIZED, {"detail": "Invalid token."})
    return session


def _done(world: World, session: EmbeddedSession, action: Any) -> Json:
    """Do something on the screen; what it shows afterwards, or where it leads."""
    annotation = world.state.annotations.get(session.annotation_id)
    if annotation is None:
        raise not_found()
    if action == "open":
        if annotation.status in STARTABLE:
            _start(world, annotation, session.user)
        return _shown(world, session, annotation)
    if action not in _offered(session, annotation):
        raise conflict("Annotation is not being reviewed by the current user.")
    if action == "confirm":
        world.lifecycle.confirm(annotation, session.user)
    else:
        world.lifecycle.move(annotation, _LEADS_TO[action], session.user)
    return _shown(world, session, annotation) | {"redirect": session.places.get(action)}


def _offered(session: EmbeddedSession, annotation: Annotation) -> list[str]:
    """The buttons: none where it can only be looked at."""
    if annotation.status != "reviewing" or annotation.holder != session.user:
        return []
    return [action for action in _PLACES if action in _ALWAYS or action in session.places]


def _shown(world: World, session: EmbeddedSession, annotation: Annotation) -> Json:
    points = [point for section in world.views.content(annotation) for point in section["children"]]
    fields = [
        {"name": point["schema_id"], "value": (point["content"] or {}).get("value")}
        for point in points
        if point["category"] == "datapoint"
    ]
    return {
        "annotation": annotation.id,
        "file_name": world.state.documents[annotation.document_id].file_name,
        "status": annotation.status,
        "fields": fields,
        "actions": _offered(session, annotation),
    }


ROUTES: Routes = {
    "POST /annotations/{id}/start_embedded": start_embedded,
    "POST /annotations/{id}/create_embedded_url": create_embedded_url,
}
