"""Every request of the API enters here: limit, fault, token, resource, and its count."""

import asyncio
import contextlib
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, NamedTuple

from aiohttp import web

from connector.sandbox.simulator.faults import Fault
from connector.sandbox.simulator.model import API_USER
from connector.sandbox.simulator.wire import ApiError, Call, Handler, Routes, not_found, raw, respond
from connector.sandbox.simulator.world import World

OPEN = frozenset({"POST /auth/login"})
BASIC = frozenset({
    "POST /uploads", "POST /uploads/{filename}", "POST /queues/{id}/upload",
    "POST /queues/{id}/upload/{filename}",
    "POST /documents", "GET /queues/{id}/export", "POST /queues/{id}/export",
})  # fmt: skip
#: Besides those that only read: what people of every role may do.
_FOR_ALL = frozenset({"POST /auth/login", "POST /auth/logout", "POST /annotations/search"})
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
DROPPED = "dropped"
_DROPS = frozenset({"drop-before", "drop-after"})
_DRIPS_PER_SECOND = 10


class Match(NamedTuple):
    """The operation that a request asks for; no handler = there is no such operation."""

    operation: str
    handler: Handler | None
    ids: tuple[int, ...] = ()
    name: str | None = None


class Router:
    """Finds operations by path with its numbers replaced by ``{id}``: one look-up, no patterns."""

    def __init__(self, tables: Iterable[Routes]) -> None:
        self._routes: Routes = {}
        for table in tables:
            self._routes |= table
        self._paths = {operation.partition(" ")[2] for operation in self._routes}

    def match(self, method: str, path: str) -> Match:
        """The operation of ``path``, which is what follows ``/api/v1``."""
        parts = path.strip("/").split("/")
        ids = tuple(int(part) for part in parts if part.isdecimal())
        plain = "/" + "/".join("{id}" if part.isdecimal() else part for part in parts)
        operation = f"{method} {plain}"
        if (handler := self._routes.get(operation)) is not None:
            return Match(operation, handler, ids)
        folder = plain.rpartition("/")[0]
        named = f"{method} {folder}/{{filename}}"
        if (handler := self._routes.get(named)) is not None:
            return Match(named, handler, ids, parts[-1])
        return Match(operation, None)

    def knows(self, operation: str) -> bool:
        """Whether the path of the operation exists with some method."""
        return operation.partition(" ")[2] in self._paths


