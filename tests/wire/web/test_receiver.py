"""The webhook port answers 2xx for what Kafka has, and tells everybody else what is wrong."""

import asyncio
import gzip
import json
from email.utils import parsedate_to_datetime

import pytest

from connector.domain.ids import AnnotationId, QueueId
from connector.domain.messages import Hint, Via
from connector.web.receiver import WAITING_LIMIT
from tests.support.waiting import eventually
from tests.wire.web.web_harness import (
    PATH,
    answer_of,
    ask,
    connection,
    is_closed,
    request,
    signature,
    status_body,
    unavailable,
    webhook_port,
)

#: Seconds by which the `Date` of an answer may be off on a busy machine.
LATE = 60.0


async def test_a_genuine_webhook_becomes_a_hint() -> None:
    """It is acknowledged, and all that is kept of it is which annotation to look at."""
    async with webhook_port() as port:
        answer = await port.post(status_body(4711))

        assert (answer.status, answer.body) == (200, b"{}")
        clocks = {"exported_at": "2026-01-31T12:00:00.000000Z"}
        assert port.work.taken == [Hint(AnnotationId(4711), Via.WEBHOOK, "exported", QueueId(8198), clocks)]
        assert port.counted("accepted") == 1


async def test_a_connection_takes_one_webhook_after_the_other() -> None:
    """Two that come together get an answer each, in order, with the time of day, and the connection stays open."""
    async with webhook_port() as port, connection(port.port) as (reader, writer):
        first, second = status_body(1), status_body(2)
        writer.write(request(first, signature(first)) + request(second, signature(second)))
        answers = [await answer_of(reader), await answer_of(reader)]
        writer.write(request(first, signature(first)))
        answers.append(await answer_of(reader))

        assert [(answer.status, answer.body) for answer in answers] == [(200, b"{}")] * 3
        assert all(answer.headers["content-type"] == "application/json" for answer in answers)
        made = parsedate_to_datetime(answers[0].headers["date"])
        assert abs((port.clock.now() - made).total_seconds()) < LATE


@pytest.mark.parametrize(("line", "header"), [("HTTP/1.1", "Connection: close"), ("HTTP/1.0", "Accept: */*")])
async def test_who_wants_no_further_answer_is_hung_up_on(line: str, header: str) -> None:
    """Closed right after the answer, as the sender has asked."""
    async with webhook_port() as port, connection(port.port) as (reader, writer):
        body = status_body()
        writer.write(request(body, signature(body), header, line=f"POST {PATH} {line}"))
        answer = await answer_of(reader)

        assert (answer.status, answer.body) == (200, b"{}")
        assert await is_closed(reader)


async def test_nothing_is_acknowledged_before_kafka_has_it() -> None:
    """While the log has not answered, neither does the port."""
    async with webhook_port() as port:
        port.work.gate = asyncio.Event()
        asked = asyncio.create_task(port.post(status_body()))
        await eventually(lambda: port.work.waiting == 1)
        answered_early = asked.done()

        port.work.gate.set()
        answer = await asked

        assert not answered_early
        assert answer.status == 200


async def test_without_kafka_the_webhook_is_sent_back() -> None:
    """503 makes Rossum send it again."""
    async with webhook_port() as port:
        port.work.failure = unavailable()

        answer = await port.post(status_body())

        assert (answer.status, answer.headers["retry-after"]) == (503, "2")
        assert "Kafka" in answer.detail
        assert port.counted("unavailable") == 1


async def test_a_log_that_never_answers_is_not_waited_for() -> None:
    """Within the deadline Rossum is told to come again."""
    async with webhook_port(deadline=0.2) as port:
        port.work.gate = asyncio.Event()

        answer = await port.post(status_body())

        assert answer.status == 503
        assert port.counted("unavailable") == 1


async def test_not_more_than_a_bounded_number_waits_for_kafka() -> None:
    """The next is sent back at once, and taken when there is room again."""
    async with webhook_port() as port:
        port.receiver._waiting = WAITING_LIMIT
        refused = await port.post(status_body())
        port.receiver._waiting = WAITING_LIMIT - 1

        taken = await port.post(status_body())

        assert (refused.status, taken.status) == (503, 200)
        assert port.receiver._waiting == WAITING_LIMIT - 1


async def test_a_defect_is_answered_so_that_rossum_comes_again() -> None:
    """It is counted, and its text stays here."""
    async with webhook_port() as port:
        port.work.failure = RuntimeError("what nobody should read")

        answer = await port.post(status_body())

        assert answer.status == 500
        assert b"nobody" not in answer.body
        assert port.counted("failed") == 1


@pytest.mark.parametrize(
    "headers",
    [
        [],
        ["X-Rossum-Signature-SHA256: sha256=" + "0" * 64],
        [signature(status_body(), "the secret of another hook")],
        [signature(b"another body")],
        [signature(status_body()).replace("sha256=", "sha1=")],
        ["X-Rossum-Signature-SHA256: \udcff\udcfe"],
    ],
    ids=["absent", "zeros", "other secret", "other body", "other algorithm", "no text"],
)
async def test_a_forged_webhook_is_turned_away(headers: list[str]) -> None:
    """With an empty answer, and nothing reaches Kafka."""
    async with webhook_port() as port:
        answer = await ask(port.port, request(status_body(), *headers))

        assert (answer.status, answer.body) == (401, b"")
        assert port.work.taken == []
        assert port.counted("forged") == 1


