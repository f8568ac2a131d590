"""The rate limit, the faults that a test may order, and the counters that tell of both."""

import asyncio
import json
import time
from dataclasses import replace
from urllib.parse import urlsplit

import aiohttp
import pytest

from tests.wire.simulator.simulator_harness import UNREVIEWED, HandClock, Rossum, eventually, running

LIST = "/annotations"


async def _answer(rossum: Rossum, path: str = LIST) -> tuple[int, dict[str, str], bytes]:
    async with rossum.http.get(rossum.simulator.base_url + path) as response:
        return response.status, dict(response.headers), await response.read()


async def test_a_sliding_second_takes_so_many() -> None:
    """Of 30 requests at once 10 are taken; the others are told to come again in a second, and no sooner are taken."""
    clock = HandClock()
    async with running(replace(UNREVIEWED, rate_limit=10.0), clock) as rossum:
        early = await _statuses(rossum, 4)
        clock.passed = 0.5
        answers = await asyncio.gather(*(_answer(rossum) for _ in range(26)))
        refused = [(headers["Retry-After"], json.loads(body)) for status, headers, body in answers if status == 429]
        clock.passed = 0.99
        before = await _statuses(rossum, 1)
        clock.passed = 1.0
        after = await _statuses(rossum, 5)
        counted = (await rossum.get("/sandbox/counters"))["GET /annotations"]

    assert early == [200] * 4
    assert [status for status, _, _ in answers].count(200) == 6
    assert refused == [("1", {"detail": "Too many requests"})] * 20
    assert before == [429]
    assert sorted(after) == [200] * 4 + [429]
    assert counted == {"200": 14, "429": 22}


async def _statuses(rossum: Rossum, count: int) -> list[int]:
    """Of so many requests at once."""
    return [status for status, _, _ in await asyncio.gather(*(_answer(rossum) for _ in range(count)))]


async def test_control_is_neither_limited_nor_counted() -> None:
    """Control endpoints need no token, are never refused and do not show in the counters."""
    async with running(replace(UNREVIEWED, rate_limit=1.0)) as rossum:
        for _ in range(5):
            status, _ = await rossum.send("GET", "/sandbox/documents", headers={"Authorization": ""})
            assert status == 200
        counters = await rossum.get("/sandbox/counters")

    assert counters == {}


async def test_requests_are_counted_by_operation() -> None:
    """Ids of the path are replaced; every answer is counted, refusals too."""
    async with running(UNREVIEWED) as rossum:
        (number,) = await rossum.finished(1)
        await rossum.annotation(number)
        await rossum.send("GET", "/annotations/1")
        await rossum.get("/queues/8198/export?page=1")
        await rossum.send("POST", "/uploads/some.pdf?queue=7", data=b"x")
        await rossum.send("GET", "/queues", headers={"Authorization": ""})
        counters = await rossum.get("/sandbox/counters")

    assert counters == {
        "GET /annotations/{id}": {"200": 1, "404": 1},
        "GET /queues": {"401": 1},
        "GET /queues/{id}/export": {"200": 1},
        "POST /uploads/{filename}": {"404": 1},
    }


@pytest.mark.parametrize(
    ("action", "status", "retry_after"),
    [("status:503", 503, None), ("status:401", 401, None), ("retry-after:7", 429, "7")],
)
async def test_a_status_may_be_ordered(action: str, status: int, retry_after: str | None) -> None:
    """The ordered number of requests gets the status with a JSON body and a Date; the next is normal."""
    async with running(UNREVIEWED) as rossum:
        await rossum.fault(method="GET", path="^/annotations$", action=action, times=2)
        answers = [await _answer(rossum) for _ in range(3)]
        other, _, _ = await _answer(rossum, "/queues")
        counters = await rossum.get("/sandbox/counters")

    assert [answer[0] for answer in answers] == [status, status, 200]
    assert answers[0][1].get("Retry-After") == retry_after
    assert "Date" in answers[0][1]
    assert json.loads(answers[0][2])["detail"]
    assert other == 200
    assert counters["GET /annotations"] == {str(status): 2, "200": 1}


@pytest.mark.parametrize(("action", "uploads"), [("drop-before", 0), ("drop-after", 1)])
async def test_a_connection_may_be_dropped(action: str, uploads: int) -> None:
    """drop-before does nothing, drop-after does the work; neither answers, both are counted as dropped."""
    async with running(UNREVIEWED) as rossum:
        await rossum.fault(method="POST", path="/uploads", action=action, times=1)
        with pytest.raises(aiohttp.ClientConnectionError):
            await rossum.upload()
        kept = await rossum.get("/sandbox/documents")
        counters = await rossum.get("/sandbox/counters")

    assert len(kept) == uploads
    assert counters == {"POST /uploads": {"dropped": 1}}


async def test_an_answer_may_be_garbage() -> None:
    """Garbage is a 200 whose body is no JSON."""
    async with running(UNREVIEWED) as rossum:
        await rossum.fault(path=LIST, action="garbage", times=1)
        status, _, body = await _answer(rossum)

    assert status == 200
    with pytest.raises(ValueError, match="Expecting value"):
        json.loads(body)


