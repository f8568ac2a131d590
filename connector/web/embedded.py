"""Embedded mode on the ops port: which annotations can be opened, and a URL that opens one.

The URL holds a token of Rossum's: it is in the answer, which nobody may keep, and nowhere else.
"""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final, Protocol

import orjson
from aiohttp import hdrs, web

from connector.contracts.envelope import encode_data
from connector.domain.embedded import EmbeddedOrder, EmbeddedUrl, ReadyList
from connector.domain.ids import AnnotationId, QueueId, format_clock
from connector.errors import ConnectorError, NotOurs, Rejected
from connector.web.embedded_order import LARGEST_ORDER, OrderError, read_order
from connector.web.problems import problem

#: The parts of /v1 that are answered here.
OBJECTS: Final = frozenset({"queues", "annotations"})
#: Seconds for an answer; Rossum may be slow, or its budget used up.
DEADLINE: Final = 30.0
RETRY_AFTER: Final = {"Retry-After": "5"}
#: Of answers that nobody may keep: they hold a token, or are true for a moment.
_NOT_KEPT: Final = {hdrs.CACHE_CONTROL: "no-store"}
_LONGEST_ID: Final = 18


class Embedding(Protocol):
    """Rossum, as far as it is about embedded mode."""

    async def queue_of(self, annotation: AnnotationId) -> QueueId | None:
        """The queue of an annotation; None when there is no such annotation."""

    async def url(self, order: EmbeddedOrder) -> EmbeddedUrl:
        """A URL that opens an annotation."""

    async def ready(self, queue: QueueId) -> ReadyList:
        """What can be opened."""


class EmbeddedApi:
    """See the module.

    Args:
        queues: Of this deployment, by alias.
        embedding: Asks Rossum.
        deadline: Seconds for an answer.
    """

    def __init__(self, queues: Mapping[str, QueueId], embedding: Embedding, *, deadline: float = DEADLINE) -> None:
        self._queues = queues
        self._embedding = embedding
        self._deadline = deadline

    async def answer(self, request: web.BaseRequest, kind: str, path: str) -> web.Response:
        """Answer for one queue or annotation; `path` is what follows its kind."""
        name, _, what = path.rpartition("/")
        match kind, what:
            case "queues", "ready":
                method, answering = hdrs.METH_GET, self._ready(name)
            case "annotations", "embedded-url":
                method, answering = hdrs.METH_POST, self._url(request, name)
            case _:
                return problem(HTTPStatus.NOT_FOUND, "there is queues/{queue}/ready and annotations/{id}/embedded-url")
        if request.method != method:
            answering.close()
            return problem(HTTPStatus.METHOD_NOT_ALLOWED, f"this wants {method}", headers={"Allow": method})
        try:
            async with asyncio.timeout(self._deadline):
                return await answering
        except TimeoutError:
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, "Rossum did not answer in time", headers=RETRY_AFTER)
        except ConnectorError as error:
            return _refusal(error)

    async def _ready(self, name: str) -> web.Response:
        queue = self._queue(name)
        if queue is None:
            sentence = f"this deployment serves no queue of that id or alias: {self._known()}"
            return problem(HTTPStatus.NOT_FOUND, sentence)
        found = await self._embedding.ready(queue)
        body = {
            "queue": queue,
            "at": format_clock(found.at),
            "complete": found.complete,
            "ready": [orjson.Fragment(encode_data(one.data())) for one in found.ready],
        }
        return _json(body)

    def _queue(self, name: str) -> QueueId | None:
        if name in self._queues:
            return self._queues[name]
        return next((queue for queue in self._queues.values() if str(queue) == name), None)

    def _known(self) -> str:
        return ", ".join(self._queues) or "ROSSUM__QUEUES names none"

    async def _url(self, request: web.BaseRequest, name: str) -> web.Response:
        if not (name.isascii() and name.isdigit() and len(name) <= _LONGEST_ID):
            return problem(HTTPStatus.NOT_FOUND, "annotations are named by their id, a number")
        try:
            order = read_order(AnnotationId(int(name)), await _body(request))
        except OrderError as error:
            return problem(HTTPStatus.BAD_REQUEST, str(error))
        queue = await self._embedding.queue_of(order.annotation)
        if queue is None:
            return problem(HTTPStatus.NOT_FOUND, f"Rossum shows no annotation {order.annotation}")
        if queue not in self._queues.values():
            # The credentials may open more than what this deployment, and so its operator's token, is for.
            sentence = f"the annotation is in queue {queue}, which this deployment does not serve: {self._known()}"
            return problem(HTTPStatus.NOT_FOUND, sentence)
        made = await self._embedding.url(order)
        return _json({"annotation": order.annotation, "url": made.url, "status": made.status})


async def _body(request: web.BaseRequest) -> bytes:
    """The whole body, as far as an order may be long.

    Raises:
        OrderError: It is longer, or was cut off.
    """
    pieces: list[bytes] = []
    size = 0
    try:
        while piece := await request.content.readany():
            size += len(piece)
            if size > LARGEST_ORDER:
                raise OrderError(f"the body has more than {LARGEST_ORDER} bytes")
            pieces.append(piece)
    except (ConnectionError, web.RequestPayloadError) as error:
        raise OrderError("the body was cut off") from error
    return b"".join(pieces)


def _refusal(error: ConnectorError) -> web.Response:
    """What a failure means for the application."""
    match error:
        case Rejected(http_status=HTTPStatus.CONFLICT):
            return problem(HTTPStatus.CONFLICT, str(error))
        case Rejected():
            return problem(HTTPStatus.BAD_REQUEST, str(error))
        case NotOurs(http_status=HTTPStatus.NOT_FOUND):
            return problem(HTTPStatus.NOT_FOUND, str(error))
        case NotOurs():
            return problem(HTTPStatus.BAD_GATEWAY, str(error))
        case _:
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, str(error), headers=RETRY_AFTER)


def _json(body: Any) -> web.Response:
    return web.Response(body=orjson.dumps(body), content_type="application/json", headers=_NOT_KEPT)
