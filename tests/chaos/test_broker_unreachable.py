"""The network to Kafka is gone, first without a word and then with refusals: nothing piles up, nothing is promised."""

import asyncio
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import aiohttp
import pytest

from tests.acceptance.test_broker_away import webhook
from tests.chaos.ending import all_out_once
from tests.support.deployment import deployment, inline
from tests.support.fleet import Berth, Fleet, at_work
from tests.support.kafka_broker import LocalKafka
from tests.support.stalls import HELD_UP, stalls
from tests.support.waiting import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]

QUICK = ("--rate-limit", "0", "--processing", "0.2", "--review", "0.3")
SETTINGS = {"ROSSUM__REQUESTS_PER_SECOND": "0", "IMPORTS__SETTLE": "5s", "IMPORTS__TASK_AFTER": "4s"}
#: Webhooks that come at once, several times: more than may wait for Kafka.
FLOOD = 1_500
#: Seconds until those get their answer that may not even wait; the others wait for 10.
AT_ONCE = 5
#: Webhooks that connect side by side: a connection that has asked nothing for 10 s is hung up on.
AT_THE_DOOR = 100
NO_ROOM = "too many webhooks wait for Kafka"
#: Bytes by which a replica may grow while it can store nothing.
GROWTH = 60_000_000


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for one webhook, and after how many seconds."""

    status: int
    sentence: str
    after: float


async def flood(berth: Berth) -> list[Answer]:
    """So many webhooks at once: their answers, in the order in which they came."""
    loop = asyncio.get_running_loop()
    door = asyncio.Semaphore(AT_THE_DOOR)
    asked: dict[object, float] = {}
    answers: list[Answer] = []

    async def enter(*_: object) -> None:
        await door.acquire()

    async def has_asked(_session: object, context: SimpleNamespace, _event: object) -> None:
        asked[context.trace_request_ctx] = loop.time()
        door.release()

    async def one(annotation: int, body: bytes, headers: dict[str, str]) -> None:
        async with http.post(berth.webhook_url, data=body, headers=headers, trace_request_ctx=annotation) as response:
            after = loop.time() - asked[annotation]
            answers.append(Answer(response.status, (await response.json(content_type=None))["detail"], after))

    trace = aiohttp.TraceConfig()
    trace.on_request_start.append(enter)
    trace.on_request_headers_sent.append(has_asked)
    webhooks = [(number, *webhook(number, berth.world.base_url)) for number in range(9_000_000, 9_000_000 + FLOOD)]
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), trace_configs=[trace]) as http:
        await asyncio.gather(*(one(*each) for each in webhooks))
    return answers


async def health(berth: Berth) -> tuple[int, int]:
    """Liveness and readiness."""
    return await berth.status("/livez"), await berth.status("/readyz")


async def test_nothing_piles_up_while_kafka_is_unreachable(
    own_kafka: Callable[..., LocalKafka], tmp_path: Path
) -> None:
    """Webhooks get 503, memory stays, the process is alive but not ready; afterwards everything comes out once."""
    broker = own_kafka(doors=1)
    deploying = deployment(broker.bootstrap_servers, "gone", tmp_path, simulator=QUICK, **SETTINGS)
    async with at_work(deploying, 1, doors=broker.doors) as alone:
        world, berth = alone.world, alone[0]
        assert berth.kafka is not None
        await world.announce([inline(number) for number in range(80)])
        await eventually(lambda: len(world.reader.named("import.accepted")) > 10, within=30)
        size = await berth.metric("process_resident_memory_bytes")

        berth.kafka.hold()
        with stalls() as felt:
            silent = await flood(berth)
        await eventually(lambda: _is(alone, (200, 503)), within=60)
        berth.kafka.release()
        await berth.kafka.down()
        refused = await flood(berth)
        await eventually(lambda: _is(alone, (200, 503)), within=60)
        growth = await berth.metric("process_resident_memory_bytes") - size
        await berth.kafka.up()

        turned_away = [answer.after for answer in silent if answer.sentence == NO_ROOM]
        sys.stdout.write(
            f"silent={len(silent)} turned_away={len(turned_away)} the slowest after {max(turned_away, default=0):.2f}s "
            f"refused={len(refused)} longest_stall={felt.longest:.2f}s growth={growth / 1e6:.0f}MB\n"
        )
        assert {answer.status for answer in [*silent, *refused]} == {503}
        # Before anybody who waits has had an answer.
        assert silent[0].sentence == NO_ROOM
        assert min(turned_away) < AT_ONCE or felt.longest > HELD_UP
        assert growth < GROWTH
        await berth.ready(within=60)
        await all_out_once(alone, 80)


async def _is(alone: Fleet, wanted: tuple[int, int]) -> bool:
    return await health(alone[0]) == wanted
