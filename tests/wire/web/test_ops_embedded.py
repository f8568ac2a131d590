"""Embedded mode on the ops port, in front of the real client and the simulator."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from connector import assembly
from connector.clock import Clock, SystemClock
from connector.domain.ids import QueueId
from connector.domain.readings import MARK_KEY
from connector.rossum.client import RossumClient
from connector.rossum.embedding import Embedding
from connector.rossum.transport import ApiCall
from connector.settings import OpsSettings, Settings
from connector.telemetry import Telemetry
from connector.web.embedded import DEADLINE, EmbeddedApi
from connector.web.ops import OpsServer
from connector.web.server import listening
from tests.wire.simulator.simulator_harness import UNREVIEWED, Rossum, eventually, running
from tests.wire.web.test_ops import TOKEN, FakeConnector
from tests.wire.web.web_harness import Answer, ask, request

QUEUES = {"invoices": QueueId(8198), "receipts": QueueId(8199)}


@dataclass
class Embedded:
    """An ops port, and the Rossum behind it."""

    port: int
    rossum: Rossum
    calls: list[ApiCall] = field(default_factory=list)
    on_call: Callable[[], None] = lambda: None

    def heard(self, call: ApiCall) -> None:
        """The client has asked Rossum something."""
        self.calls.append(call)
        self.on_call()

    async def ask(self, line: str, body: bytes = b"", *, token: str | None = TOKEN) -> Answer:
        """The answer to a request with the ops token."""
        headers = [] if token is None else [f"Authorization: Bearer {token}"]
        return await ask(self.port, request(body, *headers, line=f"{line} HTTP/1.1"))

    async def order(self, number: int, **order: Any) -> Answer:
        """The answer to who asks for an embedded URL."""
        return await self.ask(f"POST /v1/annotations/{number}/embedded-url", json.dumps(order).encode())

    async def ready(self, queue: str) -> Any:
        """What is ready."""
        answer = await self.ask(f"GET /v1/queues/{queue}/ready")
        assert answer.status == 200, answer.body
        return json.loads(answer.body)

    async def waiting(self, count: int = 1, queue: int = 8198) -> list[int]:
        """Annotations that wait for a person."""
        return await self.rossum.finished(count, status="to_review", queue=queue)


class StillClock(SystemClock):
    """No time goes by, however slow the machine is."""

    def monotonic(self) -> float:
        """Always the same."""
        return 0.0


@asynccontextmanager
async def embedded(
    *,
    user: dict[str, str] | None = None,
    token: str = "sandbox",
    clock: Clock | None = None,
    deadline: float = DEADLINE,
    most_pages: int | None = None,
) -> AsyncIterator[Embedded]:
    """An ops port that listens, wired like the product's."""
    async with running(replace(UNREVIEWED, queues=(*UNREVIEWED.queues, (8200, "salaries")))) as rossum:
        side = Embedded(0, rossum)
        access = {"base_url": rossum.simulator.base_url, "token": token, "requests_per_second": 0}
        settings = Settings.model_validate({"rossum": access, "embedded": user or {}})
        client = RossumClient(
            assembly.rossum_connection(settings.rossum),
            clock=clock or SystemClock(),
            on_call=side.heard,
            embedded=assembly.embedded_connection(settings),
        )
        async with client:
            short = Embedding(client._session, None, clock=SystemClock(), most_pages=most_pages) if most_pages else None
            api = EmbeddedApi(QUEUES, short or client.embedding, deadline=deadline)
            server = OpsServer(OpsSettings.model_validate({"token": TOKEN}), FakeConnector(), Telemetry(), api)
            async with listening(server.handle, host="127.0.0.1", port=0) as side.port:
                yield side


async def test_a_url_is_made_with_what_was_asked_for() -> None:
    """The answer is not to be kept; where the screen leads and how long its token lives are the application's."""
    async with embedded() as side:
        (number,) = await side.waiting()
        order = {"return_url": "https://app.example.com/done?x=1", "cancel_url": None, "max_token_lifetime_s": 60}
        answer = await side.order(number, **order)
        made = json.loads(answer.body)
        address, _, token = made["url"].partition("#authToken=")
        headers = {"Authorization": f"Bearer {token}"}
        await side.rossum.send("POST", address, json={"action": "open"}, headers=headers)
        _, done = await side.rossum.send("POST", address, json={"action": "confirm"}, headers=headers)
        await side.rossum.post("/sandbox/time", {"shift": 61})
        late, _ = await side.rossum.send("POST", address, json={"action": "open"}, headers=headers)

    assert answer.status == 200
    assert answer.headers["cache-control"] == "no-store"
    assert (made["annotation"], made["status"]) == (number, "to_review")
    assert done["redirect"] == "https://app.example.com/done?x=1"
    assert late == 401


