"""The webhook port: the raw body is verified, read into hints, stored in Kafka - and only then acknowledged.

Rossum retries 503 but never a plain 4xx, so 503 is the answer whenever Kafka cannot take the hint. A hint decides
nothing: a forged, replayed or stale webhook would only make the connector look. aiohttp's low-level server is used
because its router costs a quarter of a request.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from ipaddress import ip_address
from typing import Generic, Protocol, TypeVar

from aiohttp import hdrs, web

from connector.clock import Clock
from connector.domain.ids import QueueId
from connector.domain.messages import Hint, Via
from connector.errors import KafkaUnavailable
from connector.metrics import HookOutcome
from connector.ports import WorkLog
from connector.settings import WebhookSettings
from connector.telemetry import Telemetry
from connector.web.acceptance import Acceptance
from connector.web.deadlines import Deadlines
from connector.web.problems import problem

#: Seconds for a whole request; Rossum itself waits 30.
DEADLINE = 10.0
#: Requests that may wait for Kafka at once; more get 503 and come again.
WAITING_LIMIT = 1_000
#: What `Retry-After` says with a 503 (seconds).
RETRY_AFTER = "2"
#: Bytes of its body that any sender may have here before its signature is known; webhooks have a few thousand.
SMALL_BODY = 64 * 1024
#: Bytes that longer bodies may take together: anybody can open a thousand connections, each nearly `MAX_BODY` long.
LARGE_BODIES = 32_000_000

#: A genuine webhook that was made longer ago is a replay: Rossum's own repetitions end within minutes. It is taken
#: all the same, because a hint decides nothing, but somebody may want to know.
OLD_AFTER = timedelta(days=1)
#: Between two lines about such webhooks: a flood of them must not fill the log.
OLD_TOLD_EVERY = timedelta(minutes=1)

Verified = TypeVar("Verified")


class HookReading(Protocol):
    """What a webhook says."""

    @property
    def hints(self) -> Sequence[Hint]:
        """Annotations to look at."""

    @property
    def timestamp(self) -> str | None:
        """When Rossum says that it was made."""


class _Refused(Exception):
    def __init__(self, outcome: HookOutcome, answer: web.Response) -> None:
        super().__init__(outcome)
        self.outcome = outcome
        self.answer = answer


class WebhookReceiver(Generic[Verified]):
    """See the module.

    Args:
        verify: The verified body, or None when the signature is missing or wrong.
        read_hook: Raises `ValueError` with a sentence for a body that can't be read.
        queues: Hints of other queues are acknowledged and dropped.
        deadline: Seconds for a whole request.
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
        deadline: float = DEADLINE,
    ) -> None:
        self._settings = settings
        self._verify = verify
        self._read_hook = read_hook
        self._work = work
        self._queues = queues
        self._telemetry = telemetry
        self._clock = clock
        self._deadlines = Deadlines(deadline)
        self._accepted = Acceptance(clock)
        self._waiting = 0
        self._old_told_at: datetime | None = None
        self._large = 0

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        started = self._clock.monotonic()
        try:
            with self._deadlines.running():
                outcome, answer = await self._answer(request)
        except TimeoutError:
            outcome, answer = self._late(request)
        except _Refused as refused:
            outcome, answer = refused.outcome, refused.answer
        except Exception as error:  # noqa: BLE001 - a defect is told and counted; Rossum comes again after a 500
            self._telemetry.failed_unexpectedly("webhook", error)
            outcome, answer = (
                HookOutcome.FAILED,
                problem(HTTPStatus.INTERNAL_SERVER_ERROR, "a defect; it is in the log"),
            )
        self._telemetry.hook_received(outcome, self._clock.monotonic() - started)
        return answer

    async def _answer(self, request: web.BaseRequest) -> tuple[HookOutcome, web.StreamResponse]:
        self._check_door(request)
        found = await self._hints(request)
        if not found:
            return HookOutcome.DROPPED, self._accepted.answer(request)
        hints = [hint for hint in found if hint.queue in self._queues]
        if not hints:
            return HookOutcome.OTHER_QUEUE, self._accepted.answer(request)
        await self._store(hints)
        return HookOutcome.ACCEPTED, self._accepted.answer(request)

    async def _hints(self, request: web.BaseRequest) -> Sequence[Hint]:
        """What a genuine webhook says; its body is gone before anything waits for Kafka."""
        verified = self._verify(request.headers, await self._body(request))
        if verified is None:
            raise _Refused(HookOutcome.FORGED, web.Response(status=HTTPStatus.UNAUTHORIZED))
        try:
            reading = self._read_hook(verified)
        except ValueError as error:
            raise _Refused(HookOutcome.UNREADABLE, problem(HTTPStatus.BAD_REQUEST, str(error))) from error
        if reading.timestamp is not None:
            self._look_at_age(reading.timestamp)
        return reading.hints

    def _look_at_age(self, timestamp: str) -> None:
        """Tell of a webhook that was made long ago."""
        try:
            made = datetime.fromisoformat(timestamp)
        except ValueError:
            return
        now = self._clock.now()
        age = now - (made if made.tzinfo else made.replace(tzinfo=UTC))
        if age > OLD_AFTER:
            is_told = self._old_told_at is None or abs(now - self._old_told_at) >= OLD_TOLD_EVERY
            if is_told:
                self._old_told_at = now
            self._telemetry.hook_old(age.total_seconds(), is_told=is_told)

    async def _store(self, hints: list[Hint]) -> None:
        if self._waiting >= WAITING_LIMIT:
            raise _Refused(HookOutcome.UNAVAILABLE, self._unavailable("too many webhooks wait for Kafka"))
        self._waiting += 1
        try:
            await self._work.send(hints)
        except KafkaUnavailable as error:
            answer = self._unavailable("Kafka does not take the webhook now")
            raise _Refused(HookOutcome.UNAVAILABLE, answer) from error
        finally:
            self._waiting -= 1
        self._telemetry.hints_written(Via.WEBHOOK, len(hints))

    def _check_door(self, request: web.BaseRequest) -> None:
        """Who may come in, and with what."""
        if request.path != self._settings.path:
            raise _Refused(HookOutcome.NOT_FOUND, problem(HTTPStatus.NOT_FOUND, "webhooks go to another path"))
        if request.method != hdrs.METH_POST:
            answer = problem(HTTPStatus.METHOD_NOT_ALLOWED, "webhooks are POSTed", headers={"Allow": "POST"})
            raise _Refused(HookOutcome.NOT_FOUND, answer)
        if self._settings.allowed_networks and not self._is_allowed(request.remote):
            answer = problem(HTTPStatus.FORBIDDEN, "this address may not send webhooks")
            raise _Refused(HookOutcome.NOT_ALLOWED, _closing(answer))
        if request.headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":
            answer = problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "webhooks are not compressed")
            raise _Refused(HookOutcome.UNREADABLE, _closing(answer))
        if (request.content_length or 0) > self._settings.max_body:
            raise self._too_large()

    def _is_allowed(self, remote: str | None) -> bool:
        peer = ip_address(remote) if remote else None
        return peer is not None and any(peer in network for network in self._settings.allowed_networks)

    async def _body(self, request: web.BaseRequest) -> bytes:
        """The raw body, counted while it comes: a declared length may be missing or a lie."""
        pieces: list[bytes] = []
        size = held = 0
        try:
            if request.content.is_eof() and 0 < (request.content_length or 0) <= SMALL_BODY:
                return request.content.read_nowait()
            while piece := await request.content.readany():
                size += len(piece)
                if size > self._settings.max_body:
                    raise self._too_large()
                if size > SMALL_BODY:
                    self._hold(size - held)
                    held = size
                pieces.append(piece)
        except (ConnectionError, web.RequestPayloadError) as error:
            answer = problem(HTTPStatus.BAD_REQUEST, "the body was cut off")
            raise _Refused(HookOutcome.CUT_OFF, _closing(answer)) from error
        finally:
            self._large -= held
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _hold(self, more: int) -> None:
        """Take room for a long body, or turn it away; short ones always fit."""
        if self._large + more > max(LARGE_BODIES, self._settings.max_body):
            answer = self._unavailable("too many long webhooks come in")
            raise _Refused(HookOutcome.UNAVAILABLE, _closing(answer))
        self._large += more

    def _late(self, request: web.BaseRequest) -> tuple[HookOutcome, web.Response]:
        """The deadline is over: by the sender's fault or by Kafka's? Rossum repeats after either answer."""
        if request.content.at_eof():
            return HookOutcome.UNAVAILABLE, _closing(self._unavailable("the request took too long"))
        return HookOutcome.SLOW, _closing(problem(HTTPStatus.REQUEST_TIMEOUT, "the body did not come in time"))

    def _too_large(self) -> _Refused:
        sentence = f"a webhook has at most {self._settings.max_body} bytes"
        return _Refused(HookOutcome.TOO_LARGE, _closing(problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, sentence)))

    @staticmethod
    def _unavailable(sentence: str) -> web.Response:
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, sentence, headers={"Retry-After": RETRY_AFTER})


def _closing(answer: web.Response) -> web.Response:
    """The rest of the body is not worth reading."""
    answer.force_close()
    return answer
