"""Strangers may send what they like: they get their answer, and webhooks go on coming in."""

import asyncio
import json
import random
from contextlib import AsyncExitStack
from statistics import median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.web.receiver import LARGE_BODIES, SMALL_BODY
from tests.support.waiting import eventually
from tests.wire.web.web_harness import (
    PATH,
    PATIENCE,
    Answer,
    WebhookPort,
    answer_of,
    ask,
    connection,
    is_closed,
    request,
    signature,
    status_body,
    webhook_port,
)

SLOW_SOCKETS = 200
#: Seconds for most of the good webhooks; for any of them it is `PATIENCE`, since other work may stall the machine.
GOOD_WEBHOOK_WITHIN = 1.0
#: Seconds for slow senders, so that whoever waits for them is out of patience before they are sent away.
SLOW_SENDERS_HAVE = 6 * PATIENCE


async def test_a_body_that_says_it_is_too_large_is_not_read() -> None:
    """The answer comes although no byte of it was sent, and the connection ends."""
    async with webhook_port(max_body=1000) as port, connection(port.port) as (reader, writer):
        writer.write(request(b"", length=1001))

        answer = await answer_of(reader)

        assert (answer.status, answer.headers["connection"]) == (413, "close")
        assert "1000 bytes" in answer.detail
        assert port.counted("too_large") == 1


async def test_a_body_without_a_length_is_counted() -> None:
    """An endless one ends where the limit is."""
    async with webhook_port(max_body=1000) as port, connection(port.port) as (reader, writer):
        writer.write(request(b"", "Transfer-Encoding: chunked", length=-1))
        for _ in range(11):
            writer.write(b"64\r\n" + b"x" * 100 + b"\r\n")

        answer = await answer_of(reader)

        assert answer.status == 413
        assert port.counted("too_large") == 1


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_of_just_the_largest_size_is_taken(*, chunked: bool) -> None:
    """The limit itself is allowed, in one piece or many."""
    body = status_body(padding=100_000)
    async with webhook_port(max_body=len(body)) as port:
        framed = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        whole = request(framed, signature(body), "Transfer-Encoding: chunked", length=-1) if chunked else None

        answer = await ask(port.port, whole or request(body, signature(body)))

        assert answer.status == 200
        assert port.receiver._large == 0


async def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    """The sender is told that it was too slow, and the connection ends."""
    async with webhook_port(deadline=0.2) as port, connection(port.port) as (reader, writer):
        writer.write(request(b"{", length=100))

        answer = await answer_of(reader)

        assert (answer.status, answer.headers["connection"]) == (408, "close")
        assert port.counted("slow") == 1


@pytest.mark.parametrize("sent", [b"", f"POST {PATH} HTTP/1.1\r\nHost: conn".encode()])
async def test_a_connection_that_asks_nothing_is_closed(sent: bytes) -> None:
    """Open sockets are few; one that never ends its headers may not keep its own."""
    async with webhook_port(headers_within=0.2) as port, connection(port.port) as (reader, writer):
        writer.write(sent)

        assert await is_closed(reader)


async def test_a_connection_that_has_asked_is_kept() -> None:
    """The limit for the first headers does not end it later, in the middle of a request."""
    body = status_body()
    async with webhook_port(headers_within=0.1) as port, connection(port.port) as (reader, writer):
        writer.write(request(body, signature(body))[:-1])
        loop = asyncio.get_running_loop()
        late = loop.time() + 0.3
        await eventually(lambda: loop.time() > late)
        writer.write(body[-1:])

        assert (await answer_of(reader)).status == 200


async def test_a_sender_that_hangs_up_within_the_body_is_counted() -> None:
    """It is no defect."""
    async with webhook_port() as port:
        async with connection(port.port) as (_, writer):
            writer.write(request(b"{", length=100))
            await eventually(lambda: port.clock.asked)

        await eventually(lambda: port.counted("cut_off") == 1)

        assert port.counted("failed") == 0


