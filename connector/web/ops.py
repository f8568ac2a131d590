"""The ops port: health, metrics, and the API under /v1 that asks for a token."""

import hmac
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Protocol

import orjson
from aiohttp import hdrs, web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from connector.errors import KafkaUnavailable
from connector.settings import OpsSettings
from connector.telemetry import Telemetry
from connector.web.embedded import OBJECTS, EmbeddedApi
from connector.web.problems import problem

#: The operations of /v1 and how each is asked for.
_METHODS = {
    "documents": hdrs.METH_GET,
    "audit": hdrs.METH_GET,
    "sweeps": hdrs.METH_POST,
    "pause": hdrs.METH_POST,
    "resume": hdrs.METH_POST,
}
_THERE_IS = (
    "there is documents/{key}, queues/{queue}/ready, annotations/{id}/embedded-url, audit, sweeps, pause, resume"
)


class OpsActions(Protocol):
    """What the ops port can ask of the connector."""

    def is_alive(self) -> bool:
        """Whether the loops still make progress."""

    def readiness(self) -> Mapping[str, str | None]:
        """Each check with its complaint, None where it is fine."""

    def warnings(self) -> Mapping[str, str]:
        """What is wrong although webhooks can be taken in: nothing that another replica would do better."""

    async def document(self, key: str) -> Any:
        """What this replica knows of a document key; None when nothing."""

    async def refresh(self) -> None:
        """Count anew what the gauges show, if that was long ago."""

    async def audit(self) -> Any:
        """Open and ambiguous work of this replica."""

    async def sweep_now(self) -> None:
        """Start a deep pass of every clock."""

    def pause(self, *, paused: bool) -> None:
        """Stop or go on taking new arrivals."""


class OpsServer:
    """Answers the ops port."""

    def __init__(self, settings: OpsSettings, actions: OpsActions, telemetry: Telemetry, embedded: EmbeddedApi) -> None:
        self._token = settings.token.get_secret_value().encode() if settings.token else None
        self._actions = actions
        self._telemetry = telemetry
        self._embedded = embedded

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        try:
            return await self._answer(request)
        except Exception as error:  # noqa: BLE001 - a defect is told, and answered in the form of all errors
            self._telemetry.failed_unexpectedly("ops port", error)
            return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "a defect; it is in the log")

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.path
        if path.startswith("/v1/"):
            refusal = self._refusal(request)
            return refusal if refusal is not None else await self._v1(request)
        if request.method not in (hdrs.METH_GET, hdrs.METH_HEAD):
            return problem(HTTPStatus.METHOD_NOT_ALLOWED, "this is read with GET", headers={"Allow": "GET"})
        match path:
            case "/livez":
                alive = self._actions.is_alive()
                return _json({"alive": alive}, HTTPStatus.OK if alive else HTTPStatus.SERVICE_UNAVAILABLE)
            case "/readyz":
                return self._ready()
            case "/metrics":
                await self._actions.refresh()
                metrics = generate_latest(self._telemetry.registry)
                return web.Response(body=metrics, headers={hdrs.CONTENT_TYPE: CONTENT_TYPE_LATEST})
        return problem(HTTPStatus.NOT_FOUND, "there is /livez, /readyz, /metrics and /v1/…")

    def _ready(self) -> web.Response:
        checks = self._actions.readiness()
        ready = not any(checks.values())
        shown = {name: complaint or "ok" for name, complaint in checks.items()}
        body = {"ready": ready, "checks": shown, "warnings": self._actions.warnings()}
        return _json(body, HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE)

    def _refusal(self, request: web.BaseRequest) -> web.Response | None:
        """The answer for who may not use /v1."""
        if self._token is None:
            return problem(HTTPStatus.FORBIDDEN, "the API is off: set CONNECTOR_OPS__TOKEN to use it")
        scheme, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        given = token.strip().encode("utf-8", "surrogateescape") if scheme.lower() == "bearer" else b""
        if not hmac.compare_digest(given, self._token):
            headers = {"WWW-Authenticate": "Bearer"}
            return problem(HTTPStatus.UNAUTHORIZED, "send the ops token as a Bearer token", headers=headers)
        return None

    async def _v1(self, request: web.BaseRequest) -> web.Response:
        name, _, key = request.path.removeprefix("/v1/").partition("/")
        if key and name in OBJECTS:
            return await self._embedded.answer(request, name, key)
        return await self._operation(request, name, key)

    async def _operation(self, request: web.BaseRequest, name: str, key: str) -> web.Response:
        method = _METHODS.get(name)
        if method is None or bool(key) != (name == "documents"):
            return problem(HTTPStatus.NOT_FOUND, _THERE_IS)
        if request.method != method:
            sentence = f"this wants {method}"
            return problem(HTTPStatus.METHOD_NOT_ALLOWED, sentence, headers={"Allow": method})
        match name:
            case "documents":
                return await self._document(key)
            case "audit":
                return _json(await self._actions.audit())
            case "sweeps":
                return await self._sweep()
            case _:
                self._actions.pause(paused=name == "pause")
                return _json({"paused": name == "pause"})

    async def _document(self, key: str) -> web.Response:
        timeline = await self._actions.document(key)
        if timeline is None:
            return problem(HTTPStatus.NOT_FOUND, "this replica knows no document with that key")
        return _json(timeline)

    async def _sweep(self) -> web.Response:
        try:
            await self._actions.sweep_now()
        except KafkaUnavailable as error:
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, str(error))
        return _json({"asked": True}, HTTPStatus.ACCEPTED)


def _json(body: Any, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(body), content_type="application/json")
