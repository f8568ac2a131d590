"""Every setting of the product: one frozen model per group, read from a TOML file and the environment.

Environment names are `CONNECTOR_<GROUP>__<KEY>`; the environment wins over the file; `CONNECTOR_…_FILE` names a file
that holds a secret. Durations are seconds (a number, or `250ms`, `5s`, `15m`, `2h`, `30d`), sizes bytes (`2MB`).
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

from connector.domain.ids import format_clock
from connector.setting_types import Bytes, Name, Network, QueueName, Seconds, Secret

#: A task of Rossum lives for about six hours; what it became must be asked before.
TASK_LIFE = 6 * 3600.0


class _Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    @model_validator(mode="before")
    @classmethod
    def _empty_is_unset(cls, given: Any) -> Any:
        """Templates write a variable that has no value as an empty one."""
        if not isinstance(given, dict):
            return given
        optional = {name for name, field in cls.model_fields.items() if field.default is None}
        return {name: value for name, value in given.items() if value != "" or name not in optional}


class TopicSettings(_Group):
    """Names of topics; `KAFKA__TOPIC_PREFIX` goes before each."""

    arrived: Name = Field("documents.arrived", description="In: document arrivals.")
    lifecycle: Name = Field("rossum.documents.lifecycle", description="Out: every event, without captured data.")
    captured: Name = Field("rossum.annotations.captured", description="Out: captured data, one record a revision.")
    ready: Name = Field("rossum.annotations.ready", description="Out: documents that a person can open now.")
    dead_letters: Name = Field("rossum.dead-letters", description="Out: arrivals that can't be processed.")
    imports: Name = Field("rossum.connector.imports", description="Internal: copies of arrivals.")
    work: Name = Field("rossum.connector.work", description="Internal: hints, links, commands.")
    ledger: Name = Field("rossum.connector.ledger", description="Internal: state; compacted.")


class KafkaSettings(_Group):
    """How to reach Kafka and what to use there."""

    bootstrap_servers: Name = Field("localhost:9092", description="Brokers, host:port, comma-separated.")
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL."
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "PLAIN", description="PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512."
    )
    sasl_username: str | None = Field(None, description="SASL user.")
    sasl_password: SecretStr | None = Field(None, description="SASL password.")
    ssl_cafile: Path | None = Field(None, description="PEM file of the CA; the system's CAs when absent.")
    ssl_certfile: Path | None = Field(None, description="PEM file of the client certificate.")
    ssl_keyfile: Path | None = Field(None, description="PEM file of the client key.")
    ssl_password: SecretStr | None = Field(None, description="Password of the client key.")
    group_id: Name = Field("rossum-connector", description="Consumer group; one per deployment.")
    instance_id: str | None = Field(None, description="Static membership: unique and stable per replica.")
    delivery: Literal["exactly-once", "at-least-once"] = Field(
        "exactly-once", description="exactly-once needs a broker with transactions."
    )
    work_partitions: int = Field(12, ge=1, le=1000, description="Partitions of the inner topics; fixed once created.")
    topics: TopicSettings = Field(default_factory=TopicSettings, description="Topic names.")
    topic_prefix: str = Field("", description="Put before every topic name; separates deployments.")
    event_mode: Literal["binary", "structured"] = Field("binary", description="CloudEvents mode of events.")
    managed: bool = Field(
        default=True,
        description="Whether the broker has an admin API; false: no topic checks, no trimming, one replica.",
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        names = list(self.topics.model_dump().values())
        sasl = self.security_protocol.startswith("SASL")
        wrong = {
            "KAFKA__MANAGED=false needs KAFKA__DELIVERY=at-least-once": not self.managed
            and self.delivery != "at-least-once",
            "two of KAFKA__TOPICS__* have the same name": len(set(names)) < len(names),
            f"KAFKA__SECURITY_PROTOCOL={self.security_protocol} needs KAFKA__SASL_USERNAME and KAFKA__SASL_PASSWORD": (
                sasl and not (self.sasl_username and self.sasl_password)
            ),
            "KAFKA__SSL_KEYFILE needs KAFKA__SSL_CERTFILE": bool(self.ssl_keyfile and not self.ssl_certfile),
        }
        if any(wrong.values()):
            raise ValueError("; ".join(sentence for sentence, is_wrong in wrong.items() if is_wrong))
        return self


class RossumSettings(_Group):
    """How to reach Rossum and which queues to serve."""

    base_url: str = Field("", description="API URL with /api/v1, e.g. https://example.rossum.app/api/v1.")
    token: SecretStr | None = Field(None, description="API token; or username and password.")
    username: str | None = Field(None, description="User to log in as.")
    password: SecretStr | None = Field(None, description="Password of that user.")
    queues: dict[str, int] = Field(default_factory=dict, description='Aliases and ids: {"invoices": 8198}.')
    default_queue: QueueName | None = Field(None, description="Id or alias for arrivals that name no queue.")
    requests_per_second: float = Field(
        8.0, ge=0, allow_inf_nan=False, description="API budget; Rossum allows 10; 0 = no limit of ours."
    )

    @field_validator("base_url")
    @classmethod
    def _api_url(cls, value: str) -> str:
        plain = not any(sign in value for sign in "@?# ")
        if value and not (plain and urlsplit(value).scheme in ("http", "https") and "/v1" in value):
            msg = "must be an http(s) URL with /api/v1 and nothing behind, e.g. https://example.rossum.app/api/v1"
            raise ValueError(msg)
        return value.rstrip("/")

    @field_validator("queues", mode="before")
    @classmethod
    def _list_of_ids(cls, value: object) -> object:
        return {str(queue): queue for queue in value} if isinstance(value, list) else value

    @model_validator(mode="after")
    def _default_is_known(self) -> Self:
        if isinstance(self.default_queue, str) and self.default_queue not in self.queues:
            msg = f"ROSSUM__DEFAULT_QUEUE names {self.default_queue!r}, which is no alias of ROSSUM__QUEUES"
            raise ValueError(msg)
        if self.token is not None and (self.username or self.password):
            msg = "set ROSSUM__TOKEN or ROSSUM__USERNAME and ROSSUM__PASSWORD, not both"
            raise ValueError(msg)
        return self


class WebhookSettings(_Group):
    """The webhook port."""

    host: str = Field("0.0.0.0", description="Address to listen on.")  # noqa: S104 - webhooks come from outside
    port: int = Field(8080, ge=0, le=65535, description="Port; 0 = a free one.")
    path: str = Field("/hooks/rossum", description="Path of the webhook.")
    secrets: tuple[Secret, ...] = Field((), description="Secrets of the Rossum hooks; several while rotating.")
    max_body: Bytes = Field(2_000_000, description="Largest body.")
    allowed_networks: tuple[Network, ...] = Field((), description="Peers that may send (CIDR); empty = any.")
    legacy_sha1: bool = Field(default=False, description="Accept the old SHA-1 signature header too.")

    @field_validator("path")
    @classmethod
    def _is_a_path(cls, value: str) -> str:
        if not value.startswith("/") or any(sign in value for sign in "?# "):
            msg = "must be a path such as /hooks/rossum, without a query"
            raise ValueError(msg)
        return value


class OpsSettings(_Group):
    """The ops port: health, metrics, API."""

    host: str = Field("0.0.0.0", description="Address to listen on.")  # noqa: S104 - probes come from outside
    port: int = Field(9090, ge=0, le=65535, description="Port; 0 = a free one.")
    token: SecretStr | None = Field(None, description="Bearer token of /v1; without one /v1 is off.")


class SweepSettings(_Group):
    """The periodic sweeps."""

    interval: Seconds = Field(60.0, gt=0, description="From one pass to the next.")
    lag: Seconds = Field(5.0, description="How far a pass stays behind now: Rossum's lists lag.")
    overlap: Seconds = Field(30.0, description="How far each pass looks back behind the last.")
    deep_interval: Seconds = Field(900.0, gt=0, description="From one deep pass to the next.")
    deep_overlap: Seconds = Field(900.0, description="How far a deep pass looks back.")
    start: str | None = Field(None, description="Nothing before is published (ISO 8601); default: the first start.")

    @field_validator("start")
    @classmethod
    def _instant(cls, value: str | None) -> str | None:
        if value is None:
            return None
        try:
            instant = datetime.fromisoformat(value)
        except ValueError:
            msg = "must be an instant in ISO 8601, e.g. 2026-01-31T00:00:00Z"
            raise ValueError(msg) from None
        return format_clock(instant if instant.tzinfo else instant.replace(tzinfo=UTC))


class GatherSettings(_Group):
    """Several arrivals in one upload."""

    enabled: bool = Field(default=False, description="Gather arrivals of one queue into one upload.")
    max_count: int = Field(20, ge=2, le=100, description="Most documents of one upload.")
    wait: Seconds = Field(2.0, description="Longest wait for more.")


class ImportSettings(_Group):
    """How documents are fetched and imported."""

    concurrency: int = Field(16, ge=1, le=256, description="Uploads at once.")
    allowed_hosts: tuple[str, ...] = Field(
        (), description="Hosts of https sources (host, *.domain, host:port); empty = the source is off."
    )
    private_networks: tuple[Network, ...] = Field(
        (), description="CIDRs that may be contacted besides global addresses."
    )
    ca_file: Path | None = Field(None, description="PEM file of CAs trusted besides the system's.")
    file_roots: tuple[Path, ...] = Field((), description="Folders of file sources; empty = the source is off.")
    max_bytes: Bytes = Field(40_000_000, description="Largest document.")
    retry_for: Seconds = Field(86_400.0, description="How long a transient failure is retried.")
    task_after: Seconds = Field(300.0, gt=0, description="When a task is asked about if no mark shows up.")
    deadline: Seconds = Field(7_200.0, gt=0, description="When an import without an end is reported.")
    settle: Seconds = Field(600.0, gt=0, description="When an upload that left no trace certainly did not happen.")
    on_twin: Literal["report", "hold", "delete"] = Field("report", description="What to do with a twin.")
    file_name: str = Field("{name}", description="{name} {stem} {suffix} {import_id} {document_key}.")
    reject_identical: bool = Field(default=False, description="Let Rossum refuse identical documents.")
    empty: Literal["skip", "dead-letter"] = Field("skip", description="Arrivals without a value.")
    gather: GatherSettings = Field(default_factory=GatherSettings, description="Gathering.")

    @field_validator("file_name")
    @classmethod
    def _fillable(cls, value: str) -> str:
        try:
            value.format(name="n", stem="s", suffix="x", import_id="i", document_key="k")
        except (KeyError, IndexError, ValueError):
            msg = "may use {name}, {stem}, {suffix}, {import_id} and {document_key} only"
            raise ValueError(msg) from None
        return value

    @field_validator("deadline")
    @classmethod
    def _within_task_life(cls, value: float) -> float:
        if value >= TASK_LIFE:
            msg = "must be below 6h: Rossum forgets its tasks then"
            raise ValueError(msg)
        return value


class CaptureSettings(_Group):
    """What becomes a captured event."""

    statuses: tuple[Literal["exported", "confirmed", "rejected", "failed_export"], ...] = Field(
        ("exported",), description="Statuses whose clock makes a revision."
    )
    claim_store: str | None = Field(None, description="Object store URL for events that are too large.")
    claim_queues: tuple[int, ...] = Field((), description="Queues in confirmed state to claim.")

    @field_validator("statuses")
    @classmethod
    def _some(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            msg = 'must name at least one status, e.g. ["exported"]'
            raise ValueError(msg)
        return value


class StateSettings(_Group):
    """Local state."""

    directory: Path | None = Field(None, description="Folder for local state; none = in memory.")
    retention: Seconds = Field(34_560_000.0, gt=0, description="How long the ledger remembers (400d).")


class Settings(_Group):
    """All settings."""

    kafka: KafkaSettings = Field(default_factory=KafkaSettings)
    rossum: RossumSettings = Field(default_factory=RossumSettings)
    webhook: WebhookSettings = Field(default_factory=WebhookSettings)
    ops: OpsSettings = Field(default_factory=OpsSettings)
    sweep: SweepSettings = Field(default_factory=SweepSettings)
    imports: ImportSettings = Field(default_factory=ImportSettings)
    capture: CaptureSettings = Field(default_factory=CaptureSettings)
    state: StateSettings = Field(default_factory=StateSettings)

    @model_validator(mode="after")
    def _ports_differ(self) -> Self:
        same_host = self.webhook.host == self.ops.host
        if same_host and self.webhook.port == self.ops.port != 0:
            msg = f"WEBHOOK__PORT and OPS__PORT are both {self.ops.port}: give each its own"
            raise ValueError(msg)
        return self