class FrontDoor:
    """Answers requests to ``/api/v1``."""

    def __init__(self, world: World, router: Router) -> None:
        self._world = world
        self._router = router

    async def answer(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        """Let the request in and count it; ``path`` is what follows ``/api/v1``."""
        match = self._router.match(request.method, path)
        wait = self._world.limiter.refuse(request.headers.get("Authorization", ""))
        if wait is not None:
            self._world.counters.add(match.operation, HTTPStatus.TOO_MANY_REQUESTS)
            return self._refusal(HTTPStatus.TOO_MANY_REQUESTS, wait)
        fault = self._world.faults.take(request.method, path)
        try:
            response, outcome = await self._respond(request, match, fault)
        except BaseException:
            self._world.counters.add(match.operation, DROPPED)
            raise
        self._world.counters.add(match.operation, outcome)
        if fault is None:
            return response
        self._world.faults.met.add(match.operation, fault.action)
        return await _spoil(request, response, fault)

    async def _respond(
        self, request: web.BaseRequest, match: Match, fault: Fault | None
    ) -> tuple[web.Response, int | str]:
        """The answer before it is spoilt, and what it counts as."""
        early = None if fault is None else self._instead(fault)
        response = early or await self._work(request, match)
        dropped = fault is not None and fault.kind in _DROPS
        return response, DROPPED if dropped else response.status

    async def _work(self, request: web.BaseRequest, match: Match) -> web.Response:
        """Do what the request asks."""
        try:
            self._admit(request, match)
            handler = match.handler
            if handler is None:
                raise self._nowhere(request.method, match)
            response = await handler(Call(request, self._world, match.ids, match.name))
        except ApiError as error:
            response = self._refused(error)
        response.headers["Date"] = self._world.clock.http_date()
        return response

    def _admit(self, request: web.BaseRequest, match: Match) -> None:
        if match.operation in OPEN:
            return
        header = request.headers.get("Authorization", "")
        if not self._world.tokens.accepts(header, basic=match.operation in BASIC):
            raise ApiError(HTTPStatus.UNAUTHORIZED, {"detail": "Invalid token."})
        if self._world.behaviour.viewer_user and self._world.tokens.user_of(header) == API_USER:
            _refuse_changes(request.method, match)

    def _nowhere(self, method: str, match: Match) -> ApiError:
        if not self._router.knows(match.operation):
            return not_found()
        return ApiError(HTTPStatus.METHOD_NOT_ALLOWED, {"detail": f'Method "{method}" not allowed.'})

    def _refused(self, error: ApiError) -> web.Response:
        """The answer to a request that its resource, or the lack of a token, refused."""
        if error.status == HTTPStatus.UNAUTHORIZED:
            return self._worded(error.status, error.body)
        return respond(error.body, error.status, error.headers)

    def _worded(self, status: int, body: Any) -> web.Response:
        """A 401 or 429, whose words Rossum does not document: JSON, plain text or nothing (``refusal_body``)."""
        match self._world.behaviour.refusal_body:
            case "text":
                return raw(HTTPStatus(status).phrase.encode(), "text/plain; charset=utf-8", status)
            case "empty":
                return web.Response(status=status)
            case _:
                return respond(body, status)

    def _refusal(self, status: int, retry_after: int | None = None) -> web.Response:
        """An error answer that did not come from a resource."""
        details = {401: "Invalid token.", 404: "Not found.", 429: "Too many requests"}
        with contextlib.suppress(ValueError):
            details.setdefault(status, f"{HTTPStatus(status).phrase}.")
        body = {"detail": details.get(status, "Error.")}
        is_unknown = status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS)
        response = self._worded(status, body) if is_unknown else respond(body, status)
        if retry_after is not None:
            response.headers["Retry-After"] = str(retry_after)
        response.headers["Date"] = self._world.clock.http_date()
        return response

    def _instead(self, fault: Fault) -> web.Response | None:
        """The answer of a fault that leaves the request undone; None for other faults."""
        if fault.kind == "status":
            return self._refusal(fault.value)
        if fault.kind == "retry-after":
            return self._refusal(HTTPStatus.TOO_MANY_REQUESTS, fault.value)
        if fault.kind == "drop-before":
            return web.Response()
        if fault.kind == "garbage":
            response = web.Response(body=b"<html>not what you asked for", content_type="application/json")
            response.headers["Date"] = self._world.clock.http_date()
            return response
        return None


def _refuse_changes(method: str, match: Match) -> None:
    if method not in _READING and match.operation not in _FOR_ALL:
        detail = "You do not have permission to perform this action."
        raise ApiError(HTTPStatus.FORBIDDEN, {"detail": detail})


async def _spoil(request: web.BaseRequest, response: web.Response, fault: Fault) -> web.StreamResponse:
    """The answer: late, slow, cut, under a wrong name, or never sent."""
    if fault.kind == "delay":
        await asyncio.sleep(fault.value)
    elif fault.kind == "content-type":
        response.headers["Content-Type"] = fault.value
    elif fault.kind in {"truncate", "drip"}:
        return await _trickle(request, response, fault)
    elif fault.kind in _DROPS and request.transport is not None:
        request.transport.abort()
    return response


async def _trickle(request: web.BaseRequest, response: web.Response, fault: Fault) -> web.StreamResponse:
    """Send the head and then the body piece by piece, or only half of it."""
    body = response.body if isinstance(response.body, bytes) else b""
    slow = web.StreamResponse(status=response.status, headers=response.headers)
    slow.content_length = len(body)
    await slow.prepare(request)
    if fault.kind == "truncate":
        await slow.write(body[: len(body) // 2])
        if request.transport is not None:
            request.transport.close()
        return slow
    piece = max(1, int(fault.value / _DRIPS_PER_SECOND))
    pause = piece / fault.value if fault.value > 0 else 1.0
    for start in range(0, len(body), piece):
        await slow.write(body[start : start + piece])
        await asyncio.sleep(pause)
    return slow
