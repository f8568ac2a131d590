"""One simulated world: broker, Rossum, network and replicas, all on one virtual clock, all decided by one seed."""

import asyncio
import contextvars
import gc
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import aiohttp
import orjson
from aiohttp import connector as client_connector
from aiokafka.structs import TopicPartition

from connector.engine import circuits
from connector.kafka.connection import CALL_DEADLINE, KafkaConnection, within
from connector.kafka.names import Names
from connector.kafka.topics import wanted_topics
from connector.sandbox.simulator.clock import SimulatorClock
from connector.sandbox.simulator.server import Simulator, SimulatorOptions
from connector.serving import serve
from connector.settings import Settings
from connector.settings_load import load
from tests.simulation.broker import Broker
from tests.simulation.clients import MemoryAdmin, MemoryProducer, Wire
from tests.simulation.consumer import MemoryConsumer
from tests.simulation.disks import Disks
from tests.simulation.network import Network
from tests.simulation.stored import Stored
from tests.simulation.virtual_loop import PROCESS, VirtualLoop, pause

BASE = datetime(2026, 1, 1, tzinfo=UTC)
SECRET, TOKEN = "secret-of-the-simulation", "token-of-the-simulation"
PARTITIONS = 4
#: Bytes of the largest record of a client that is not told: aiokafka's own.
MOST_BYTES = 1_048_576
FIRST_WEBHOOK_PORT, FIRST_OPS_PORT = 8_080, 9_090


class MemoryConnection(KafkaConnection):
    """Makes clients of the memory broker."""

    def __init__(self, settings: Settings, wire: Wire) -> None:
        super().__init__(settings.kafka)
        self._wire = wire

    def producer(self, **more: Any) -> Any:
        """A producer."""
        return MemoryProducer(self._wire, more.get("transactional_id"), more.get("max_request_size", MOST_BYTES))

    def consumer(self, **more: Any) -> Any:
        """A consumer."""
        isolation = more.get("isolation_level", "read_committed")
        return MemoryConsumer(self._wire, more.get("group_id"), isolation, more.get("group_instance_id"))

    @asynccontextmanager
    async def admin(self) -> AsyncIterator[Any]:
        """An admin client."""
        await within(CALL_DEADLINE, self._wire.connect(), self.connecting)
        yield MemoryAdmin(self._wire)


@dataclass(slots=True)
class SimulatedClock:
    """The connector's clock on virtual time; its wall clock may be wrong."""

    loop: VirtualLoop
    skew: float = 0.0

    def now(self) -> datetime:
        """Wall clock."""
        return BASE + timedelta(seconds=self.loop.time() + self.skew)

    def monotonic(self) -> float:
        """Virtual seconds."""
        return self.loop.time()

    async def sleep(self, seconds: float) -> None:
        """Let virtual time pass."""
        await pause(max(seconds, 0.0))


@dataclass(slots=True)
class Replica:
    """A process of the connector."""

    name: str
    index: int
    stop: asyncio.Event
    clock: SimulatedClock
    task: asyncio.Task[None]


