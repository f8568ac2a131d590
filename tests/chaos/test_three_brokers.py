"""One of three brokers goes, the one that coordinates included: the others go on, and nothing is lost or doubled."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from tests.chaos.ending import all_out_once
from tests.support.deployment import DEFAULT_PARTITIONS, Deployment, deployment, inline
from tests.support.fleet import at_work
from tests.support.kafka_broker import LocalKafka
from tests.support.kafka_cluster import LocalCluster
from tests.support.stalls import HELD_UP, stalls
from tests.support.waiting import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]

QUICK = ("--rate-limit", "0", "--processing", "0.2", "--review", "0.3")
SETTINGS = {"ROSSUM__REQUESTS_PER_SECOND": "0", "IMPORTS__SETTLE": "5s", "IMPORTS__TASK_AFTER": "4s"}
#: Seconds for which no work may stand still when one of three brokers has gone and the others take records again: in
#: any case, and on a machine that does not stand still itself.
IN_ANY_CASE, NO_LONGER_THAN = 90.0, 30.0
#: Documents announced before and after each of them goes.
AT_ONCE = 30
GROUP, TRANSACTION = 0, 1


class Wait(NamedTuple):
    """Seconds until Kafka took what was announced when a broker had gone, and then until all was captured.

    Attributes:
        stall: The longest for which the machine had no time for us meanwhile.
    """

    kafka: float
    work: float
    stall: float


async def coordinator(world: Deployment, kind: int) -> int:
    """The node that coordinates the owners' group, or the transactions of partition 0."""
    group = world.settings["CONNECTOR_KAFKA__GROUP_ID"]
    admin = AIOKafkaAdminClient(bootstrap_servers=world.bootstrap)
    await admin.start()
    try:
        name = group if kind == GROUP else f"rossum-kafka-connector.{group}.0"
        return int(await admin.find_coordinator(name, kind))
    finally:
        await admin.close()


async def test_any_of_three_brokers_may_go(kafka_cluster: LocalCluster, tmp_path: Path) -> None:
    """Killed or stopped, coordinator of group or transactions: work goes on within 30 s without it.

    They count from when Kafka itself goes on, which on a busy machine may take as long for want of replicas in step;
    where the machine stood still meanwhile, work may take three times as long.
    """
    loop = asyncio.get_running_loop()
    going: list[tuple[int, Callable[[LocalKafka], None]]] = [
        (GROUP, LocalKafka.kill),
        (TRANSACTION, LocalKafka.kill),
        (GROUP, LocalKafka.stop),
    ]
    waits: list[Wait] = []
    settings = SETTINGS | DEFAULT_PARTITIONS
    deploying = deployment(kafka_cluster.bootstrap_servers, "three", tmp_path, simulator=QUICK, **settings)
    async with at_work(deploying, 2) as both:
        world = both.world
        for number, (kind, end) in enumerate(going):
            first = number * 2 * AT_ONCE
            await world.announce([inline(one) for one in range(first, first + AT_ONCE)])
            node = kafka_cluster.nodes[await coordinator(world, kind)]
            await asyncio.to_thread(end, node)
            gone_at = loop.time()
            with stalls() as felt:
                await world.announce([inline(one) for one in range(first + AT_ONCE, first + 2 * AT_ONCE)])
                taken_at = loop.time()
                wanted = first + 2 * AT_ONCE
                await eventually(lambda: len(world.reader.captured()) >= wanted, within=IN_ANY_CASE)  # noqa: B023 - awaited here
            waits.append(Wait(round(taken_at - gone_at, 1), round(loop.time() - taken_at, 1), round(felt.longest, 2)))
            await asyncio.to_thread(node.start)

        sys.stdout.write(f"{waits}\n")
        await all_out_once(both, len(going) * 2 * AT_ONCE)
        assert [wait for wait in waits if wait.stall < HELD_UP and wait.work > NO_LONGER_THAN] == []
