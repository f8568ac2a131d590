"""The sandbox: broker, Rossum simulator and connector in one process; sample documents go in, their events come out.

Everything goes the way it goes in production: arrivals and events through the broker, uploads, reads and webhooks
over HTTP. Only Rossum and its reviewer are simulated.
"""

import asyncio
import tempfile
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final
from uuid import uuid4

import orjson

from connector.app import App, started
from connector.clock import Clock
from connector.errors import KafkaUnavailable
from connector.sandbox.clients import Announcer, EventReader, announcing, create_hook, create_topics, imported, reading
from connector.sandbox.embedded_broker import EmbeddedBroker
from connector.sandbox.guide import Places
from connector.sandbox.samples import KINDS, Sample, samples
from connector.sandbox.screen import Screen
from connector.sandbox.simulator.server import Simulator, SimulatorOptions
from connector.sandbox.story import Story
from connector.settings_kafka import KafkaSettings
from connector.settings_load import load

#: Seconds from the last announcement until all documents must be done.
DEADLINE: Final = 90.0
#: Seconds between announcements beyond one of each kind: the API's limit would make a crowd wait for each other.
_SPACING: Final = 0.4
#: Seconds without a new event, once all are there, in which one too many would have come: longer than a sweep.
_QUIET: Final = 5.0
#: Seconds for the connector to be given its partitions.
_READY_DEADLINE: Final = 60.0
#: Seconds between documents after the first set.
_PAUSE: Final = 4.0
_TICK: Final = 0.1
#: Settings of one's own broker that are taken from the environment.
_SECURITY: Final = ("CONNECTOR_KAFKA__SECURITY_", "CONNECTOR_KAFKA__SASL_", "CONNECTOR_KAFKA__SSL_")
_QUEUES: Final = {name: queue for queue, name in SimulatorOptions.queues}
_PACE: Final = {
    "CONNECTOR_SWEEP__INTERVAL": "3",
    "CONNECTOR_SWEEP__LAG": "1",
    "CONNECTOR_IMPORTS__TASK_AFTER": "5",
    "CONNECTOR_WEBHOOK__HOST": "127.0.0.1",
    "CONNECTOR_WEBHOOK__PORT": "0",
    "CONNECTOR_OPS__HOST": "127.0.0.1",
    "CONNECTOR_OPS__PORT": "0",
}


@dataclass(frozen=True, slots=True)
class SandboxOptions:
    """How the sandbox runs.

    Attributes:
        documents: How many to announce at first; None = one of each kind.
        once: End when all of them are done; else go on with one every few seconds.
        bootstrap_servers: Of a broker to use; None = the embedded one.
        environ: Where the security settings of that broker are taken from.
        log: File that the connector's log goes to.
    """

    documents: int | None
    once: bool
    bootstrap_servers: str | None
    environ: Mapping[str, str]
    log: Path


@dataclass(frozen=True, slots=True)
class Ending:
    """How it ended.

    Attributes:
        documents: How many were announced, and how many of them are done.
        differences: What is not as it must be, one sentence each.
    """

    documents: int
    done: int
    differences: tuple[str, ...]


