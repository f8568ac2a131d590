"""A whole deployment as its users run it: simulator, replicas and a reader, each a process or a client of its own."""

import asyncio
import base64
import os
import signal
import socket
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from tests.support.waiting import eventually

TOKEN = "sandbox"
SECRET = "hook secret of the tests"
QUEUE = 8198
CAPTURED = "rossum.annotations.captured"
LIFECYCLE = "rossum.documents.lifecycle"
DEAD_LETTERS = "rossum.dead-letters"
ARRIVED = "documents.arrived"
_TYPE = "ai.rossum.connector."


@dataclass(frozen=True, slots=True)
class Seen:
    """One event as a consumer reads it."""

    topic: str
    key: str
    headers: Mapping[str, str]
    data: Any

    @property
    def name(self) -> str:
        """The event's name without the prefix."""
        return self.headers["ce_type"].removeprefix(_TYPE)


class Reader:
    """A `read_committed` consumer that reads all along."""

    def __init__(self, bootstrap: str, prefix: str, *names: str) -> None:
        self._topics = [prefix + name for name in names]
        self._prefix = prefix
        self._bootstrap = bootstrap
        self.events: list[Seen] = []
        self.letters: list[Any] = []

    @asynccontextmanager
    async def reading(self) -> AsyncIterator["Reader"]:
        """Read in the background."""
        consumer = AIOKafkaConsumer(
            *self._topics,
            bootstrap_servers=self._bootstrap,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            enable_auto_commit=False,
        )
        await consumer.start()
        task = asyncio.create_task(self._read(consumer))
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await consumer.stop()

    async def _read(self, consumer: AIOKafkaConsumer) -> None:
        while True:
            for place, records in (await consumer.getmany(timeout_ms=200)).items():
                topic = place.topic.removeprefix(self._prefix)
                for record in records:
                    if topic == DEAD_LETTERS:
                        self.letters.append(record)
                        continue
                    headers = {name: value.decode() for name, value in record.headers}
                    self.events.append(Seen(topic, record.key.decode(), headers, orjson.loads(record.value)))

    def captured(self) -> list[Seen]:
        """Captured events, in the order read."""
        return [event for event in self.events if event.topic == CAPTURED]

    def named(self, name: str) -> list[Seen]:
        """Lifecycle events of one name."""
        return [event for event in self.events if event.topic == LIFECYCLE and event.name == name]

    def duplicates(self) -> list[str]:
        """`ce_id`s that came twice on one topic."""
        counts = Counter((event.topic, event.headers["ce_id"]) for event in self.events)
        return [f"{topic} {event_id}" for (topic, event_id), count in counts.items() if count > 1]


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
    replicas: list[Process] = field(default_factory=list)
    started: int = 0

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

    async def api(self, method: str, path: str, body: Any | None = None) -> Any:
        """Ask Rossum's API as a person's client would."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with self.http.request(method, self.base_url + path, json=body, headers=headers) as response:
            response.raise_for_status()
            return orjson.loads(await response.read() or b"null")

    async def start_replica(self, **extra: str) -> Process:
        """Another `rossum-connector run`, ready for work."""
        number = self.started
        self.started += 1
        ports = {f"CONNECTOR_{name}__PORT": str(free_port()) for name in ("WEBHOOK", "OPS")}
        settings = self.settings | ports | {f"CONNECTOR_{key}": value for key, value in extra.items()}
        replica = await spawn(
            ["-m", "connector.cli.main", "run"], self.folder / f"replica-{number}.log", settings, self.stack
        )
        self.replicas.append(replica)
        ops = f"http://127.0.0.1:{ports['CONNECTOR_OPS__PORT']}"
        self.webhook_urls[number] = f"http://127.0.0.1:{ports['CONNECTOR_WEBHOOK__PORT']}/hooks/rossum"
        self.ops_urls[number] = ops
        await eventually(lambda: self.is_ready(ops, replica), within=40)
        return replica

    webhook_urls: dict[int, str] = field(default_factory=dict)
    ops_urls: dict[int, str] = field(default_factory=dict)

    async def is_ready(self, ops: str, replica: Process) -> bool:
        """Whether a replica says so; fails the test at once when it has died."""
        if replica.process.returncode is not None:
            raise AssertionError(f"the replica has ended: {replica.log.read_text()[-2000:]}")
        try:
            async with self.http.get(ops + "/readyz") as response:
                return response.status == 200
        except aiohttp.ClientError:
            return False

    async def add_hook(self, url: str, *, secret: str = SECRET) -> None:
        """Create the Rossum hook as documented."""
        queues = [f"{self.base_url}/queues/{queue}" for queue in (8198, 8199)]
        body = {
            "name": "connector",
            "type": "webhook",
            "queues": queues,
            "events": ["annotation_status"],
            "config": {"url": url, "secret": secret},
            "active": True,
        }
        await self.api("POST", "/hooks", body)

    async def announce(self, arrivals: list[dict[str, Any]]) -> None:
        """Write plain JSON arrivals to Kafka."""
        producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap, acks="all")
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
        marks = (d["metadata"].get("rossum_kafka_connector") for d in documents if d["parent"] is None)
        return Counter(mark["import_id"] for mark in marks if mark)


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


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


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
        reader = Reader(bootstrap, prefix, CAPTURED, LIFECYCLE, DEAD_LETTERS)
        await stack.enter_async_context(reader.reading())
        yield Deployment(bootstrap, prefix, base_url, folder, http, reader, environment, stack)
