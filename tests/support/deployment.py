"""A whole deployment as its users run it: simulator, replicas and a reader, each a process or a client of its own."""

import asyncio
import base64
import os
import re
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import orjson
from aiokafka import AIOKafkaProducer

from connector.domain.ids import format_clock
from tests.support.kafka_settings import free_ports
from tests.support.marks import import_of
from tests.support.reader import CAPTURED, DEAD_LETTERS, LIFECYCLE, READY, Reader
from tests.support.waiting import eventually

TOKEN = "sandbox"
SECRET = "hook secret of the tests"
QUEUE = 8198
ARRIVED = "documents.arrived"
#: Partitions of the inner topics: so few that a replica is soon open, where nothing hangs on their number.
PARTITIONS = 4
DEFAULT_PARTITIONS = {"KAFKA__WORK_PARTITIONS": "12"}
#: Of each replica's log, when a test has failed.
LAST_LINES = 40


@dataclass(slots=True)
class Process:
    """One subprocess with its output."""

    process: asyncio.subprocess.Process
    log: Path

    def kill(self) -> None:
        """Kill -9, as a crash would."""
        self.process.send_signal(signal.SIGKILL)

    async def stop(self, *, within: float = 45) -> int:
        """SIGTERM and the exit code."""
        if self.process.returncode is None:
            self.process.terminate()
        async with asyncio.timeout(within):
            return await self.process.wait()


@dataclass(slots=True)
class Deployment:
    """What a test drives."""

    bootstrap: str
    prefix: str
    base_url: str
    folder: Path
    http: aiohttp.ClientSession
    reader: Reader
    settings: dict[str, str]
    stack: AsyncExitStack
    token: str = TOKEN
    replicas: list[Process] = field(default_factory=list)
    webhook_urls: dict[int, str] = field(default_factory=dict)
    ops_urls: dict[int, str] = field(default_factory=dict)

    @property
    def sandbox(self) -> str:
        """The simulator's control endpoints."""
        return self.base_url.removesuffix("/api/v1") + "/sandbox"

    async def control(self, path: str, body: Any | None = None, *, method: str | None = None) -> Any:
        """Ask the simulator's own interface."""
        async with self.http.request(
            method or ("GET" if body is None else "POST"), self.sandbox + path, json=body
        ) as r:
            r.raise_for_status()
            return orjson.loads(await r.read() or b"null")

    async def make_exported(self, at: datetime) -> int:
        """An annotation that was exported at that moment, unknown to the connector; its id."""
        instant = format_clock(at)
        made = await self.control(
            "/annotations", {"queue": QUEUE, "status": "exported", "from": instant, "to": instant}
        )
        number: int = made["ids"][0]
        return number

    async def api(self, method: str, path: str, body: Any | None = None) -> Any:
        """Ask Rossum's API as a person's client would."""
        headers = {"Authorization": f"Bearer {self.token}"}
        async with self.http.request(method, self.base_url + path, json=body, headers=headers) as response:
            response.raise_for_status()
            return orjson.loads(await response.read() or b"null")

    async def start_replica(self, *options: str, **extra: str) -> Process:
        """Another `rossum-connector run`, ready for work."""
        number = await self.launch_replica(*options, **extra)
        await self.replica_ready(number)
        return self.replicas[number]

    async def launch_replica(self, *options: str, **extra: str) -> int:
        """Start the process only; its number, from 0."""
        number = len(self.replicas)
        webhook, ops = free_ports(2)
        self.webhook_urls[number] = f"http://127.0.0.1:{webhook}/hooks/rossum"
        self.ops_urls[number] = f"http://127.0.0.1:{ops}"
        ports = {"WEBHOOK__PORT": str(webhook), "OPS__PORT": str(ops)}
        settings = self.settings | {f"CONNECTOR_{key}": value for key, value in (ports | extra).items()}
        log = self.folder / f"replica-{number}.log"
        self.replicas.append(await spawn(["-m", "connector.cli.main", "run", *options], log, settings, self.stack))
        return number

    async def replica_ready(self, number: int) -> None:
        """Wait until it says so."""
        await eventually(lambda: self.is_ready(self.ops_urls[number], self.replicas[number]), within=60)

    async def stop_replicas(self) -> list[int]:
        """SIGTERM to all that run, at once; their exit codes."""
        running = [replica for replica in self.replicas if replica.process.returncode is None]
        return await asyncio.gather(*(replica.stop() for replica in running))

    async def is_ready(self, ops: str, replica: Process) -> bool:
        """Whether a replica says so; fails the test at once when it has died."""
        if replica.process.returncode is not None:
            raise AssertionError(f"the replica has ended: {replica.log.read_text()[-2000:]}")
        try:
            async with self.http.get(ops + "/readyz") as response:
                return response.status == 200
        except aiohttp.ClientError:
            return False

    async def metric(self, number: int, name: str) -> float:
        """The sum of a metric of a replica, 0 where it is not shown; `name` is a pattern."""
        async with self.http.get(self.ops_urls[number] + "/metrics") as response:
            text = await response.text()
        values = re.findall(rf"^rossum_connector_{name} ([0-9.e+-]+)$", text, re.MULTILINE)
        return sum(map(float, values))

    async def add_hook(self, url: str, *, secret: str = SECRET, gate: bool = False) -> None:
        """Create the Rossum hook as documented; with `gate` Rossum asks it before it ends an export."""
        queues = [f"{self.base_url}/queues/{queue}" for queue in (8198, 8199)]
        body = {
            "name": "connector",
            "type": "webhook",
            "queues": queues,
            "events": ["annotation_status", *(["annotation_content.export"] if gate else [])],
            "config": {"url": url, "secret": secret},
            "active": True,
        }
        await self.api("POST", "/hooks", body)

    async def announce(self, arrivals: list[dict[str, Any]]) -> None:
        """Write plain JSON arrivals to Kafka."""
        producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap, acks="all", request_timeout_ms=120_000)
        await producer.start()
        try:
            sent = [
                await producer.send(self.prefix + ARRIVED, orjson.dumps(arrival), key=b"%d" % number)
                for number, arrival in enumerate(arrivals)
            ]
            await asyncio.gather(*sent)
        finally:
            await producer.stop()

    async def root_documents(self) -> Counter[str]:
        """How many root documents Rossum has per import id."""
        documents = await self.control("/documents")
        imports = (import_of(document) for document in documents if document["parent"] is None)
        return Counter(one for one in imports if one is not None)