class Demo:
    """One run; set `interrupt` to end it early."""

    def __init__(self, options: SandboxOptions, screen: Screen, clock: Clock) -> None:
        self._options = options
        self._screen = screen
        self._clock = clock
        self._secret = uuid4().hex
        self._story = Story()
        self._samples = samples()
        self.interrupt = asyncio.Event()

    async def run(self) -> Ending:
        """Everything from start to end.

        Raises:
            Refused: The embedded broker is not installed, or one's own refuses something.
            Retryable: The broker does not answer.
        """
        parts = "a Rossum simulator and the connector"
        self._screen.say(f"Starting {'' if self._options.bootstrap_servers else 'a Kafka broker, '}{parts} …\n")
        async with AsyncExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rossum-sandbox-")))
            broker = self._own_broker() if self._options.bootstrap_servers else self._embedded_broker(stack)
            simulator = await stack.enter_async_context(Simulator(SimulatorOptions(processing=0.7, review=1.0)))
            settings = load(None, {**_PACE, **broker, **self._rossum(simulator, folder)})
            if settings.kafka.managed:
                await create_topics(settings.kafka, self._clock)
            app = await stack.enter_async_context(started(settings, clock=self._clock))
            await create_hook(simulator, app.webhook_url, self._secret)
            announcer = await stack.enter_async_context(announcing(settings.kafka, folder))
            reader = await stack.enter_async_context(reading(settings.kafka, self._clock))
            self._screen.opened(self._places(settings.kafka, app, simulator))
            await self._play(app, announcer, reader)
            differences = await self._judge(simulator)
        self._screen.closed(self._story, self._clock.monotonic())
        documents = self._story.documents
        done = sum(document.done_at is not None for document in documents.values())
        return Ending(len(documents), done, tuple(differences))

    @staticmethod
    def _embedded_broker(stack: AsyncExitStack) -> dict[str, str]:
        return {
            "CONNECTOR_KAFKA__BOOTSTRAP_SERVERS": stack.enter_context(EmbeddedBroker()).bootstrap_servers,
            "CONNECTOR_KAFKA__MANAGED": "false",
            "CONNECTOR_KAFKA__DELIVERY": "at-least-once",
        }

    def _own_broker(self) -> dict[str, str]:
        """Topics and group of this run alone, so that runs never meet."""
        run = f"sandbox-{uuid4().hex[:8]}"
        security = {name: text for name, text in self._options.environ.items() if name.startswith(_SECURITY)}
        return security | {
            "CONNECTOR_KAFKA__BOOTSTRAP_SERVERS": self._options.bootstrap_servers or "",
            "CONNECTOR_KAFKA__TOPIC_PREFIX": f"{run}.",
            "CONNECTOR_KAFKA__GROUP_ID": run,
        }

    def _rossum(self, simulator: Simulator, folder: Path) -> dict[str, str]:
        return {
            "CONNECTOR_ROSSUM__BASE_URL": simulator.base_url,
            "CONNECTOR_ROSSUM__TOKEN": SimulatorOptions.token,
            "CONNECTOR_ROSSUM__QUEUES": orjson.dumps(_QUEUES).decode(),
            "CONNECTOR_ROSSUM__DEFAULT_QUEUE": "invoices",
            "CONNECTOR_WEBHOOK__SECRETS": orjson.dumps([self._secret]).decode(),
            "CONNECTOR_OPS__TOKEN": SimulatorOptions.token,
            "CONNECTOR_IMPORTS__FILE_ROOTS": orjson.dumps([str(folder)]).decode(),
        }

    def _places(self, kafka: KafkaSettings, app: App, simulator: Simulator) -> Places:
        broker = (
            f"your own, so exactly-once; the topics {kafka.topic_prefix}* stay there"
            if kafka.managed
            else "embedded: it has no transactions, so this is at-least-once and proves nothing about exactly-once"
        )
        return Places(
            bootstrap_servers=kafka.bootstrap_servers,
            broker=broker,
            rossum_url=simulator.base_url,
            token=SimulatorOptions.token,
            webhook_url=app.webhook_url,
            ops_url=app.ops_url,
            captured_topic=kafka.topics.captured,
            log=self._options.log,
        )

    async def _play(self, app: App, announcer: Announcer, reader: EventReader) -> None:
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(app.run(stop))
            helpers = [tasks.create_task(self._read(reader)), tasks.create_task(self._draw())]
            try:
                await self._wait_for_partitions(app)
                await self._feed(announcer)
            finally:
                stop.set()
                for helper in helpers:
                    helper.cancel()

    async def _wait_for_partitions(self, app: App) -> None:
        def is_ready() -> bool:
            return app.group.is_member and not app.group.opening

        await self._wait(is_ready, _READY_DEADLINE)
        if not (is_ready() or self.interrupt.is_set()):
            msg = f"the connector was given no partitions within {_READY_DEADLINE:g} s; its log is {self._options.log}"
            raise KafkaUnavailable(msg)

    async def _feed(self, announcer: Announcer) -> None:
        """Announce the first set; then end with it, or go on until somebody ends it."""
        count = len(KINDS) if self._options.documents is None else self._options.documents
        for number, sample in enumerate(islice(self._samples, count)):
            await self._wait(_never, 0 if number < len(KINDS) else _SPACING)
            await self._announce(announcer, sample)
        await self._wait(self._is_over if self._options.once else self._is_complete, DEADLINE)
        while not (self._options.once or self.interrupt.is_set()):
            await self._announce(announcer, next(self._samples))
            await self._wait(_never, _PAUSE)

    async def _announce(self, announcer: Announcer, sample: Sample) -> None:
        if self.interrupt.is_set():
            return
        self._story.announce(sample, self._clock.monotonic())
        for place in await announcer.announce(sample):
            self._story.placed(sample.document_id, place)

    def _is_complete(self) -> bool:
        return self._story.is_complete

    def _is_over(self) -> bool:
        return self._story.is_complete and self._clock.monotonic() - self._story.last_record_at > _QUIET

    async def _judge(self, simulator: Simulator) -> list[str]:
        """What is missing counts only when everything had the time to come."""
        if self.interrupt.is_set():
            sentences = self._story.surplus()
            return [*sentences, "it was interrupted before the end"] if self._options.once else sentences
        return [*self._story.missing(), *self._story.surplus(), *self._story.miscounted(await imported(simulator))]

    async def _wait(self, is_so: Callable[[], bool], seconds: float) -> None:
        """Until something is so, somebody ends it, or that much time has gone by."""
        end = self._clock.monotonic() + seconds
        while not (is_so() or self.interrupt.is_set()) and self._clock.monotonic() < end:
            await self._clock.sleep(_TICK)

    async def _read(self, reader: EventReader) -> None:
        while True:
            for record in await reader.next():
                document = self._story.take(record)
                if document is not None:
                    self._screen.read(record, document)

    async def _draw(self) -> None:
        while True:
            self._screen.update(self._story, self._clock.monotonic())
            await self._clock.sleep(_TICK)


def _never() -> bool:
    return False