async def test_an_answer_may_be_cut() -> None:
    """Truncate sends the real head and half of the body, then closes."""
    async with running(UNREVIEWED) as rossum:
        await rossum.fault(path=LIST, action="truncate", times=1)
        with pytest.raises(aiohttp.ClientPayloadError):
            await _answer(rossum)
        status, _, _ = await _answer(rossum)

    assert status == 200


async def test_an_answer_may_come_late_or_slowly() -> None:
    """delay:S waits before the whole answer; drip:N sends its body at N bytes a second."""
    async with running(UNREVIEWED) as rossum:
        whole = await _answer(rossum)
        await rossum.fault(path=LIST, action="delay:0.3", times=1)
        started = time.monotonic()
        late = await _answer(rossum)
        waited = time.monotonic() - started
        await rossum.fault(path=LIST, action="drip:200", times=1)
        started = time.monotonic()
        slow = await _answer(rossum)
        dripped = time.monotonic() - started

    assert late[2] == slow[2] == whole[2]
    assert waited >= 0.3
    assert dripped >= len(whole[2]) / 200 * 0.8


async def test_an_answer_may_have_another_type() -> None:
    """content-type:TYPE is the real answer under another name."""
    async with running(UNREVIEWED) as rossum:
        await rossum.fault(path=LIST, action="content-type:text/html", times=1)
        status, headers, body = await _answer(rossum)

    assert (status, headers["Content-Type"]) == (200, "text/html")
    assert json.loads(body)["results"] == []


async def test_faults_are_counted_when_they_are_met() -> None:
    """An order is no fault yet: what counts is how many requests met it, also when the rest of it is forgotten."""
    async with running(UNREVIEWED) as rossum:
        await rossum.fault(method="POST", path="/uploads", action="drop-after", times=5)
        await rossum.fault(method="GET", path="^/queues", action="status:503", times=2)
        ordered = await rossum.get("/sandbox/faults")
        for _ in range(2):
            with pytest.raises(aiohttp.ClientConnectionError):
                await rossum.upload()
        await _answer(rossum, "/queues")
        await rossum.send("DELETE", "/sandbox/faults")
        await _answer(rossum, "/queues")
        met = await rossum.get("/sandbox/faults")

    assert ordered == {}
    assert met == {"GET /queues": {"status:503": 1}, "POST /uploads": {"drop-after": 2}}


async def test_a_request_that_breaks_off_meets_no_fault() -> None:
    """Who goes away in the middle of an upload had no answer that could be swallowed."""
    async with running(UNREVIEWED) as rossum:
        await rossum.fault(method="POST", path="/uploads", action="drop-after", times=1)
        address = urlsplit(rossum.simulator.base_url)
        _, writer = await asyncio.open_connection(address.hostname, address.port)
        head = "POST /api/v1/uploads?queue=8198 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sandbox\r\n"
        kind = 'Content-Type: multipart/form-data; boundary="b"\r\nContent-Length: 5000\r\n\r\n'
        writer.write((head + kind + "--b\r\n").encode())
        await writer.drain()
        writer.transport.abort()
        await eventually(lambda: _dropped(rossum))
        met = await rossum.get("/sandbox/faults")

    assert met == {}


async def _dropped(rossum: Rossum) -> int:
    counters = await rossum.get("/sandbox/counters")
    return int(counters.get("POST /uploads", {}).get("dropped", 0))


async def test_faults_stay_until_cleared() -> None:
    """Without ``times`` a fault stays until all are cleared."""
    async with running(UNREVIEWED) as rossum:
        await rossum.fault(path=LIST, action="status:500")
        during = [(await _answer(rossum))[0] for _ in range(3)]
        await rossum.send("DELETE", "/sandbox/faults")
        after, _, _ = await _answer(rossum)

    assert during == [500, 500, 500]
    assert after == 200


@pytest.mark.parametrize(
    ("path", "body", "hint"),
    [
        ("faults", {"path": "/", "action": "explode"}, "drop-before"),
        ("faults", {"path": "(", "action": "garbage"}, "regular expression"),
        ("behaviour", {"list_lags": 1}, "list_lag"),
        ("behaviour", {"list_lag": "long"}, "number"),
        ("behaviour", {"null_clocks": 1}, "true or false"),
        ("hooks", {"loss": 2}, "between 0 and 1"),
        ("time", {"shift": "much"}, "number of seconds"),
        ("annotations", {"status": "gone"}, "exported"),
        ("annotations", {"queue": 7}, "8198"),
        ("annotations", {"count": 0}, "whole number"),
        ("annotations", {"from": "then"}, "ISO 8601"),
    ],
)
async def test_wrong_orders_say_what_is_right(path: str, body: dict[str, object], hint: str) -> None:
    """A control request that cannot be followed is a 400 whose text names what can."""
    async with running(UNREVIEWED) as rossum:
        status, errors = await rossum.post(f"/sandbox/{path}", body)

    assert status == 400
    assert hint in str(errors)
