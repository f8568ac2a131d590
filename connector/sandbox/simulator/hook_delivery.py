"""Sends webhooks the way Rossum documents it: signed, a few attempts with pauses of 30 seconds in all, in no order.

Retried are 408, 429, 500, 502, 503, 504, time-outs and broken connections; any other answer ends the
delivery (``retry_on_any_non_2xx`` retries all). The pauses between attempts are not documented; the switch
``hook_pause`` sets ours.
"""

import asyncio
import hashlib
import hmac
import uuid
from collections import deque
from dataclasses import dataclass, replace
from http import HTTPStatus
from random import Random

import aiohttp
import orjson

from connector.sandbox.simulator.background import Background
from connector.sandbox.simulator.behaviour import HookTrouble
from connector.sandbox.simulator.clock import SimulatorClock, iso
from connector.sandbox.simulator.hook_payloads import Payloads
from connector.sandbox.simulator.model import ORGANIZATION, Annotation, Document, Hook, Json, Upload
from connector.sandbox.simulator.state import State

RETRIED = frozenset({408, 429, 500, 502, 503, 504})
RETRY_WINDOW = 30.0  # seconds of all pauses between attempts; the attempts themselves take as long as they take
REORDER_SPREAD = 1.0  # seconds by which a reordered hook may be overtaken
SHORTEST_TIMEOUT = 0.001  # seconds; aiohttp takes 0 for none at all
LOGS_KEPT = 1000
USER_AGENT = "Rossum-Hooks/1.0"  # invented: what Rossum sends is not documented
_BODY_SHOWN = 2000  # characters of an answer kept in the log


def sign(secret: str, body: bytes) -> str:
    """The value of ``X-Rossum-Signature-SHA256``."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class About:
    """What an event is about, for the log."""

    queue_id: int
    annotation_id: int | None = None


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One event on its way to one hook."""

    hook: Hook
    event: str
    payload: Json
    body: bytes
    about: About


def _is_success(status: int | None) -> bool:
    return status is not None and HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES


def _reports_error(answer: str) -> bool:
    """Whether a reply has a message of the type ``error``: to an export hook's, Rossum says, the export fails."""
    try:
        reply = orjson.loads(answer)
    except orjson.JSONDecodeError:
        return False
    messages = reply.get("messages") if isinstance(reply, dict) else None
    return isinstance(messages, list) and any(
        isinstance(message, dict) and message.get("type") == "error" for message in messages
    )


def _renewed(outgoing: Outgoing) -> Outgoing:
    """The same event with another ``request_id``."""
    payload = {**outgoing.payload, "request_id": str(uuid.uuid4())}
    return replace(outgoing, payload=payload, body=orjson.dumps(payload))