async def test_every_configured_secret_is_good() -> None:
    """While secrets are rotated, hooks sign with either."""
    async with webhook_port(secrets=("old", "new")) as port:
        answers = [await port.post(status_body(), secret=secret) for secret in ("old", "new", "gone")]

        assert [answer.status for answer in answers] == [200, 200, 401]


@pytest.mark.parametrize(
    "body",
    [b"", b"rubbish", b"\xff\xfe", b"[]", b"{}", b'{"event": 1}', b'{"a":' * 5000 + b"1" + b"}" * 5000],
    ids=["empty", "rubbish", "no text", "no object", "no event", "event is no name", "deep"],
)
async def test_a_body_that_cannot_be_read_is_refused(body: bytes) -> None:
    """Signed or not, rubbish is not worth a repetition."""
    async with webhook_port() as port:
        answer = await port.post(body)

        assert answer.status == 400
        assert answer.detail
        assert port.counted("unreadable") == 1


@pytest.mark.parametrize(
    "body",
    [
        status_body(status="reviewing"),
        json.dumps({"event": "annotation_content", "action": "updated"}).encode(),
        json.dumps({"event": "invocation", "action": "scheduled"}).encode(),
    ],
    ids=["passing status", "content", "other event"],
)
async def test_what_nobody_asked_for_is_acknowledged_and_dropped(body: bytes) -> None:
    """Rossum need not send it again."""
    async with webhook_port() as port:
        answer = await port.post(body)

        assert answer.status == 200
        assert port.work.taken == []
        assert port.counted("dropped") == 1


async def test_a_content_event_becomes_a_hint() -> None:
    """Of a hook that somebody has subscribed to it; the captured values in it go nowhere."""
    shown = json.loads(status_body(4711, status="to_review")) | {"event": "annotation_content", "action": "initialize"}
    shown["annotation"] |= {"exported_at": None, "content": [{"schema_id": "amount", "value": "18 492.48"}]}
    async with webhook_port() as port:
        answer = await port.post(json.dumps(shown).encode())

        assert answer.status == 200
        assert port.work.taken == [Hint(AnnotationId(4711), Via.WEBHOOK, "to_review", QueueId(8198))]


async def test_queues_that_nobody_configured_are_counted_apart() -> None:
    """A hook that is set up for the wrong queues can be seen."""
    async with webhook_port() as port:
        answer = await port.post(status_body(queue=1))

        assert answer.status == 200
        assert port.work.taken == []
        assert port.counted("other_queue") == 1


async def test_only_the_path_of_webhooks_is_served() -> None:
    """Anything else is not there, whatever the method."""
    async with webhook_port() as port:
        lines = [f"POST {PATH}/ HTTP/1.1", "POST / HTTP/1.1", "GET /metrics HTTP/1.1"]
        answers = [await ask(port.port, request(b"", line=line)) for line in lines]

        assert [answer.status for answer in answers] == [404, 404, 404]


async def test_webhooks_are_posted() -> None:
    """Another method is told which is right."""
    async with webhook_port() as port:
        answer = await ask(port.port, request(b"", line=f"GET {PATH} HTTP/1.1"))

        assert (answer.status, answer.headers["allow"]) == (405, "POST")


async def test_the_path_is_a_setting() -> None:
    """The old one is gone then."""
    async with webhook_port(path="/in") as port:
        body = status_body()
        answers = [
            await ask(port.port, request(body, signature(body), line=f"POST {path} HTTP/1.1")) for path in ("/in", PATH)
        ]

        assert [answer.status for answer in answers] == [200, 404]


async def test_compressed_bodies_are_refused() -> None:
    """A signature is of bytes, and a bomb is small when packed."""
    async with webhook_port() as port:
        answer = await port.post(gzip.compress(status_body()), "Content-Encoding: gzip")
        plain = await port.post(status_body(), "Content-Encoding: Identity")

        assert (answer.status, plain.status) == (415, 200)
        assert len(port.work.taken) == 1


@pytest.mark.parametrize(("network", "status"), [("127.0.0.0/8", 200), ("10.0.0.0/8", 403), ("::1/128", 403)])
async def test_only_allowed_networks_may_send(network: str, status: int) -> None:
    """Where some are named, everybody else is turned away before a byte of the body is read."""
    async with webhook_port(allowed_networks=("192.0.2.0/24", network)) as port:
        answer = await port.post(status_body())

        assert answer.status == status
        assert port.counted("not_allowed") == (status == 403)


async def test_a_replayed_webhook_is_a_hint_like_any_other() -> None:
    """A hint decides nothing, so a second one does no harm and is not refused."""
    async with webhook_port() as port:
        answers = [await port.post(status_body()) for _ in range(3)]

        assert [answer.status for answer in answers] == [200, 200, 200]
        assert len(port.work.taken) == 3
