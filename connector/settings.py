"""Every setting of the product: one frozen model per group, read from a TOML file and the environment.

Environment names are `CONNECTOR_<GROUP>__<KEY>`; the environment wins over the file; `CONNECTOR_…_FILE` names a file
that holds a secret. Durations are seconds (a number, or `250ms`, `5s`, `15m`, `2h`, `30d`), sizes bytes (`2MB`).
"""

from datetime import UTC, datetime
from pathlib import Path
from string import Formatter
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from connector.clock import SystemClock
from connector.domain.ids import format_clock
from connector.setting_types import Bytes, Group, Network, QueueName, Seconds, Secret
from connector.settings_capture import CaptureSettings
from connector.settings_kafka import KafkaSettings

#: A task of Rossum lives for about six hours; what it became must be asked before.
TASK_LIFE = 6 * 3600.0

#: A hundred years: more than clocks can be set back by.
MOST_RETENTION = 100 * 366 * 86_400.0

#: What `IMPORTS__FILE_NAME` may use.
_OF_FILE_NAME = ("name", "stem", "suffix", "import_id", "document_key")


class RossumSettings(Group):
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
        plain, url = not any(sign in value for sign in "@?# "), urlsplit(value.rstrip("/"))
        if value and not (plain and url.scheme in ("http", "https") and url.path.endswith("/v1")):
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
        if isinstance(self.default_queue, int) and self.queues and self.default_queue not in self.queues.values():
            msg = f"ROSSUM__DEFAULT_QUEUE is {self.default_queue}, which is not in ROSSUM__QUEUES: add it there"
            raise ValueError(msg)
        if self.token is not None and (self.username or self.password):
            msg = "set ROSSUM__TOKEN or ROSSUM__USERNAME and ROSSUM__PASSWORD, not both"
            raise ValueError(msg)
        return self


class WebhookSettings(Group):
    """The webhook port."""

    host: str = Field("0.0.0.0", description="Address to listen on.")  # noqa: S104 - webhooks come from outside
    port: int = Field(8080, ge=0, le=65535, description="Port; 0 = a free one.")
    path: str = Field("/hooks/rossum", description="Path of the webhook.")
    public_url: str | None = Field(
        None, description="URL that Rossum's hook calls; with it the hook is watched for drift (see `hooks plan`)."
    )
    gate: bool = Field(
        default=False, description="Whether the hook also gates exports: none ends before Kafka has heard of it."
    )
    secrets: tuple[Secret, ...] = Field((), description="Secrets of the Rossum hooks; several while rotating.")
    max_body: Bytes = Field(2_000_000, description="Largest body.")
    allowed_networks: tuple[Network, ...] = Field((), description="Peers that may send (CIDR); empty = any.")
    legacy_sha1: bool = Field(default=False, description="Accept the old SHA-1 signature header too.")

    @field_validator("public_url")
    @classmethod
    def _reachable(cls, value: str | None) -> str | None:
        if value is not None and urlsplit(value).scheme not in ("http", "https"):
            msg = "must be the http(s) URL of the webhook port as Rossum sees it, e.g. https://example.com/hooks/rossum"
            raise ValueError(msg)
        return value

    @field_validator("path")
    @classmethod
    def _is_a_path(cls, value: str) -> str:
        if not value.startswith("/") or any(sign in value for sign in "?# "):
            msg = "must be a path such as /hooks/rossum, without a query"
            raise ValueError(msg)
        return value


class OpsSettings(Group):
    """The ops port: health, metrics, API."""

    host: str = Field("0.0.0.0", description="Address to listen on.")  # noqa: S104 - probes come from outside
    port: int = Field(9090, ge=0, le=65535, description="Port; 0 = a free one.")
    token: SecretStr | None = Field(None, description="Bearer token of /v1; without one /v1 is off.")


class EmbeddedSettings(Group):
    """The user whose tokens go into embedded URLs."""

    token: SecretStr | None = Field(
        None, description="API token of a user with the role annotator_embedded; none = ROSSUM's user."
    )
    username: str | None = Field(None, description="Or: user to log in as.")
    password: SecretStr | None = Field(None, description="Password of that user.")

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        if self.token is not None and (self.username or self.password):
            msg = "set EMBEDDED__TOKEN or EMBEDDED__USERNAME and EMBEDDED__PASSWORD, not both"
            raise ValueError(msg)
        if (self.username is None) != (self.password is None):
            msg = "set both EMBEDDED__USERNAME and EMBEDDED__PASSWORD, or neither"
            raise ValueError(msg)
        return self