async def test_no_body_is_an_order_too() -> None:
    """Nothing changes in Rossum by a URL; with `start` the review begins."""
    async with embedded() as side:
        (number,) = await side.waiting()
        plain = await side.ask(f"POST /v1/annotations/{number}/embedded-url")
        before = await side.rossum.annotation(number)
        started = await side.order(number, start=True)
        after = await side.rossum.annotation(number)

    assert (plain.status, before["status"]) == (200, "to_review")
    assert (json.loads(started.body)["status"], after["status"]) == ("reviewing", "reviewing")


@pytest.mark.parametrize(("body", "named"), [(b'{"start": 1}', "start"), (b" " * 16_385, "16384")])
async def test_a_wrong_order_is_refused_here(body: bytes, named: str) -> None:
    """The sentence names the part; Rossum is not asked."""
    async with embedded() as side:
        answer = await side.ask("POST /v1/annotations/1/embedded-url", body)

    assert answer.status == 400
    assert named in answer.detail
    assert side.calls == []


async def test_what_rossum_refuses_is_told() -> None:
    """A review that can't begin is a conflict, what is not there is not found, credentials are our trouble."""
    async with embedded() as side, embedded(token="wrong") as other:
        (number,) = await side.rossum.finished(1, status="exported")
        conflict = await side.order(number, start=True)
        missing = await side.order(77)
        odd = await side.ask("POST /v1/annotations/x/embedded-url")
        await side.rossum.fault(method="POST", path="/annotations", action="status:503", times=1)
        failing = await side.order(number)
        refused = await other.order(number)

    assert (conflict.status, missing.status, odd.status, failing.status, refused.status) == (409, 404, 404, 503, 502)
    assert "does not allow" in conflict.detail
    assert failing.headers["retry-after"] == "5"
    assert "ROSSUM__TOKEN" in refused.detail


async def test_urls_are_those_of_the_embedded_user() -> None:
    """Who may set up hooks is often an admin, for whom starting is not: the sentence says which setting helps."""
    user = {"username": "embedded@example.com", "password": "sandbox"}
    async with embedded() as plain, embedded(user=user) as side, embedded(user={"token": "wrong"}) as wrong:
        for one in (plain, side):
            await one.rossum.behave(admin_user=True)
        refused = await plain.order((await plain.waiting())[0], start=True)
        (number,) = await side.waiting()
        started = await side.order(number, start=True)
        annotation = await side.rossum.annotation(number)
        holder = await side.rossum.get(annotation["modifier"])
        unknown = await wrong.order((await wrong.waiting())[0])

    assert (refused.status, started.status, unknown.status) == (502, 200, 502)
    assert holder["username"] == "embedded@example.com"
    assert "EMBEDDED__TOKEN" in refused.detail
    assert "EMBEDDED__TOKEN" in unknown.detail


async def test_what_is_ready_is_told_as_events_tell_it() -> None:
    """By alias or id, with key, import, metadata and file name; other queues and statuses are not there."""
    metadata = {"po": "77", MARK_KEY: {"import_id": "3f0c", "document_key": "po-77"}}
    async with embedded() as side:
        number = await side.rossum.import_one(name="scan.pdf", metadata=metadata)
        await side.rossum.until_status(number, "to_review")
        (other,) = await side.waiting(queue=8199)
        await side.rossum.finished(1, status="postponed")
        by_alias = await side.ready("invoices")
        by_id = await side.ready("8198")
        elsewhere = await side.ready("receipts")

    (one,) = by_alias["ready"]
    assert (by_alias["queue"], by_alias["complete"], by_id["ready"]) == (8198, True, [one])
    assert (one["document_key"], one["import_id"], one["metadata"]) == ("po-77", "3f0c", {"po": "77"})
    assert (one["annotation"]["id"], one["annotation"]["status"]) == (number, "to_review")
    assert one["document"]["file_name"] == "scan.pdf"
    assert [found["document_key"] for found in elsewhere["ready"]] == [f"rossum:{other}"]


