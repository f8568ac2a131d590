"""Which topic plays which role, and what tells one deployment from another on the broker."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from connector.contracts.catalogue import TopicRole
from connector.settings_kafka import KafkaSettings


@dataclass(frozen=True, slots=True)
class Names:
    """Names on the broker.

    Attributes:
        group: Consumer group of the owners.
        partitions: Of `imports`, `work` and `ledger`.
        exactly_once: Whether transactions fence who wrote before; else claims tell whose rows count.
    """

    topics: Mapping[TopicRole, str]
    group: str
    instance: str | None
    partitions: int
    exactly_once: bool

    @classmethod
    def from_settings(cls, settings: KafkaSettings, *, partitions: int) -> Self:
        """The names that the settings give."""
        topics = settings.topics
        return cls(
            {
                TopicRole.ARRIVED: topics.arrived,
                TopicRole.LIFECYCLE: topics.lifecycle,
                TopicRole.CAPTURED: topics.captured,
                TopicRole.READY: topics.ready,
                TopicRole.DEAD_LETTERS: topics.dead_letters,
                TopicRole.IMPORTS: topics.imports,
                TopicRole.WORK: topics.work,
                TopicRole.LEDGER: topics.ledger,
            },
            settings.group_id,
            settings.instance_id,
            partitions,
            settings.delivery == "exactly-once",
        )

    @property
    def intake_group(self) -> str:
        """Consumer group of the intake."""
        return f"{self.group}.intake"

    def transactional_id(self, partition: int) -> str:
        """One transactional producer per owned partition; the same id fences the one before."""
        return f"{self._transactional_prefix}{partition}"

    @property
    def transactional_rights(self) -> str:
        """What owners need, in words."""
        return f"it needs the ACLs Write and Describe on transactional ids that start with {self._transactional_prefix}"

    @property
    def _transactional_prefix(self) -> str:
        return f"rossum-kafka-connector.{self.group}."
