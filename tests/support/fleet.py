"""Replicas that live again and again on the same ports, each behind proxies of its own to Kafka and to Rossum."""

import asyncio
import re
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import orjson

from tests.support.deployment import Deployment, Process, spawn
from tests.support.kafka_requests import Hold
from tests.support.kafka_settings import Door, free_ports
from tests.support.proxy import Proxy, proxied
from tests.support.waiting import eventually

#: Seconds until a replica that was started has to be ready.
READY_WITHIN = 90
#: Seconds that its metrics may take where the machine stands still: they are no probe of its health.
METRICS_WITHIN = 60
_SAMPLE = re.compile(r"^(?:rossum_connector_)?(?P<name>\w+)(?:\{(?P<labels>[^}]*)\})? (?P<value>\S+)$", re.MULTILINE)


@dataclass(slots=True)
class Berth:
    """One replica's place: its ports, its wires and the process that lives there now.

    Attributes:
        kafka: The proxy between it and Kafka; None where it goes there directly.
        requests: Holds its requests to Kafka by kind.
        settings: Only its own.
    """

    world: Deployment
    number: int
    webhook_port: int
    ops_port: int
    kafka: Proxy | None
    rossum: Proxy
    requests: Hold
    settings: dict[str, str]
    lives: int = 0
    process: Process | None = None
    codes: list[int] = field(default_factory=list)

    @property
    def webhook_url(self) -> str:
        """Where it takes webhooks in every life."""
        return f"http://127.0.0.1:{self.webhook_port}/hooks/rossum"

    @property
    def ops_url(self) -> str:
        """Where it is looked at in every life."""
        return f"http://127.0.0.1:{self.ops_port}"

    @property
    def alive(self) -> bool:
        """Whether a process is there, frozen or not."""
        return self.process is not None and self.process.process.returncode is None

    @property
    def pid(self) -> int:
        """The process that lives there now."""
        assert self.process is not None, "it was never launched"
        return self.process.process.pid

    async def launch(self) -> None:
        """Begin another life, without waiting until it is ready."""
        log = self.world.folder / f"replica-{self.number}-{self.lives}.log"
        self.lives += 1
        environment = self.world.settings | {f"CONNECTOR_{key}": value for key, value in self.settings.items()}
        self.process = await spawn(["-m", "connector.cli.main", "run"], log, environment, self.world.stack)

    async def start(self) -> None:
        """Begin another life and wait until it is ready."""
        await self.launch()
        await self.ready()

    async def ready(self, *, within: float = READY_WITHIN) -> None:
        """Wait until it says so; fails at once when it has died."""
        assert self.process is not None
        process = self.process
        await eventually(lambda: self.world.is_ready(self.ops_url, process), within=within)

    async def kill(self) -> None:
        """Kill -9 and see it gone."""
        self.signal(signal.SIGKILL)
        assert self.process is not None
        await self.process.process.wait()

    async def stop(self, *, again: bool = False) -> int:
        """SIGTERM, a second one at once if wanted; the exit code."""
        assert self.process is not None
        if again and self.alive:
            self.signal(signal.SIGTERM)
        code = await self.process.stop()
        self.codes.append(code)
        return code

    def freeze(self) -> None:
        """SIGSTOP: it knows of no time that passes."""
        self.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        self.signal(signal.SIGCONT)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process that lives there now."""
        assert self.process is not None
        self.process.process.send_signal(number)

    def said(self, event: str, **fields: Any) -> list[dict[str, Any]]:
        """Lines of all its logs that tell of an event."""
        logs = sorted(self.world.folder.glob(f"replica-{self.number}-*.log"))
        told = (line for log in logs for line in _lines(log, event))
        return [line for line in told if all(line.get(name) == value for name, value in fields.items())]

    def said_in_this_life(self, *events: str) -> list[dict[str, Any]]:
        """Lines of its latest log that tell of one of the events."""
        assert self.process is not None
        return _lines(self.process.log, *events)

    def last_words(self) -> str:
        """The last line of its latest log."""
        assert self.process is not None
        return self.process.log.read_text(encoding="utf-8").rstrip().rpartition("\n")[2]

    async def status(self, path: str) -> int:
        """What its ops port answers; 0 for nothing."""
        try:
            async with self.world.http.get(self.ops_url + path, timeout=aiohttp.ClientTimeout(total=5)) as response:
                return response.status
        except (aiohttp.ClientError, TimeoutError):
            return 0

    async def metric(self, name: str, labels: str = "") -> float:
        """The sum of a metric's samples whose labels contain that text, e.g. `outcome="failed"`."""
        patient = aiohttp.ClientTimeout(total=METRICS_WITHIN)
        async with self.world.http.get(self.ops_url + "/metrics", timeout=patient) as response:
            text = await response.text()
        samples = (sample for sample in _SAMPLE.finditer(text) if sample["name"] == name)
        return sum(float(sample["value"]) for sample in samples if labels in (sample["labels"] or ""))


