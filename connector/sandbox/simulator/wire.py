"""What resources speak in: a call, JSON answers and errors in the shapes that Rossum documents."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import orjson
from aiohttp import web

from connector.sandbox.simulator.model import Annotation, Document, Json, Queue
from connector.sandbox.simulator.world import World

_ID_AT_END = re.compile(r"(\d+)/?$")


class ApiError(Exception):
    """A request that is refused with this status and this JSON body."""

    def __init__(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        super().__init__(f"{status} {body!r}")
        self.status = status
        self.body = body
        self.headers = headers


def not_found() -> ApiError:
    """Nothing lives at that address."""
    return ApiError(HTTPStatus.NOT_FOUND, {"detail": "Not found."})


def bad_field(name: str, message: str) -> ApiError:
    """A field of the request is wrong; Rossum answers with a map of fields."""
    return ApiError(HTTPStatus.BAD_REQUEST, {name: [message]})


def conflict(message: str) -> ApiError:
    """The object's state does not allow this."""
    return ApiError(HTTPStatus.CONFLICT, {"detail": message})


def referenced(message: str) -> ApiError:
    """Something else refers to the object, so it cannot go."""
    return ApiError(HTTPStatus.CONFLICT, {"detail": message, "code": "conflict_referenced"})


@dataclass(frozen=True, slots=True)
class Call:
    """One request of the API on its way to its resource.

    ``ids`` are the numbers of the path in their order, ``name`` its last segment where that is free text.
    """

    request: web.BaseRequest
    world: World
    ids: tuple[int, ...]
    name: str | None = None

    def parameter(self, name: str) -> str | None:
        """A query parameter; empty ones count as not given, as the vendor's SDK sends them."""
        return self.request.query.get(name) or None

    async def json(self) -> Json:
        """The JSON object of the body; an empty body is an empty object.

        Raises:
            ApiError: 400, the body is not JSON or no object.
        """
        raw = await self.request.read()
        if not raw:
            return {}
        try:
            body = orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            detail = f"JSON parse error - {error}"
            raise ApiError(HTTPStatus.BAD_REQUEST, {"detail": detail, "code": "parse_error"}) from error
        if not isinstance(body, dict):
            raise bad_field("non_field_errors", "Invalid data. Expected a dictionary.")
        return body

    def user(self) -> int:
        """Who calls."""
        return self.world.tokens.user_of(self.request.headers.get("Authorization", ""))

    def annotation(self) -> Annotation:
        """The annotation that the path names, or 404."""
        found = self.world.state.annotations.get(self.ids[0])
        if found is None:
            raise not_found()
        return found

    def document(self) -> Document:
        """The document that the path names, or 404."""
        found = self.world.state.documents.get(self.ids[0])
        if found is None or found.internal:
            raise not_found()
        return found

    def queue(self) -> Queue:
        """The queue that the path names, or 404."""
        found = self.world.state.queues.get(self.ids[0])
        if found is None:
            raise not_found()
        return found


Handler = Callable[[Call], Awaitable[web.Response]]
Routes = dict[str, Handler]


def respond(body: Any, status: int = HTTPStatus.OK, headers: dict[str, str] | None = None) -> web.Response:
    """A JSON answer."""
    return raw(orjson.dumps(body), "application/json", status, headers)


def raw(
    body: bytes, content_type: str, status: int = HTTPStatus.OK, headers: dict[str, str] | None = None
) -> web.Response:
    """An answer of any type; the front door adds the ``Date``."""
    return web.Response(body=body, status=status, headers={"Content-Type": content_type, **(headers or {})})


def no_content() -> web.Response:
    """204: done, nothing to say."""
    return web.Response(status=HTTPStatus.NO_CONTENT)


def id_of(reference: Any) -> int | None:
    """The id in a URL, a number or its text; None when there is none."""
    if isinstance(reference, int) and not isinstance(reference, bool):
        return reference
    found = _ID_AT_END.search(reference) if isinstance(reference, str) else None
    return int(found[1]) if found else None