@dataclass(slots=True)
class World:
    """See the module.

    Attributes:
        failures: What no replica may do, in words.
        logs: What the replicas said, as far as somebody listens.
        shifted: Seconds by which Rossum's clock was set forward.
        static: Whether replicas are static members of their groups.
        disks: Where replicas keep their local states; in memory without.
    """

    seed: int
    loop: VirtualLoop
    random: Random
    network: Network
    broker: Broker
    wire: Wire
    settings: dict[str, str]
    simulator: Simulator
    http: aiohttp.ClientSession
    replicas: list[Replica] = field(default_factory=list)
    trace: Callable[[str], None] = lambda _line: None
    failures: list[str] = field(default_factory=list)
    logs: list[str] = field(default_factory=list)
    started: int = 0
    shifted: float = 0.0
    static: bool = False
    disks: Disks | None = None

    def say(self, what: str) -> None:
        """A line of the trace."""
        self.trace(f"{self.loop.time():10.3f} {what}")

    def start_replica(self, index: int) -> Replica:
        """Start the connector at a place of the deployment; its ports belong to the place."""
        self.started += 1
        name = f"replica-{index}.{self.started}"
        ports = {"WEBHOOK__PORT": FIRST_WEBHOOK_PORT + index, "OPS__PORT": FIRST_OPS_PORT + index}
        environ = self.settings | {f"CONNECTOR_{key}": str(port) for key, port in ports.items()}
        if self.static:
            environ["CONNECTOR_KAFKA__INSTANCE_ID"] = f"place-{index}"
        if self.disks is not None:
            environ["CONNECTOR_STATE__DIRECTORY"] = str(self.disks.folder_of(index))
        stop, clock = asyncio.Event(), SimulatedClock(self.loop)
        context = contextvars.copy_context()
        context.run(PROCESS.set, name)
        task = self.loop.create_task(self._serve(load(None, environ), stop, clock), context=context)
        replica = Replica(name, index, stop, clock, task)
        self.replicas.append(replica)
        self.say(f"{name} starts")
        return replica

    async def _serve(self, settings: Settings, stop: asyncio.Event, clock: SimulatedClock) -> None:
        """What keeps a process alive: when it ends by an error it is started again, as an orchestrator does."""
        while not stop.is_set():
            try:
                connection = MemoryConnection(settings, self.wire)
                await serve(settings, stop, clock=clock, connection=connection)
            except (Exception, BaseExceptionGroup) as error:  # noqa: BLE001 - told, and judged by the checker
                self.say(f"{PROCESS.get()} ended: {error!r}")
                self.failures.append(repr(error))
                await pause(2.0)

    def kill(self, replica: Replica) -> None:
        """Kill -9."""
        self.say(f"kill {replica.name}")
        self.loop.kill(replica.name)
        self.network.process_died(replica.name)
        if self.disks is not None:
            self.disks.died(replica.index)
        self.replicas.remove(replica)

    @property
    def delivery(self) -> str:
        """What this deployment promises."""
        return self.settings["CONNECTOR_KAFKA__DELIVERY"]

    async def api(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the API as a person's client."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with self.http.request(method, self.simulator.base_url + path, json=body, headers=headers) as response:
            response.raise_for_status()
            return orjson.loads(await response.read() or b"null")

    async def control(self, path: str, body: Any = None, method: str | None = None) -> Any:
        """Ask the simulator's own interface."""
        method = method or ("GET" if body is None else "POST")
        async with self.http.request(method, self.simulator.sandbox_url + path, json=body) as response:
            response.raise_for_status()
            return orjson.loads(await response.read() or b"null")

    def records(self, topic: str) -> list[Stored]:
        """All that a `read_committed` reader sees of a topic now."""
        found: list[Stored] = []
        for number in sorted(self.broker.partitions(topic)):
            log = self.broker.log(TopicPartition(topic, number))
            found += log.read(0, 1_000_000, committed_only=True)[0]
        return found


def settings_of(base_url: str, **more: str) -> dict[str, str]:
    """The environment of a replica."""
    given = {
        "KAFKA__WORK_PARTITIONS": str(PARTITIONS),
        "KAFKA__DELIVERY": "exactly-once",
        "ROSSUM__BASE_URL": base_url,
        "ROSSUM__TOKEN": TOKEN,
        "ROSSUM__QUEUES": '{"invoices": 8198, "receipts": 8199}',
        "ROSSUM__DEFAULT_QUEUE": "invoices",
        "ROSSUM__REQUESTS_PER_SECOND": "20",
        "WEBHOOK__HOST": "127.0.0.1",
        "WEBHOOK__SECRETS": orjson.dumps([SECRET]).decode(),
        "OPS__HOST": "127.0.0.1",
        "SWEEP__INTERVAL": "10",
        "SWEEP__LAG": "2",
        "IMPORTS__SETTLE": "30",
        "IMPORTS__TASK_AFTER": "20",
        **more,
    }
    return {f"CONNECTOR_{name}": value for name, value in given.items()}


async def new_world(seed: int, loop: VirtualLoop, **more: str) -> World:
    """A world without replicas yet, its topics made. Nobody closes it: it ends with its loop."""
    random = Random(seed)  # noqa: S311 - the point is that it repeats
    circuits.RANDOM.seed(seed)
    network = Network(loop, random)
    network.install()
    broker = Broker(loop, random)
    clock = SimulatorClock(lambda: int((BASE.timestamp() + loop.time()) * 1e9), loop.time)
    options = SimulatorOptions(rate_limit=0, processing=1.0, review=2.0, seed=seed, token=TOKEN)
    simulator = await Simulator(options, clock).__aenter__()
    environ = settings_of(simulator.base_url, **more)
    names = Names.from_settings(load(None, environ).kafka, partitions=PARTITIONS)
    for topic in wanted_topics(names):
        broker.create(topic.name, PARTITIONS, topic.configs)
    return World(seed, loop, random, network, broker, Wire(broker), environ, simulator, aiohttp.ClientSession())


def run_in_virtual_time(main: Callable[[VirtualLoop], Coroutine[Any, Any, Any]], *, tidy: bool = True) -> Any:
    """The result of a coroutine on a loop of its own; `tidy` collects the dead, for a process that goes on."""
    # What is collected closes its connections, and when that happens nobody can repeat.
    gc.disable()
    try:
        return _run(main, tidy=tidy)
    finally:
        if tidy:
            _collect_the_dead()
            gc.enable()


def _run(main: Callable[[VirtualLoop], Coroutine[Any, Any, Any]], *, tidy: bool) -> Any:
    """The loop, which holds the whole world, is gone after it."""
    loop = VirtualLoop()
    asyncio.set_event_loop(loop)
    # The one place where real time would decide: whether a client takes an idle connection again.
    real = client_connector.monotonic  # type: ignore[attr-defined] # a name that the module imports
    client_connector.monotonic = loop.time  # type: ignore[attr-defined] # as above
    try:
        return loop.run_until_complete(main(loop))
    finally:
        if tidy:
            client_connector.monotonic = real  # type: ignore[attr-defined] # as above
            asyncio.set_event_loop(None)
            loop.close()
            loop.forget_everything()


def _collect_the_dead() -> None:
    """Their tasks are collected while they wait, and some would still say good-bye: nobody is there to listen."""
    told, sys.unraisablehook = sys.unraisablehook, lambda _said: None
    try:
        while gc.collect():
            pass
    finally:
        sys.unraisablehook = told