def pdf(text: str) -> bytes:
    """A document that is told apart by its text."""
    return b"%PDF-1.4\n" + text.encode() + b"\n%%EOF\n"


def inline(number: int, **metadata: Any) -> dict[str, Any]:
    """An arrival with its document inside."""
    content = base64.b64encode(pdf(f"document {number}")).decode()
    return {
        "source": {"kind": "inline", "base64": content},
        "document_id": f"doc-{number}",
        "file_name": f"document {number}.pdf",
        "queue": "invoices",
        "metadata": metadata,
    }


async def spawn(arguments: list[str], log: Path, environment: Mapping[str, str], stack: AsyncExitStack) -> Process:
    """Start a Python subprocess whose stderr goes to a file; it is killed when the stack closes."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CONNECTOR_")}
    with log.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            sys.executable, *arguments, stdout=asyncio.subprocess.PIPE, stderr=file, env=clean | dict(environment)
        )
    spawned = Process(process, log)

    async def end() -> None:
        if process.returncode is None:
            process.kill()
        await process.wait()

    stack.push_async_callback(end)
    return spawned


@asynccontextmanager
async def deployment(
    bootstrap: str, name: str, folder: Path, *, simulator: tuple[str, ...] = (), **settings: str
) -> AsyncIterator[Deployment]:
    """Topics that nobody else uses, simulator and reader; replicas are started by the test."""
    prefix = f"{name}-{uuid4().hex[:8]}."
    async with AsyncExitStack() as stack:
        arguments = ["-m", "connector.cli.main", "simulator", "--port", "0", *simulator]
        process = await spawn(arguments, folder / "simulator.log", {}, stack)
        assert process.process.stdout is not None
        base_url = (await process.process.stdout.readline()).decode().strip()
        environment = {
            "CONNECTOR_KAFKA__BOOTSTRAP_SERVERS": bootstrap,
            "CONNECTOR_KAFKA__TOPIC_PREFIX": prefix,
            "CONNECTOR_KAFKA__GROUP_ID": f"{prefix}group",
            "CONNECTOR_KAFKA__WORK_PARTITIONS": str(PARTITIONS),
            "CONNECTOR_ROSSUM__BASE_URL": base_url,
            "CONNECTOR_ROSSUM__TOKEN": TOKEN,
            "CONNECTOR_ROSSUM__QUEUES": '{"invoices": 8198, "receipts": 8199}',
            "CONNECTOR_ROSSUM__DEFAULT_QUEUE": "invoices",
            "CONNECTOR_WEBHOOK__HOST": "127.0.0.1",
            "CONNECTOR_WEBHOOK__SECRETS": orjson.dumps([SECRET]).decode(),
            "CONNECTOR_OPS__HOST": "127.0.0.1",
            "CONNECTOR_SWEEP__INTERVAL": "2",
            "CONNECTOR_SWEEP__LAG": "1",
            **{f"CONNECTOR_{key}": value for key, value in settings.items()},
        }
        create = await spawn(
            ["-m", "connector.cli.main", "topics", "create"], folder / "topics.log", environment, stack
        )
        assert await create.process.wait() == 0, create.log.read_text()
        http = await stack.enter_async_context(aiohttp.ClientSession())
        reader = Reader(bootstrap, prefix, CAPTURED, LIFECYCLE, READY, DEAD_LETTERS)
        await stack.enter_async_context(reader.reading())
        token = environment["CONNECTOR_ROSSUM__TOKEN"]
        world = Deployment(bootstrap, prefix, base_url, folder, http, reader, environment, stack, token)
        try:
            yield world
        except Exception:
            _tell_how_far(world)
            raise


def _tell_how_far(world: Deployment) -> None:
    """What was read and what the replicas said last, for whoever looks into a failed test."""
    counts = Counter((event.topic, event.name) for event in world.reader.events)
    for (topic, name), count in sorted(counts.items()):
        sys.stdout.write(f"{count:6} {name} on {topic}\n")
    for log in sorted(world.folder.glob("replica-*.log")):
        lines = log.read_text(errors="replace").splitlines()
        sys.stdout.write("\n".join([f"the last of {len(lines)} lines of {log.name}:", *lines[-LAST_LINES:], ""]))