class SweepSettings(Group):
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
            start = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
            clock = format_clock(start)
        except (ValueError, OverflowError):
            msg = "must be an instant in ISO 8601, e.g. 2026-01-31T00:00:00Z"
            raise ValueError(msg) from None
        if start > SystemClock().now():
            msg = "is in the future, and until then nothing would be published: name an instant that has passed"
            raise ValueError(msg)
        return clock


class GatherSettings(Group):
    """Several arrivals in one upload."""

    enabled: bool = Field(
        default=False, description="Upload arrivals of equal queue and values together, fewer API calls each."
    )
    max_count: int = Field(20, ge=2, le=100, description="Most documents of one upload.")
    wait: Seconds = Field(2.0, description="How long the first document waits for others.")
    alike: tuple[str, ...] = Field(
        (),
        description="Keys of metadata that stand on the annotation in Rossum, too: only arrivals in which they are "
        'equal go up together: ["purchase_order"].',
    )


class ImportSettings(Group):
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
    allowed_buckets: tuple[str, ...] = Field(
        (),
        description="Buckets of object store sources: s3://bucket, gcs://bucket, azure://container; "
        "empty = the source is off.",
    )
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
        # Plain names only: what may stand behind one in Python reaches into objects and makes text of any length.
        try:
            plain = all(
                name is None or (name in _OF_FILE_NAME and not spec and not conversion)
                for _, name, spec, conversion in Formatter().parse(value)
            )
        except ValueError:
            plain = False
        if not plain:
            msg = "may use {name}, {stem}, {suffix}, {import_id} and {document_key} only"
            raise ValueError(msg)
        return value

    @model_validator(mode="after")
    def _one_file_an_upload(self) -> Self:
        if self.gather.enabled and self.reject_identical:
            msg = "IMPORTS__REJECT_IDENTICAL needs one document an upload, so IMPORTS__GATHER__ENABLED must be false"
            raise ValueError(msg)
        return self

    @field_validator("deadline")
    @classmethod
    def _within_task_life(cls, value: float) -> float:
        if value >= TASK_LIFE:
            msg = "must be below 6h: Rossum forgets its tasks then"
            raise ValueError(msg)
        return value


class StateSettings(Group):
    """Local state."""

    directory: Path | None = Field(None, description="Folder for local state; none = in memory.")
    retention: Seconds = Field(
        34_560_000.0, gt=0, le=MOST_RETENTION, description="How long the ledger knows what has ended."
    )


class Settings(Group):
    """All settings."""

    kafka: KafkaSettings = Field(default_factory=KafkaSettings)
    rossum: RossumSettings = Field(default_factory=RossumSettings)
    webhook: WebhookSettings = Field(default_factory=WebhookSettings)
    ops: OpsSettings = Field(default_factory=OpsSettings)
    embedded: EmbeddedSettings = Field(default_factory=EmbeddedSettings)
    sweep: SweepSettings = Field(default_factory=SweepSettings)
    imports: ImportSettings = Field(default_factory=ImportSettings)
    capture: CaptureSettings = Field(default_factory=CaptureSettings)
    state: StateSettings = Field(default_factory=StateSettings)

    @model_validator(mode="after")
    def _sweeps_find_rows(self) -> Self:
        look_back = max(self.sweep.overlap, self.sweep.deep_overlap) + self.sweep.lag
        if self.state.retention < look_back:
            msg = (
                f"STATE__RETENTION ({self.state.retention:g} s) is shorter than sweeps look back ({look_back:g} s, "
                "SWEEP__DEEP_OVERLAP and SWEEP__LAG): they would list what is forgotten"
            )
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _queues_of_fields_are_known(self) -> Self:
        for name in self.capture.queue_fields:
            if name not in self.rossum.queues and not (name.isascii() and name.isdigit()):
                msg = f"CAPTURE__QUEUE_FIELDS names {name!r}, which is neither an id nor an alias of ROSSUM__QUEUES"
                raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _claimed_queues_are_served(self) -> Self:
        served = self.rossum.queues.values()
        if others := [str(queue) for queue in self.capture.claim_queues if queue not in served]:
            msg = f"CAPTURE__CLAIM_QUEUES names {', '.join(others)}, not in ROSSUM__QUEUES: add it there or take it out"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _ports_differ(self) -> Self:
        same_host = self.webhook.host == self.ops.host
        if same_host and self.webhook.port == self.ops.port != 0:
            msg = f"WEBHOOK__PORT and OPS__PORT are both {self.ops.port}: give each its own"
            raise ValueError(msg)
        return self
