"""How to reach Kafka and what to use there."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator

from connector.setting_types import Brokers, Group, Name


class TopicSettings(Group):
    """Names of topics; `KAFKA__TOPIC_PREFIX` goes before each."""

    arrived: Name = Field("documents.arrived", description="In: document arrivals.")
    lifecycle: Name = Field("rossum.documents.lifecycle", description="Out: every event, without captured data.")
    captured: Name = Field("rossum.annotations.captured", description="Out: captured data, one record a revision.")
    ready: Name = Field("rossum.annotations.ready", description="Out: documents that a person can open now.")
    dead_letters: Name = Field("rossum.dead-letters", description="Out: arrivals that can't be processed.")
    imports: Name = Field("rossum.connector.imports", description="Internal: copies of arrivals.")
    work: Name = Field("rossum.connector.work", description="Internal: hints, links, commands.")
    ledger: Name = Field("rossum.connector.ledger", description="Internal: state; compacted.")


class KafkaSettings(Group):
    """How to reach Kafka and what to use there."""

    bootstrap_servers: Brokers = Field("localhost:9092", description="Brokers, host:port, comma-separated.")
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
    group_id: Name = Field(
        "rossum-connector", description="Consumer group, and the name of the Rossum hook; one per deployment."
    )
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
        sasl, tls = self.security_protocol.startswith("SASL"), self.security_protocol.endswith("SSL")
        wrong = {
            "KAFKA__MANAGED=false needs KAFKA__DELIVERY=at-least-once": not self.managed
            and self.delivery != "at-least-once",
            "two of KAFKA__TOPICS__* have the same name": len(set(names)) < len(names),
            f"KAFKA__SECURITY_PROTOCOL={self.security_protocol} needs KAFKA__SASL_USERNAME and KAFKA__SASL_PASSWORD": (
                sasl and not (self.sasl_username and self.sasl_password)
            ),
            f"KAFKA__SASL_* is set, but KAFKA__SECURITY_PROTOCOL={self.security_protocol} does not log in: make it "
            "SASL_SSL or SASL_PLAINTEXT, or take them out": not sasl and self._is_set("sasl_"),
            f"KAFKA__SSL_* is set, but KAFKA__SECURITY_PROTOCOL={self.security_protocol} does not encrypt: make it "
            "SSL or SASL_SSL, or take them out": not tls and self._is_set("ssl_"),
            "KAFKA__SSL_KEYFILE needs KAFKA__SSL_CERTFILE": bool(self.ssl_keyfile and not self.ssl_certfile),
            "KAFKA__SSL_PASSWORD needs KAFKA__SSL_CERTFILE": bool(self.ssl_password and not self.ssl_certfile),
        }
        if any(wrong.values()):
            raise ValueError("; ".join(sentence for sentence, is_wrong in wrong.items() if is_wrong))
        return self

    def _is_set(self, prefix: str) -> bool:
        fields = type(self).model_fields
        return any(getattr(self, name) != fields[name].default for name in fields if name.startswith(prefix))
