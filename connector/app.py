"""The composition root: builds everything, wires it, runs it until told to stop. No decisions here."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from connector import assembly
from connector.clock import Clock, SystemClock
from connector.contracts.envelope import EventMode
from connector.documents.dispatch import DocumentSources
from connector.domain.ids import QueueId
from connector.domain.push_health import PushHealth
from connector.domain.rows import HeaderRow
from connector.engine.circuits import Circuit, QueueCircuits
from connector.engine.lease import Lease
from connector.engine.services import Services
from connector.kafka.connection import LEASE, KafkaConnection
from connector.kafka.group import OwnerGroup
from connector.kafka.intake import Intake
from connector.kafka.lookup import RecordLookup
from connector.kafka.opening import Opener
from connector.kafka.plain_producer import PlainProducer
from connector.kafka.preflight import Broker, look_at_broker, require_transactions
from connector.kafka.trimming import Trimmer
from connector.kafka.work_log import KafkaWorkLog
from connector.rossum.client import RossumClient
from connector.rossum.hooks import read_hook
from connector.settings import Settings
from connector.status import Parts, Status
from connector.telemetry import Telemetry
from connector.web.embedded import EmbeddedApi
from connector.web.ops import OpsServer
from connector.web.receiver import WebhookReceiver
from connector.web.server import listening


@dataclass(slots=True)
class App:
    """A running connector: what its web servers and its tests look at."""

    settings: Settings
    telemetry: Telemetry
    rossum: RossumClient
    broker: Broker
    work: KafkaWorkLog
    intake: Intake
    group: OwnerGroup
    trimmer: Trimmer
    circuit: Circuit
    webhook_url: str = ""
    ops_url: str = ""

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop`, then drain.

        Raises:
            ExceptionGroup: Of `Fatal`: it can't work like this.
        """
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.intake.run(stop))
            trimming = tasks.create_task(self.trimmer.run()) if self.settings.kafka.managed else None
            await self.group.run(stop)
            if trimming is not None:
                trimming.cancel()


Outside = tuple[RossumClient, DocumentSources, KafkaWorkLog]