async def test_slow_senders_do_not_hold_up_webhooks() -> None:
    """With many connections that stop in the headers or in the body, good webhooks are taken as ever."""
    have = SLOW_SENDERS_HAVE
    async with webhook_port(deadline=have, headers_within=have) as port, AsyncExitStack() as stack:
        half = request(b"{", length=100)
        for number in range(SLOW_SOCKETS):
            _, writer = await stack.enter_async_context(connection(port.port))
            writer.write(half if number % 2 else half[:40])
        await eventually(lambda: port.clock.asked == SLOW_SOCKETS // 2, within=PATIENCE)

        seconds = [await _seconds_of_a_webhook(port) for _ in range(50)]

        assert len(port.work.taken) == 50
        assert median(seconds) < GOOD_WEBHOOK_WITHIN


async def test_long_bodies_have_limited_room_together() -> None:
    """Unsigned megabytes cannot fill the memory; short webhooks are taken meanwhile, long ones again afterwards."""
    long_body = b"x" * 1_900_000
    async with webhook_port() as port:
        async with AsyncExitStack() as stack:
            readers = []
            for _ in range(LARGE_BODIES // len(long_body) + 1):
                reader, writer = await stack.enter_async_context(connection(port.port))
                writer.write(request(long_body, length=len(long_body) + 1))
                readers.append(reader)
            await eventually(lambda: port.counted("unavailable") == 1)

            held = port.receiver._large
            short = await port.post(status_body(padding=SMALL_BODY // 2))

        await eventually(lambda: port.receiver._large == 0)
        after = await port.post(status_body(padding=SMALL_BODY * 4))
        assert LARGE_BODIES - len(long_body) < held <= LARGE_BODIES
        assert (short.status, after.status) == (200, 200)


async def test_a_refused_long_body_gives_its_room_back() -> None:
    """One that is too large, forged or unreadable leaves nothing behind."""
    body = b"x" * SMALL_BODY * 3
    async with webhook_port(max_body=SMALL_BODY * 4) as port:
        answers = [
            await ask(port.port, request(body)),
            await port.post(body),
            await ask(port.port, _chunked(body * 2)),
        ]

        assert [answer.status for answer in answers] == [401, 400, 413]
        assert port.receiver._large == 0


async def test_mutilated_requests_never_reach_a_defect() -> None:
    """Whatever a stranger changes about a request, it is told off, or waits in vain; nothing of it is stored."""
    chance = random.Random(20260131)  # noqa: S311 - to repeat, not to hide
    async with webhook_port(deadline=0.3) as port:
        mutants = [_mutilated(chance) for _ in range(150)]
        answers = await asyncio.gather(*(_answered(port.port, mutant) for mutant in mutants))
        good = await port.post(status_body())

        statuses = {answer.status for answer in answers if answer is not None}
        assert statuses <= {200, 400, 401, 404, 405, 408, 413, 415}
        assert {400, 401} <= statuses
        assert port.counted("failed") == 0
        assert good.status == 200


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
ANNOTATIONS = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("id", "url", "queue", "status", "exported_at", "arrived_at", "modified_at"), JSON)
)
HOOKS = st.fixed_dictionaries(
    {"event": st.sampled_from(["annotation_status", "annotation_content", "upload"]) | JSON},
    optional={
        "action": st.just("created") | JSON,
        "annotation": ANNOTATIONS | JSON,
        "files": st.lists(ANNOTATIONS | JSON, max_size=3) | JSON,
        "timestamp": st.text(max_size=30) | JSON,
    },
)
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(["Content-Encoding", "Content-Type", "Expect", "X-Elis-Signature", "X-Rossum-Signature-SHA256"])
        | st.from_regex(r"\A[A-Za-z-]{1,12}\Z"),
        st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=20),
    ),
    max_size=3,
)


async def test_no_signed_body_is_a_defect() -> None:
    """Whatever is in a genuine webhook, it is taken, dropped or unreadable."""
    async with webhook_port() as port:
        found = await _statuses(port, HOOKS.map(lambda hook: json.dumps(hook).encode()) | st.binary(max_size=60))

        assert found <= {200, 400}
        assert port.counted("failed") == 0


async def test_no_header_is_a_defect() -> None:
    """Whatever is in the headers, it is an answer that says what is wrong."""
    body = status_body()
    async with webhook_port() as port:
        requests = HEADERS.map(lambda pairs: request(body, *(f"{name}: {value}" for name, value in pairs)))
        found = await _statuses(port, requests, signed=False)

        assert found <= {400, 401, 415}
        assert port.counted("failed") == 0


async def _statuses(port: WebhookPort, examples: st.SearchStrategy[bytes], *, signed: bool = True) -> set[int]:
    """The statuses of the answers to many examples, which are bodies to be signed or whole requests."""
    drawn: list[bytes] = []

    @settings(max_examples=150, deadline=None, database=None, derandomize=True)
    @given(examples)
    def draw(example: bytes) -> None:
        drawn.append(example)

    draw()
    return {(await (port.post(one) if signed else ask(port.port, one))).status for one in drawn}


async def test_after_a_refusal_in_mid_body_the_connection_ends() -> None:
    """What follows on it can't be told from the rest of the body."""
    async with webhook_port(max_body=1000) as port, connection(port.port) as (reader, writer):
        writer.write(request(b"x" * 1001))

        answer = await answer_of(reader)

        assert answer.status == 413
        assert await is_closed(reader)


async def _seconds_of_a_webhook(port: WebhookPort) -> float:
    """How long it took; it fails where that is longer than `PATIENCE`."""
    clock = asyncio.get_running_loop().time
    started = clock()
    answer = await port.post(status_body())
    assert answer.status == 200
    return clock() - started


def _chunked(body: bytes) -> bytes:
    return request(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body), "Transfer-Encoding: chunked", length=-1)


def _mutilated(chance: random.Random) -> bytes:
    """A good request with bytes changed, cut out or doubled."""
    body = status_body()
    mutant = bytearray(request(body, signature(body)))
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(mutant))
        match chance.randrange(3):
            case 0:
                mutant[at] = chance.randrange(256)
            case 1:
                del mutant[at : at + chance.randint(1, 8)]
            case _:
                mutant[at:at] = mutant[at : at + chance.randint(1, 8)]
    return bytes(mutant)


async def _answered(port: int, data: bytes) -> Answer | None:
    """The answer, if there is one before patience ends: a request that goes on for ever has none."""
    async with connection(port) as (reader, writer):
        writer.write(data)
        try:
            async with asyncio.timeout(PATIENCE / 5):
                return await answer_of(reader)
        except (TimeoutError, asyncio.IncompleteReadError, ConnectionError):
            return None