async def test_who_polls_shares_the_answer() -> None:
    """Of many questions within a second, at once or one after the other, one reaches Rossum."""
    async with embedded(clock=StillClock()) as side:
        await side.waiting()
        await asyncio.gather(*(side.ready("invoices") for _ in range(5)))
        await side.ready("invoices")

    assert [call.endpoint for call in side.calls] == ["/annotations"]


async def test_a_slow_rossum_is_not_waited_for_and_spoils_nothing() -> None:
    """Who asks gets 503 in time; the reading that went on serves who asks next."""
    async with embedded(clock=StillClock(), deadline=0.5) as side:
        (number,) = await side.waiting()
        await side.rossum.fault(method="GET", path="/annotations", action="delay:2", times=1)
        late = await side.ask("GET /v1/queues/invoices/ready")
        answer = await eventually(lambda: served(side))

    assert (late.status, late.headers["retry-after"]) == (503, "5")
    assert "in time" in late.detail
    assert [one["annotation"]["id"] for one in answer["ready"]] == [number]
    assert len(side.calls) == 1


async def served(side: Embedded) -> Any:
    """What is ready, where that is known by now."""
    answer = await side.ask("GET /v1/queues/invoices/ready")
    return json.loads(answer.body) if answer.status == 200 else None


async def test_no_annotation_that_stays_is_missing_while_others_leave() -> None:
    """Each page that is read makes annotations of the pages before leave: those behind move forward, past it."""
    async with embedded() as side:
        numbers = await side.waiting(350)
        world, leaving = side.rossum.simulator._world, numbers[:60]
        assert world is not None

        def some_leave() -> None:
            for number in leaving[:20]:
                world.lifecycle.move(world.state.annotations[number], "postponed")
            del leaving[:20]

        side.on_call = some_leave
        found = await side.ready("invoices")

    assert found["complete"]
    assert {one["annotation"]["id"] for one in found["ready"]} >= set(numbers[60:])


async def test_a_list_without_end_is_cut() -> None:
    """The oldest are told, and that there are more."""
    async with embedded(most_pages=2) as side:
        numbers = await side.waiting(201)
        found = await side.ready("invoices")

    assert not found["complete"]
    assert [one["annotation"]["id"] for one in found["ready"]] == numbers[:200]
    assert len(side.calls) == 2


@pytest.mark.parametrize("line", ["GET /v1/queues/nobodys/ready", "GET /v1/queues/8200/ready", "GET /v1/queues/8198/x"])
async def test_what_this_deployment_does_not_serve_is_not_found(line: str) -> None:
    """With a sentence, and without asking Rossum."""
    async with embedded() as side:
        answer = await side.ask(line)

    assert (answer.status, side.calls) == (404, [])
    assert "queue" in answer.detail


async def test_annotations_of_other_queues_are_not_opened() -> None:
    """Though the credentials could: Rossum is asked for the queue only, and no review begins."""
    async with embedded() as side:
        (other,) = await side.waiting(queue=8200)
        answers = [await side.order(other, start=start) for start in (False, True)]

    assert [answer.status for answer in answers] == [404, 404]
    assert "queue 8200, which this deployment does not serve: invoices, receipts" in answers[0].detail
    assert {call.endpoint for call in side.calls} == {"/annotations/{id}"}


@pytest.mark.parametrize(
    ("line", "method"), [("POST /v1/queues/invoices/ready", "GET"), ("GET /v1/annotations/1/embedded-url", "POST")]
)
async def test_each_has_one_method(line: str, method: str) -> None:
    """Another is told which is right."""
    async with embedded() as side:
        answer = await side.ask(line)

    assert (answer.status, answer.headers["allow"], side.calls) == (405, method, [])


async def test_both_want_the_ops_token() -> None:
    """Without it Rossum is not asked."""
    async with embedded() as side:
        ready = await side.ask("GET /v1/queues/invoices/ready", token=None)
        url = await side.ask("POST /v1/annotations/1/embedded-url", token="wrong")

    assert (ready.status, url.status, side.calls) == (401, 401, [])