class Deliveries:
    """Every webhook that leaves the simulator, and the log of their calls."""

    def __init__(self, state: State, payloads: Payloads, background: Background, clock: SimulatorClock) -> None:
        self.trouble = HookTrouble()
        self._behaviour = payloads.views.behaviour
        self.payloads = payloads
        self.log: deque[Json] = deque(maxlen=LOGS_KEPT)
        self.random = Random(0)  # noqa: S311 - decides which hooks get lost, nothing secret
        self._state = state
        self._background = background
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None

    async def aclose(self) -> None:
        """Close the connections to receivers."""
        if self._session is not None:
            await self._session.close()

    def status_changed(self, row: Annotation, previous: str) -> None:
        """Tell the hooks of the queue about a change of status; returns at once."""
        event = "annotation_status.changed"
        hooks = self._hooks(event, row)
        if hooks:
            self._send_all(hooks, event, self.payloads.status_changed(row, previous), row)

    def initialized(self, row: Annotation) -> None:
        """Tell content hooks that the AI has read the document; returns at once."""
        event = "annotation_content.initialize"
        hooks = self._hooks(event, row)
        if hooks:
            self._send_all(hooks, event, self.payloads.content(row, "importing"), row)

    async def exporting(self, row: Annotation, previous: str) -> bool:
        """Ask the export hooks; true when all took it without a message of an error, so that the export may go on.

        A hook that is lost on its way is not asked, and holds nothing up.
        """
        event = "annotation_content.export"
        hooks = self._hooks(event, row)
        if not hooks:
            return True
        fact = self.payloads.content(row, previous)
        sent = [self._deliver(self._prepare(hook, event, fact, About(row.queue_id, row.id))) for hook in hooks]
        return all(await asyncio.gather(*sent))

    def upload_created(self, upload: Upload, metadata: Json, documents: list[Document]) -> None:
        """Tell hooks about a new upload; returns at once, their answers change nothing."""
        event = "upload.created"
        for hook in self._state.hooks_for(event, upload.queue_id):
            fact = self.payloads.upload_created(upload, metadata, documents)
            self._background.spawn(self._deliver(self._prepare(hook, event, fact, About(upload.queue_id))))

    async def try_once(self, hook: Hook, payload: Json) -> tuple[int | None, str]:
        """Call a hook once, outside of any event; its status (None without an answer) and its answer."""
        return await self._post(hook, orjson.dumps(payload), {})

    def _hooks(self, event: str, row: Annotation) -> list[Hook]:
        return [] if row.instructions.hooks_lost else self._state.hooks_for(event, row.queue_id)

    def _send_all(self, hooks: list[Hook], event: str, fact: Json, row: Annotation) -> None:
        for hook in hooks:
            self._background.spawn(self._deliver(self._prepare(hook, event, fact, About(row.queue_id, row.id))))

    def _prepare(self, hook: Hook, event: str, fact: Json, about: About) -> Outgoing:
        """Freeze the body now: what the event says must not change while it waits."""
        payload = self.payloads.complete(hook, event, fact)
        return Outgoing(hook, event, payload, orjson.dumps(payload), about)

    async def _deliver(self, outgoing: Outgoing) -> bool:
        """Bring one event to its hook through all troubles; whether the hook took it."""
        trouble = self.trouble
        if self.random.random() < trouble.loss:
            return True
        if self.random.random() < trouble.duplicate:
            self._background.spawn(self._attempts(outgoing))
        pause = trouble.delay
        if self.random.random() < trouble.reorder:
            pause += self.random.random() * REORDER_SPREAD
        if pause > 0:
            await asyncio.sleep(pause)
        return await self._attempts(outgoing)

    async def _attempts(self, outgoing: Outgoing) -> bool:
        """Call until it is taken, refused for good, or the retries or the window are used up."""
        config, paused = outgoing.hook.body["config"], 0.0
        for attempt in range(config["retry_count"] + 1):
            if attempt > 0 and self._behaviour.hook_new_request_ids:
                outgoing = _renewed(outgoing)
            status, answer = await self._call(outgoing)
            if _is_success(status):
                return self._is_readable(outgoing, answer) and not _reports_error(answer)
            retried = status is None or status in RETRIED or config["retry_on_any_non_2xx"]
            pause = self._behaviour.hook_pause * 2**attempt
            paused += pause
            if not retried or attempt == config["retry_count"] or paused > RETRY_WINDOW:
                return False
            await asyncio.sleep(pause)
        return False

    def _is_readable(self, outgoing: Outgoing, answer: str) -> bool:
        """Whether a 2xx is taken as one: a content hook may have to answer JSON, or nothing."""
        if not (self._behaviour.hook_json_only and outgoing.event.startswith("annotation_content.") and answer):
            return True
        try:
            orjson.loads(answer)
        except orjson.JSONDecodeError:
            return False
        return True

    async def _call(self, outgoing: Outgoing) -> tuple[int | None, str]:
        """One attempt; status and text of the answer, None without one."""
        extra = {"User-Agent": USER_AGENT, "X-Rossum-Request-ID": outgoing.payload["request_id"]}
        headers = extra if self._behaviour.hook_extra_headers else {}
        entry = self._begin_entry(outgoing)
        status, answer = await self._post(outgoing.hook, outgoing.body, headers)
        self._end_entry(entry, outgoing, status, answer)
        return status, answer

    async def _post(self, hook: Hook, body: bytes, extra: dict[str, str]) -> tuple[int | None, str]:
        """Send a body; status and text of the answer, or None and what went wrong."""
        config = hook.body["config"]
        headers = {"Content-Type": "application/json", **extra}
        if config.get("secret"):
            headers["X-Rossum-Signature-SHA256"] = sign(config["secret"], body)
        try:
            async with self._client().post(
                config["url"],
                data=body,
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=config["timeout_s"] or SHORTEST_TIMEOUT),
                ssl=not config["insecure_ssl"],
                allow_redirects=False,
            ) as response:
                return response.status, await response.text(errors="replace")
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            return None, str(error) or type(error).__name__

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=200)
            self._session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        return self._session

    def _begin_entry(self, outgoing: Outgoing) -> Json:
        """Write the line that ``/hooks/logs`` shows while the call runs."""
        config, started = outgoing.hook.body["config"], iso(self._clock.now())
        name, _, action = outgoing.event.partition(".")
        entry: Json = {
            "timestamp": started,
            "request_id": outgoing.payload["request_id"],
            "event": name,
            "action": action,
            "annotation_id": outgoing.about.annotation_id,
            "organization_id": ORGANIZATION,
            "queue_id": outgoing.about.queue_id,
            "hook_id": outgoing.hook.id,
            "hook_type": outgoing.hook.body["type"],
            "log_level": "INFO",
            "message": "",
            "request": outgoing.body.decode() if config["payload_logging_enabled"] else None,
            "response": None,
            "start": started,
            "end": None,
            "settings": outgoing.hook.body["settings"],
            "status": "running",
            "uuid": outgoing.payload["request_id"],
        }
        self.log.appendleft(entry)
        return entry

    def _end_entry(self, entry: Json, outgoing: Outgoing, status: int | None, answer: str) -> None:
        """Write into the line how the call ended."""
        taken, shown = _is_success(status), outgoing.hook.body["config"]["payload_logging_enabled"]
        entry |= {
            "log_level": "INFO" if taken else "ERROR",
            "message": f"answered {status}" if status is not None else f"no answer: {answer}",
            "response": answer[:_BODY_SHOWN] if shown else None,
            "end": iso(self._clock.now()),
            "status": "completed" if taken else "failed",
        }
