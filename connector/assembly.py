"""Turns settings into what each part takes: one slice each, in its own words."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

from connector.clock import Clock
from connector.contracts.captured import shrink
from connector.contracts.captured_form import CapturedForm
from connector.contracts.catalogue import TopicRole, records_of
from connector.contracts.envelope import Event, EventMode, KafkaRecord
from connector.contracts.events import AnnotationCaptured
from connector.documents.claim_store import ObjectClaims
from connector.documents.limits import DocumentLimits
from connector.domain.annotation_outcome import AnnotationRules
from connector.domain.annotation_state import Policy
from connector.domain.hook_plan import GATE_EVENT, STATUS_EVENT, WantedHook
from connector.domain.identity import Identity
from connector.domain.ids import QueueId, event_namespace
from connector.domain.rows import HeaderRow
from connector.domain.sweep_state import SweepPolicy
from connector.engine.circuits import Circuit
from connector.engine.claims import Claims
from connector.engine.holding import Room
from connector.engine.services import GatherPolicy, ImportPolicy, OnTwin
from connector.errors import SettingsError
from connector.ports import States
from connector.rossum.session import RossumConnection
from connector.rossum.signature import Forged, VerifiedBody, verify
from connector.settings import (
    ImportSettings,
    RossumSettings,
    Settings,
    StateSettings,
    SweepSettings,
    WebhookSettings,
)
from connector.settings_capture import CaptureSettings
from connector.state.memory import MemoryStates

#: Room (bytes) that headers and batch framing take of a topic's limit for records.
FRAMING = 4096
#: Copies of one partition that are under way; uploads at once are limited per process.
COPIES_IN_FLIGHT = 32
#: The same where they are gathered: while one upload is under way, the next fills.
GATHERS_IN_FLIGHT = 2

Encode = Callable[[Event], list[tuple[TopicRole, KafkaRecord]]]


def rossum_connection(settings: RossumSettings, *, reject_identical: bool = False) -> RossumConnection:
    """How to reach Rossum, and whether it shall refuse identical documents."""
    return RossumConnection(
        base_url=settings.base_url,
        token=settings.token.get_secret_value() if settings.token else None,
        username=settings.username,
        password=settings.password.get_secret_value() if settings.password else None,
        requests_per_second=settings.requests_per_second,
        reject_identical=reject_identical,
    )


def embedded_connection(settings: Settings) -> RossumConnection | None:
    """As whom embedded URLs are made; None where that is the connector's own user."""
    user = settings.embedded
    if user.token is None and user.username is None:
        return None
    return replace(
        rossum_connection(settings.rossum),
        token=user.token.get_secret_value() if user.token else None,
        username=user.username,
        password=user.password.get_secret_value() if user.password else None,
    )


def document_limits(settings: ImportSettings) -> DocumentLimits:
    """What fetches may do."""
    return DocumentLimits(
        max_bytes=settings.max_bytes,
        allowed_hosts=settings.allowed_hosts,
        private_networks=settings.private_networks,
        ca_file=settings.ca_file,
        file_roots=settings.file_roots,
        allowed_buckets=settings.allowed_buckets,
    )


def verifier(settings: WebhookSettings) -> Callable[[Mapping[str, str], bytes], VerifiedBody | None]:
    """Checks signatures with the configured secrets; None stands for a forged webhook."""
    secrets = [secret.get_secret_value() for secret in settings.secrets]

    def check(headers: Mapping[str, str], body: bytes) -> VerifiedBody | None:
        try:
            return verify(headers, body, secrets=secrets, legacy_sha1=settings.legacy_sha1)
        except Forged:
            return None

    return check


def import_policy(settings: Settings) -> ImportPolicy:
    """What the importer goes by."""
    queues = {alias: QueueId(queue) for alias, queue in settings.rossum.queues.items()}
    default = settings.rossum.default_queue
    imports = settings.imports
    return ImportPolicy(
        queues=queues,
        default_queue=queues[default] if isinstance(default, str) else None if default is None else QueueId(default),
        retry_for=imports.retry_for,
        task_after=imports.task_after,
        deadline=imports.deadline,
        settle=imports.settle,
        file_name=imports.file_name,
        dead_letter_empty=imports.empty == "dead-letter",
        in_flight=max(COPIES_IN_FLIGHT, GATHERS_IN_FLIGHT * imports.gather.max_count * imports.gather.enabled),
        on_twin=OnTwin(imports.on_twin),
        gather=_gather_policy(imports) if imports.gather.enabled else None,
    )


