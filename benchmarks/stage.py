"""A whole deployment to measure: topics, simulator and connector as processes, and a reader that notes when."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from aiokafka import AIOKafkaConsumer, TopicPartition

from benchmarks.broker import Topics, topics
from connector.clock import SystemClock
from connector.contracts.catalogue import TopicRole
from connector.kafka.topics import PUBLIC_PARTITIONS
from tests.support.deployment import QUEUE, SECRET, TOKEN, Deployment, Process, spawn
from tests.support.kafka_settings import free_ports
from tests.support.reader import Reader

#: Seconds without progress after which a benchmark gives up.
PATIENCE = 30.0
CLOCK = SystemClock()


@dataclass(slots=True)
class Arrivals:
    """When events came out, for a `read_committed` reader that reads all along.

    Attributes:
        event: The ending of the types that count; empty for all.
        at: Seconds (monotonic) by record key; the first time where a key comes twice.
        count: Of all events, repeated ones too.
    """

    event: str = ""
    at: dict[str, float] = field(default_factory=dict)
    count: int = 0

    async def read(self, consumer: AIOKafkaConsumer) -> None:
        """Note what comes, until cancelled."""
        while True:
            for records in (await consumer.getmany(timeout_ms=1000)).values():
                now = CLOCK.monotonic()
                meant = [record for record in records if self._counts(record.headers)]
                self.count += len(meant)
                for record in meant:
                    self.at.setdefault(record.key.decode(), now)

    def _counts(self, headers: Sequence[tuple[str, bytes]]) -> bool:
        return dict(headers).get("ce_type", b"").decode().endswith(self.event)

    async def until(self, wanted: int) -> None:
        """Return when that many have come, or when nothing has come for a long time."""
        await progress(lambda: len(self.at), wanted)


async def progress(count: Callable[[], int], wanted: int) -> None:
    """Return when `count` has reached `wanted`, or has not moved for `PATIENCE` seconds."""
    seen, since = count(), CLOCK.monotonic()
    while seen < wanted and CLOCK.monotonic() - since < PATIENCE:
        await asyncio.sleep(0.05)
        if (now := count()) != seen:
            seen, since = now, CLOCK.monotonic()


@dataclass(frozen=True, slots=True)
class Stage:
    """What a benchmark drives."""

    deployment: Deployment
    topics: Topics
    captured: Arrivals


@asynccontextmanager
async def stage(bootstrap: str, *simulator: str, **settings: str) -> AsyncIterator[Stage]:
    """Simulator, topics and reader; the connector is started by the benchmark, with the product's defaults.

    Args:
        bootstrap: The broker.
        simulator: Options of the `simulator` command.
        settings: Of the connector, without `CONNECTOR_`.
    """
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        ours = await stack.enter_async_context(topics(bootstrap))
        command = ["-m", "connector.cli.main", "simulator", "--port", "0", *simulator]
        process = await spawn(command, folder / "simulator.log", {}, stack)
        assert process.process.stdout is not None
        base_url = (await process.process.stdout.readline()).decode().strip()
        environment = {
            "CONNECTOR_KAFKA__BOOTSTRAP_SERVERS": bootstrap,
            "CONNECTOR_KAFKA__TOPIC_PREFIX": ours.prefix,
            "CONNECTOR_KAFKA__GROUP_ID": ours.names.group,
            "CONNECTOR_ROSSUM__BASE_URL": base_url,
            "CONNECTOR_ROSSUM__TOKEN": TOKEN,
            "CONNECTOR_ROSSUM__QUEUES": f'{{"invoices": {QUEUE}}}',
            "CONNECTOR_ROSSUM__DEFAULT_QUEUE": "invoices",
            "CONNECTOR_WEBHOOK__HOST": "127.0.0.1",
            "CONNECTOR_WEBHOOK__SECRETS": f'["{SECRET}"]',
            "CONNECTOR_OPS__HOST": "127.0.0.1",
            **{f"CONNECTOR_{name}": value for name, value in settings.items()},
        }
        http = await stack.enter_async_context(aiohttp.ClientSession())
        reader = Reader(bootstrap, ours.prefix)  # not started: the one below is cheaper and notes the time
        deployment = Deployment(bootstrap, ours.prefix, base_url, folder, http, reader, environment, stack)
        yield Stage(deployment, ours, await stack.enter_async_context(reading(ours, TopicRole.CAPTURED)))


async def start_watched(on: Stage) -> Process:
    """A replica whose hook is there, and watched as in production: its calls count like all others."""
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}/hooks/rossum"
    replica = await on.deployment.start_replica(WEBHOOK__PORT=str(port), WEBHOOK__PUBLIC_URL=url)
    await on.deployment.add_hook(url)
    return replica


@asynccontextmanager
async def reading(ours: Topics, role: TopicRole, event: str = "") -> AsyncIterator[Arrivals]:
    """A reader of a public topic that notes when events of that type came."""
    topic = ours.names.topics[role]
    consumer: AIOKafkaConsumer = ours.connection.consumer(group_id=None)
    await consumer.start()
    consumer.assign([TopicPartition(topic, number) for number in range(PUBLIC_PARTITIONS)])
    arrivals = Arrivals(event)
    task = asyncio.create_task(arrivals.read(consumer))
    try:
        yield arrivals
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await consumer.stop()
