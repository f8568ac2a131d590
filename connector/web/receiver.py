"""The webhook port: the raw body is verified, read into hints, stored in Kafka - and only then acknowledged.

Rossum retries 503 but never a plain 4xx, so 503 is the answer whenever Kafka cannot take the hint. A hint decides
nothing: a forged, replayed or stale webhook would only make the connector look. aiohttp's low-level server is used
because its router costs a quarter of a request.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from ipaddress import ip_address
from typing import Generic, Protocol, TypeVar

from aiohttp import hdrs, web

from connector.clock import Clock
from connector.domain.ids import QueueId
from connector.domain.messages import Hint, Via
from connector.errors import KafkaUnavailable
from connector.ports import WorkLog
from connector.settings import WebhookSettings
from connector.telemetry import Telemetry
from connector.web.problems import problem

#: Seconds for a whole request; Rossum itself waits 30.
DEADLINE = 10.0
#: Requests that may wait for Kafka at once; more get 503 and come again.
WAITING_LIMIT = 1_000
#: What `Retry-After` says with a 503 (seconds).
RETRY_AFTER = "2"

Verified = TypeVar("Verified")


class HookReading(Protocol):
    """What a webhook says."""

    @property
    def hints(self) -> Sequence[Hint]:
        """Annotations to look at."""

    @property
    def dropped(self) -> str | None:
        """Why there are none."""


class _Refused(Exception):
    def __init__(self, outcome: str, answer: web.Response) -> None:
        super().__init__(outcome)
        self.outcome = outcome
        self.answer = answer


class WebhookReceiver(Generic[Verified]):
    """See the module.

    Args:
        verify: The verified body, or None when the signature is missing or wrong.
        read_hook: Raises `ValueError` with a sentence for a body that can't be read.
        queues: Hints of other queues are acknowledged and dropped.
    """

    def __init__(  # noqa: PLR0913 - a leaf of the composition root
        self,
        settings: WebhookSettings,
        *,
        verify: Callable[[Mapping[str, str], bytes], Verified | None],
        read_hook: Callable[[Verified], HookReading],
        work: WorkLog,
        queues: frozenset[QueueId],
        telemetry: Telemetry,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._verify = verify
        self._read_hook = read_hook
        self._work = work
        self._queues = queues
        self._telemetry = telemetry
        self._clock = clock
        self._waiting = 0

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        started = self._clock.monotonic()
        try:
            async with asyncio.timeout(DEADLINE):
                outcome, answer = await self._answer(request)
        except TimeoutError:
            outcome, answer = "unavailable", self._unavailable("the request took too long")
            answer.force_close()
        except _Refused as refused:
            outcome, answer = refused.outcome, refused.answer
        self._telemetry.hook_received(outcome, self._clock.monotonic() - started)
        return answer

    async def _answer(self, request: web.BaseRequest) -> tuple[str, web.Response]:
        self._check_door(request)
        body = await self._body(request)
        verified = self._verify(request.headers, body)
        if verified is None:
            raise _Refused("forged", web.Response(status=HTTPStatus.UNAUTHORIZED))
        try:
            reading = self._read_hook(verified)
        except ValueError as error:
            raise _Refused("unreadable", problem(HTTPStatus.BAD_REQUEST, str(error))) from error
        hints = [hint for hint in reading.hints if hint.queue in self._queues]
        if not hints:
            return "dropped", _accepted()
        await self._store(hints)
        return "accepted", _accepted()

    async def _store(self, hints: list[Hint]) -> None:
        if self._waiting >= WAITING_LIMIT:
            raise _Refused("unavailable", self._unavailable("too many webhooks wait for Kafka"))
        self._waiting += 1
        try:
            await self._work.send(hints)
        except KafkaUnavailable as error:
            raise _Refused("unavailable", self._unavailable("Kafka does not take the webhook now")) from error
        finally:
            self._waiting -= 1
        self._telemetry.hints_written(Via.WEBHOOK, len(hints))

    def _check_door(self, request: web.BaseRequest) -> None:
        """Who may come in, and with what."""
        if request.path != self._settings.path:
            raise _Refused("not_found", problem(HTTPStatus.NOT_FOUND, "webhooks go to another path"))
        if request.method != hdrs.METH_POST:
            answer = problem(HTTPStatus.METHOD_NOT_ALLOWED, "webhooks are POSTed", headers={"Allow": "POST"})
            raise _Refused("not_found", answer)
        networks = self._settings.allowed_networks
        if networks and not any(ip_address(request.remote or "") in network for network in networks):
            raise _Refused("not_allowed", problem(HTTPStatus.FORBIDDEN, "this address may not send webhooks"))
        if request.headers.get(hdrs.CONTENT_ENCODING, "identity") != "identity":
            answer = problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "webhooks are not compressed")
            raise _Refused("unreadable", _closing(answer))
        if (request.content_length or 0) > self._settings.max_body:
            raise self._too_large()

    async def _body(self, request: web.BaseRequest) -> bytes:
        """The raw body, counted while it comes: a declared length may be missing or a lie."""
        pieces: list[bytes] = []
        size = 0
        while piece := await request.content.readany():
            size += len(piece)
            if size > self._settings.max_body:
                raise self._too_large()
            pieces.append(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _too_large(self) -> _Refused:
        sentence = f"a webhook has at most {self._settings.max_body} bytes"
        return _Refused("too_large", _closing(problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, sentence)))

    @staticmethod
    def _unavailable(sentence: str) -> web.Response:
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, sentence, headers={"Retry-After": RETRY_AFTER})


def _accepted() -> web.Response:
    return web.Response(body=b"{}", content_type="application/json")


def _closing(answer: web.Response) -> web.Response:
    """The rest of the body is not worth reading."""
    answer.force_close()
    return answer