def _lines(log: Path, *events: str) -> list[dict[str, Any]]:
    marks = [f'"event": "{event}"'.encode() for event in events]
    return [orjson.loads(line) for line in log.read_bytes().splitlines() if any(mark in line for mark in marks)]


@dataclass(slots=True)
class Fleet:
    """All places of a deployment."""

    world: Deployment
    berths: list[Berth]

    def __getitem__(self, number: int) -> Berth:
        return self.berths[number]

    async def start(self) -> None:
        """Start all, side by side, with a webhook of Rossum's to each."""
        await asyncio.gather(*(berth.launch() for berth in self.berths))
        await asyncio.gather(*(berth.ready() for berth in self.berths))
        for berth in self.berths:
            await self.world.add_hook(berth.webhook_url)

    async def stop(self) -> list[int]:
        """SIGTERM to all that live; their exit codes."""
        return await asyncio.gather(*(berth.stop() for berth in self.berths if berth.alive))

    async def partitions(self) -> list[int]:
        """How many partitions each that answers has ready."""
        return [int(await berth.metric("partitions_ready")) for berth in self.berths if berth.alive]

    def said(self, event: str, **fields: Any) -> list[dict[str, Any]]:
        """Lines of all logs that tell of an event."""
        return [line for berth in self.berths for line in berth.said(event, **fields)]


@asynccontextmanager
async def fleet(
    world: Deployment, replicas: int, *, doors: Sequence[Door] = (), static: int = 0
) -> AsyncIterator[Fleet]:
    """Places for that many replicas, not started.

    Args:
        world: The deployment that they belong to.
        replicas: How many.
        doors: Listeners of the broker; the first replicas go there through a proxy.
        static: How many of them have an instance id of their own, and so keep their partitions over a restart.
    """
    async with AsyncExitStack() as stack:
        rossum_port = urlsplit(world.base_url).port or 0
        berths = []
        for number in range(replicas):
            webhook, ops = free_ports(2)
            requests, kafka = Hold(), None
            rossum = await stack.enter_async_context(proxied(rossum_port))
            settings = {
                "WEBHOOK__PORT": str(webhook),
                "OPS__PORT": str(ops),
                "ROSSUM__BASE_URL": f"http://127.0.0.1:{rossum.port}/api/v1",
            }
            if number < len(doors):
                kafka = await stack.enter_async_context(proxied(doors[number].inside, doors[number].outside))
                kafka.to_server.gate, kafka.to_client.gate = requests, requests.answers
                settings["KAFKA__BOOTSTRAP_SERVERS"] = f"127.0.0.1:{kafka.port}"
                stack.callback(requests.release)
            if number < static:
                settings["KAFKA__INSTANCE_ID"] = f"replica-{number}"
            if number:
                settings["STATE__DIRECTORY"] = str(world.folder / f"state-{number}")
            berths.append(Berth(world, number, webhook, ops, kafka, rossum, requests, settings))
        yield Fleet(world, berths)


@asynccontextmanager
async def at_work(
    deploying: AbstractAsyncContextManager[Deployment], replicas: int, *, doors: Sequence[Door] = ()
) -> AsyncIterator[Fleet]:
    """That many replicas of a deployment that is made for them, started."""
    async with deploying as world, fleet(world, replicas, doors=doors) as ships:
        await ships.start()
        yield ships
