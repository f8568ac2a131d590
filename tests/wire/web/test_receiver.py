"""The webhook port over real HTTP: who gets which answer, and what is stored before it."""

import hashlib
import hmac
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from io import BytesIO
from typing import Any

import aiohttp
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.assembly import verifier
from connector.clock import SystemClock
from connector.domain.ids import QueueId
from connector.domain.messages import Hint, Via, WorkMessage
from connector.errors import KafkaUnavailable
from connector.rossum.hooks import read_hook
from connector.settings import WebhookSettings
from connector.telemetry import Telemetry
from connector.web.receiver import WebhookReceiver
from connector.web.server import listening

QUEUES = frozenset({QueueId(8198)})


class Stored:
    """A work log that keeps what it is given, or fails."""

    def __init__(self) -> None:
        self.messages: list[WorkMessage] = []
        self.away = False

    async def send(self, messages: Iterable[WorkMessage]) -> None:
        """Acknowledge, or say that Kafka is away."""
        if self.away:
            raise KafkaUnavailable
        self.messages.extend(messages)


def hook(status: str = "to_review", queue: int = 8198, **clocks: str) -> bytes:
    """The body of a webhook."""
    base = "https://example.test/api/v1"
    annotation = {"id": 4711, "url": f"{base}/annotations/4711", "queue": f"{base}/queues/{queue}", "status": status}
    return orjson.dumps({"event": "annotation_status", "action": "changed", "annotation": annotation | clocks})


def signed(body: bytes, secret: str = "new") -> dict[str, str]:
    """The header that Rossum adds."""
    return {"X-Rossum-Signature-SHA256": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}


@asynccontextmanager
async def receiving(stored: Stored, **more: Any) -> AsyncIterator[str]:
    """A receiver on a free port; its URL."""
    chosen = WebhookSettings(secrets=("old", "new"), max_body=10_000, **more)
    receiver = WebhookReceiver(
        chosen,
        verify=verifier(chosen),
        read_hook=read_hook,
        work=stored,
        queues=QUEUES,
        telemetry=Telemetry(),
        clock=SystemClock(),
    )
    async with listening(receiver.handle, host="127.0.0.1", port=0) as port:
        yield f"http://127.0.0.1:{port}"


async def ask(url: str, body: Any, headers: dict[str, str], *, method: str = "POST") -> tuple[int, bytes]:
    """One request; status and body of the answer."""
    async with aiohttp.ClientSession() as session, session.request(method, url, data=body, headers=headers) as answer:
        return answer.status, await answer.read()


async def test_a_good_webhook_becomes_a_hint_before_it_is_acknowledged() -> None:
    """Annotation, queue, status and clocks, and nothing else of the body."""
    stored = Stored()
    body = hook("exported", exported_at="2026-03-01T12:00:00.5Z")

    async with receiving(stored) as url:
        status, _ = await ask(url + "/hooks/rossum", body, signed(body))

    assert status == 200
    clocks = {"exported_at": "2026-03-01T12:00:00.500000Z"}
    assert stored.messages == [Hint(4711, Via.WEBHOOK, "exported", 8198, clocks)]  # type: ignore[arg-type] # plain numbers will do


@pytest.mark.parametrize("secret", ["old", "new"])
async def test_every_configured_secret_is_good(secret: str) -> None:
    """While secrets rotate both old and new hooks come through."""
    stored = Stored()

    async with receiving(stored) as url:
        status, _ = await ask(url + "/hooks/rossum", hook(), signed(hook(), secret))

    assert status == 200
    assert len(stored.messages) == 1


@pytest.mark.parametrize(
    ("path", "body", "headers", "method", "expected"),
    [
        ("/hooks/rossum", hook(), {}, "POST", 401),
        ("/hooks/rossum", hook(), signed(hook(), "stolen"), "POST", 401),
        ("/hooks/rossum", hook() + b" ", signed(hook()), "POST", 401),
        ("/hooks/rossum", b"{", signed(b"{"), "POST", 400),
        ("/hooks/rossum", b"[" * 5000, signed(b"[" * 5000), "POST", 400),
        ("/hooks/rossum", b"x" * 20_000, {}, "POST", 413),
        ("/hooks/rossum", hook(), signed(hook()) | {"Content-Encoding": "gzip"}, "POST", 415),
        ("/elsewhere", hook(), signed(hook()), "POST", 404),
        ("/hooks/rossum", None, {}, "GET", 405),
    ],
)
async def test_what_is_refused(
    path: str, body: bytes | None, headers: dict[str, str], method: str, expected: int
) -> None:
    """Each refusal has its status, and none is stored."""
    stored = Stored()

    async with receiving(stored) as url:
        status, answer = await ask(url + path, body, headers, method=method)

    assert status == expected
    assert stored.messages == []
    assert answer == b"" if expected == 401 else b'"detail"' in answer


async def test_an_endless_body_is_cut_off() -> None:
    """Without a declared length the bytes are counted."""

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 1000

    async with receiving(Stored()) as url:
        status, _ = await ask(url + "/hooks/rossum", endless(), {})

    assert status == 413


async def test_nothing_is_acknowledged_without_kafka() -> None:
    """503 with a pause, which Rossum retries; a plain 4xx it would not."""
    stored = Stored()
    stored.away = True

    async with (
        receiving(stored) as url,
        aiohttp.ClientSession() as session,
        session.post(url + "/hooks/rossum", data=BytesIO(hook()), headers=signed(hook())) as answer,
    ):
        assert answer.status == 503
        assert answer.headers["Retry-After"].isdigit()


@pytest.mark.parametrize("body", [hook(queue=9), hook("importing"), orjson.dumps({"event": "email", "action": "x"})])
async def test_what_nobody_asked_for_is_acknowledged_and_dropped(body: bytes) -> None:
    """Other queues, passing statuses, other events."""
    stored = Stored()

    async with receiving(stored) as url:
        status, _ = await ask(url + "/hooks/rossum", body, signed(body))

    assert status == 200
    assert stored.messages == []


async def test_only_allowed_networks_may_send() -> None:
    """An allow-list that leaves this machine out refuses it."""
    async with receiving(Stored(), allowed_networks=("10.0.0.0/8",)) as url:
        status, _ = await ask(url + "/hooks/rossum", hook(), signed(hook()))

    assert status == 403


JSON = st.recursive(st.none() | st.integers(-(2**53), 2**53) | st.text(max_size=5), st.lists).map(orjson.dumps)


@settings(max_examples=60, deadline=None)
@given(body=st.binary(max_size=300) | JSON)
async def test_no_body_breaks_it(body: bytes) -> None:
    """Whatever is signed is answered: accepted or 400, never a failure of ours."""
    async with receiving(Stored()) as url:
        status, _ = await ask(url + "/hooks/rossum", body, signed(body))

    assert status in {200, 400}