class ServicesByLedger:
    """What owners share; it rests on the header of the ledger, which the first owner reads or makes."""

    def __init__(  # noqa: PLR0913 - a part of the composition root
        self,
        settings: Settings,
        broker: Broker,
        circuit: Circuit,
        *,
        lease: Lease,
        outside: Outside,
        telemetry: Telemetry,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._broker = broker
        self._circuit = circuit
        self._lease = lease
        self._outside = outside
        self._telemetry = telemetry
        self._clock = clock
        self._push = PushHealth(
            clock.monotonic, settings.sweep.interval, expected=settings.webhook.public_url is not None
        )
        telemetry.observe("push_loss_ratio", lambda: {(): self._push.loss})
        self._slots = asyncio.Semaphore(settings.imports.concurrency)
        self._imports = assembly.import_policy(settings)
        self._queues = QueueCircuits(self._imports.configured, clock=clock, telemetry=telemetry)
        self._claims = assembly.claims(
            settings.capture,
            captured_bytes=broker.captured_bytes,
            circuit=Circuit("claim_store", clock=clock, telemetry=telemetry),
        )
        self._made: dict[str, Services] = {}

    def of(self, header: HeaderRow) -> Services:
        """The one set of services of that ledger."""
        if header.incarnation not in self._made:
            self._made[header.incarnation] = self._make(header)
        return self._made[header.incarnation]

    def _make(self, header: HeaderRow) -> Services:
        settings = self._settings
        rossum, documents, work = self._outside
        identity = assembly.identity_of(header, settings.rossum.base_url)
        queues = assembly.queues_of(settings.rossum)
        return Services(
            partitions=self._broker.names.partitions,
            rossum=rossum,
            documents=documents,
            work=work,
            telemetry=self._telemetry,
            clock=self._clock,
            identity=identity,
            annotations=assembly.annotation_rules(settings, identity, header),
            imports=self._imports,
            sweeps=assembly.sweep_policy(settings.sweep, queues, header),
            retention=settings.state.retention,
            letter_bytes=self._broker.letter_bytes,
            record_bytes=self._broker.max_bytes,
            hook=assembly.wanted_hook(settings) if settings.webhook.public_url else None,
            push=self._push,
            slots=self._slots,
            circuit=self._circuit,
            queues=self._queues,
            lease=self._lease,
            claims=self._claims,
            claimed_queues=frozenset(map(QueueId, settings.capture.claim_queues)),
        )


class Builder:
    """Builds the parts in order; closing the stack lets go of them in the opposite one."""

    def __init__(
        self, settings: Settings, stack: AsyncExitStack, clock: Clock, connection: KafkaConnection | None = None
    ) -> None:
        self._settings = settings
        self._stack = stack
        self._clock = clock
        self._telemetry = Telemetry()
        self._connection = connection or KafkaConnection(settings.kafka)

    async def build(self) -> App:
        """Everything, checked against Kafka and Rossum.

        Raises:
            Refused, NotOurs: A check failed; the sentence says which and what to do.
            Retryable: Kafka or Rossum does not answer.
        """
        settings, stack = self._settings, self._stack
        rossum = RossumClient(
            assembly.rossum_connection(settings.rossum, reject_identical=settings.imports.reject_identical),
            clock=self._clock,
            on_call=lambda call: self._telemetry.api_call(
                call.lane, (call.method, call.endpoint), str(call.status or "none"), call.seconds
            ),
            embedded=assembly.embedded_connection(settings),
        )
        await stack.enter_async_context(rossum)
        broker = await look_at_broker(self._connection, settings.kafka, retention=settings.state.retention)
        await require_transactions(self._connection, broker.names)
        await rossum.organization()
        documents = DocumentSources(assembly.document_limits(settings.imports))
        await stack.enter_async_context(documents)
        producer = PlainProducer(self._connection, max_bytes=broker.max_bytes)
        stack.push_async_callback(producer.close)
        work = KafkaWorkLog(producer, broker.names)
        stack.push_async_callback(work.close)
        intake = Intake(
            self._connection,
            producer,
            broker.names,
            cluster=broker.cluster,
            copy_limit=broker.copy_bytes,
            telemetry=self._telemetry,
            clock=self._clock,
        )
        circuit = Circuit("rossum", clock=self._clock, telemetry=self._telemetry)
        group = self._group(broker, circuit, (rossum, documents, work))
        trimmer = Trimmer(
            self._connection,
            broker.names,
            trimmable=group.trimmable,
            telemetry=self._telemetry,
            clock=self._clock,
        )
        return App(settings, self._telemetry, rossum, broker, work, intake, group, trimmer, circuit)

    def _group(self, broker: Broker, circuit: Circuit, outside: Outside) -> OwnerGroup:
        rossum, _, _ = outside
        kafka = self._settings.kafka
        exactly_once = kafka.delivery == "exactly-once"
        lookup = RecordLookup(self._connection)
        self._stack.push_async_callback(lookup.close)
        lease = Lease(self._clock, LEASE)
        services = ServicesByLedger(
            self._settings,
            broker,
            circuit,
            lease=lease,
            outside=outside,
            telemetry=self._telemetry,
            clock=self._clock,
        )
        opener = Opener(
            self._connection,
            broker.names,
            lookup,
            rossum=rossum,
            services_of=services.of,
            states=self._stack.enter_context(
                assembly.states(self._settings.state, self._clock, self._telemetry.state_lost)
            ),
            encode=assembly.encoder(EventMode(kafka.event_mode), captured_bytes=broker.captured_bytes),
            exactly_once=exactly_once,
            managed=kafka.managed,
            max_bytes=broker.max_bytes,
        )
        return OwnerGroup(
            self._connection,
            broker.names,
            open_owner=opener.open,
            keep=exactly_once,
            lease=lease,
            telemetry=self._telemetry,
            clock=self._clock,
            on_share=rossum.set_share,
        )


@asynccontextmanager
async def started(
    settings: Settings, *, clock: Clock | None = None, connection: KafkaConnection | None = None
) -> AsyncIterator[App]:
    """The connector, built, checked and listening; `app.run` makes it work.

    Args:
        settings: Complete ones.
        clock: The machine's own when None.
        connection: Where Kafka's clients come from; to the broker of the settings when None.

    Raises:
        Refused, NotOurs: A check failed; the sentence says which and what to do.
        Retryable: Kafka or Rossum does not answer.
    """
    clock = clock or SystemClock()
    async with AsyncExitStack() as stack:
        app = await Builder(settings, stack, clock, connection).build()
        webhook, ops = settings.webhook, settings.ops
        receiver = WebhookReceiver(
            webhook,
            verify=assembly.verifier(webhook),
            read_hook=read_hook,
            work=app.work,
            queues=assembly.queues_of(settings.rossum),
            telemetry=app.telemetry,
            clock=clock,
        )
        parts = Parts(app.telemetry, app.rossum, app.work, app.intake, app.group, app.circuit, app.rossum.budget)
        embedded = EmbeddedApi(assembly.import_policy(settings).queues, app.rossum.embedding)
        server = OpsServer(ops, Status(parts, clock), app.telemetry, embedded)
        port = await stack.enter_async_context(listening(receiver.handle, host=webhook.host, port=webhook.port))
        app.webhook_url = f"http://{_reachable(webhook.host)}:{port}{webhook.path}"
        port = await stack.enter_async_context(listening(server.handle, host=ops.host, port=ops.port))
        app.ops_url = f"http://{_reachable(ops.host)}:{port}"
        app.telemetry.started(app.webhook_url, app.ops_url)
        if not settings.kafka.managed:
            app.telemetry.unmanaged()
        yield app


def _reachable(host: str) -> str:
    return "127.0.0.1" if host in ("0.0.0.0", "::", "") else host  # noqa: S104 - compared, not bound
