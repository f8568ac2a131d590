"""The network to Kafka is gone, first without a word and then with refusals: nothing piles up, nothing is promised."""

import asyncio
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest

from tests.acceptance.test_broker_away import webhook
from tests.chaos.ending import all_out_once
from tests.support.deployment import deployment, inline
from tests.support.fleet import Berth, Fleet, at_work
from tests.support.kafka_broker import LocalKafka
from tests.support.waiting import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(240)]

QUICK = ("--rate-limit", "0", "--processing", "0.2", "--review", "0.3")
SETTINGS = {"ROSSUM__REQUESTS_PER_SECOND": "0", "IMPORTS__SETTLE": "5s", "IMPORTS__TASK_AFTER": "4s"}
#: Webhooks that come at once, several times: more than may wait for Kafka.
FLOOD = 1_500
#: Seconds until those get their answer that may not even wait.
AT_ONCE = 5
#: Bytes by which a replica may grow while it can store nothing.
GROWTH = 60_000_000


async def flood(berth: Berth) -> tuple[Counter[int], float]:
    """So many webhooks at once: their answers, and the time of the first one in seconds."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    first: list[float] = []

    async def one(annotation: int) -> int:
        body, headers = webhook(annotation, berth.world.base_url)
        async with http.post(berth.webhook_url, data=body, headers=headers) as response:
            first.append(loop.time() - began)
            return response.status

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        answers = await asyncio.gather(*(one(9_000_000 + number) for number in range(FLOOD)))
    return Counter(answers), min(first)


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
        silent, first = await flood(berth)
        await eventually(lambda: _is(alone, (200, 503)), within=60)
        berth.kafka.release()
        await berth.kafka.down()
        refused, _ = await flood(berth)
        ill = await health(berth)
        growth = await berth.metric("process_resident_memory_bytes") - size
        await berth.kafka.up()

        sys.stdout.write(
            f"silent={dict(silent)} first_answer={first:.2f}s refused={dict(refused)} growth={growth / 1e6:.0f}MB\n"
        )
        assert set(silent) == set(refused) == {503}
        assert first < AT_ONCE
        assert ill == (200, 503)
        assert growth < GROWTH
        await berth.ready(within=60)
        await all_out_once(alone, 80)


async def _is(alone: Fleet, wanted: tuple[int, int]) -> bool:
    return await health(alone[0]) == wanted