def _gather_policy(imports: ImportSettings) -> GatherPolicy:
    gather = imports.gather
    return GatherPolicy(
        max_count=gather.max_count,
        wait=gather.wait,
        alike=tuple(gather.alike),
        max_bytes=imports.max_bytes,
        room=Room(),
    )


def queues_of(settings: RossumSettings) -> frozenset[QueueId]:
    """The queues that this deployment serves."""
    return frozenset(QueueId(queue) for queue in settings.queues.values())


def wanted_hook(settings: Settings, *, url: str | None = None) -> WantedHook:
    """The hook that this deployment needs; without a URL of its own that of the settings.

    Raises:
        SettingsError: There is no URL or no secret.
    """
    url = url or settings.webhook.public_url
    if url is None:
        raise SettingsError("which URL shall the hook call? set CONNECTOR_WEBHOOK__PUBLIC_URL, or give --url")
    if not settings.webhook.secrets:
        raise SettingsError("CONNECTOR_WEBHOOK__SECRETS is empty: the hook needs a secret to sign with")
    return WantedHook(
        name=settings.kafka.group_id,
        url=url,
        events=frozenset({STATUS_EVENT, *((GATE_EVENT,) if settings.webhook.gate else ())}),
        queues=frozenset(settings.rossum.queues.values()),
        secret=settings.webhook.secrets[0].get_secret_value(),
    )


def sweep_policy(settings: SweepSettings, queues: frozenset[QueueId], header: HeaderRow) -> SweepPolicy:
    """What the sweeps go by."""
    return SweepPolicy(
        queues=tuple(sorted(queues)),
        interval=settings.interval,
        lag=settings.lag,
        overlap=settings.overlap,
        deep_interval=settings.deep_interval,
        deep_overlap=settings.deep_overlap,
        start=settings.start or header.start,
    )


def annotation_rules(settings: Settings, identity: Identity, header: HeaderRow) -> AnnotationRules:
    """What decisions about annotations go by."""
    horizon = settings.sweep.start or header.start
    return AnnotationRules(identity, Policy(tuple(settings.capture.statuses), horizon), captured_form(settings))


def captured_form(settings: Settings) -> CapturedForm:
    """What of the captured data events carry."""
    capture, queues = settings.capture, settings.rossum.queues
    by_queue = {queues[name] if name in queues else int(name): names for name, names in capture.queue_fields.items()}
    return CapturedForm(capture.fields, by_queue, capture.content)


def identity_of(header: HeaderRow, base_url: str) -> Identity:
    """Who this deployment is to consumers."""
    return Identity(event_namespace(header.organization, header.identity_version), base_url)


def claims(settings: CaptureSettings, *, captured_bytes: int, circuit: Circuit) -> Claims | None:
    """Where captured events go that are too large; None where they only lose parts.

    Raises:
        SettingsError: The store can't be used.
    """
    if settings.claim_store is None:
        return None
    # Twice the framing: in structured mode the attributes are a part of the value.
    return Claims(ObjectClaims(settings.claim_store), room=captured_bytes - 2 * FRAMING, circuit=circuit)


def encoder(mode: EventMode, *, captured_bytes: int) -> Encode:
    """Events to records; a captured event above the topic's limit loses parts, never its place."""
    limit = captured_bytes - FRAMING

    def encode(event: Event) -> list[tuple[TopicRole, KafkaRecord]]:
        records = records_of(event, mode)
        if isinstance(event.data, AnnotationCaptured) and any(len(r.value or b"") > limit for _, r in records):
            records = records_of(replace(event, data=shrink(event.data, limit)), mode)
        return records

    return encode


def states(
    settings: StateSettings, clock: Clock, on_loss: Callable[[int | None, str], None]
) -> AbstractContextManager[States]:
    """Where states are kept: in STATE__DIRECTORY, else in memory.

    Raises:
        SettingsError: The extra for it is not installed.
    """
    if settings.directory is None:
        return nullcontext(MemoryStates())
    try:
        from connector.state.folder import DiskStates  # noqa: PLC0415 - RocksDB is an extra
    except ModuleNotFoundError as error:
        msg = f"STATE__DIRECTORY needs {error.name}: install the extra, pip install 'rossum-kafka-connector[disk]'"
        raise SettingsError(msg) from error
    return DiskStates(settings.directory, clock, on_loss)
