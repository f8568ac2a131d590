"""The topics that must exist, what is wrong with those that do, and making the missing ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from connector.contracts.catalogue import TopicRole
from connector.errors import Refused
from connector.kafka.connection import CALL_DEADLINE, within
from connector.kafka.names import Names
from connector.quantities import counted

#: Partitions of public topics when this product creates them; any number works.
PUBLIC_PARTITIONS = 12
#: Kafka's default limit of one record batch (bytes), and the room that our headers need beside a copied arrival.
DEFAULT_MESSAGE_BYTES = 1_048_588
HEADER_ROOM = 64 * 1024
#: Copies of each partition where there are brokers enough.
USUAL_REPLICATION = 3
#: How long (milliseconds) compaction keeps removals: a local state may miss them for half of it.
REMOVALS_KEPT_MS = 86_400_000
#: Without transactions: for how long (milliseconds) the cleaner must leave the ledger's rows alone. A former owner's
#: late row does not count, but hides one that does; in this time the owner, which notices with its next row, or its
#: successor writes that one again.
CLAIMED_LAG_MS = 7 * 24 * 3600 * 1000
_LAG = "min.compaction.lag.ms"
_EXISTS = 36
_FOREVER = "-1"
_DAY_MS = 86_400_000

#: Topics that the owners share one to one; their number of partitions is fixed once created.
INNER = (TopicRole.IMPORTS, TopicRole.WORK, TopicRole.LEDGER)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A topic as it should be."""

    role: TopicRole
    name: str
    partitions: int
    configs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Found:
    """A topic as it is."""

    partitions: int
    configs: Mapping[str, str]

    @property
    def max_message_bytes(self) -> int:
        """The largest record that it takes."""
        return int(self.configs.get("max.message.bytes", DEFAULT_MESSAGE_BYTES))


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of a plan: `missing` can be made by `topics create`, `wrong` needs a person."""

    role: TopicRole
    name: str
    state: str
    sentence: str


def wanted_topics(names: Names) -> list[Wanted]:
    """All topics with the configuration that `topics create` gives them."""
    inner = {"retention.ms": _FOREVER, "retention.bytes": _FOREVER, "cleanup.policy": "delete"}
    roomy = {"max.message.bytes": str(DEFAULT_MESSAGE_BYTES + HEADER_ROOM)}
    configs: dict[TopicRole, dict[str, str]] = {
        TopicRole.ARRIVED: {"cleanup.policy": "delete"},
        TopicRole.LIFECYCLE: {"cleanup.policy": "delete"},
        TopicRole.CAPTURED: {"cleanup.policy": "delete"},
        TopicRole.READY: {"cleanup.policy": "delete"},
        TopicRole.DEAD_LETTERS: {"cleanup.policy": "delete", **roomy},
        TopicRole.IMPORTS: inner | roomy,
        TopicRole.WORK: inner,
        TopicRole.LEDGER: {
            "cleanup.policy": "compact",
            "min.cleanable.dirty.ratio": "0.1",
            "delete.retention.ms": str(REMOVALS_KEPT_MS),
        },
    }
    if not names.exactly_once:
        configs[TopicRole.LEDGER][_LAG] = str(CLAIMED_LAG_MS)
    return [
        Wanted(role, names.topics[role], names.partitions if role in INNER else PUBLIC_PARTITIONS, config)
        for role, config in configs.items()
    ]


async def find_topics(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, Found]:
    """The existing ones among these topics, with partitions and configuration.

    Raises:
        KafkaUnavailable: Kafka does not answer.
    """
    described: list[Any] = await within(CALL_DEADLINE, admin.describe_topics(list(names)), "reading topics")
    found = {t["topic"]: len(t["partitions"]) for t in described if t["error_code"] == 0 and t["partitions"]}
    if not found:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in found]
    answers = await within(CALL_DEADLINE, admin.describe_configs(resources), "reading topic configuration")
    configs: dict[str, dict[str, str]] = {}
    for answer in answers:
        for _error, _message, _kind, name, entries in answer.resources:
            configs[name] = {entry[0]: entry[1] for entry in entries}
    return {name: Found(partitions, configs.get(name, {})) for name, partitions in found.items()}


def findings(names: Names, found: Mapping[str, Found], *, retention: float | None = None) -> list[Finding]:
    """What is missing or wrong, one sentence each; empty when all is fine.

    With `retention` (seconds that the ledger knows what has ended) the arrivals topic is held against it.
    """
    result = []
    for topic in wanted_topics(names):
        existing = found.get(topic.name)
        if existing is None:
            sentence = f"topic {topic.name} does not exist: create it, or run `rossum-connector topics create`"
            result.append(Finding(topic.role, topic.name, "missing", sentence))
        else:
            result += [Finding(topic.role, topic.name, "wrong", sentence) for sentence in _wrong(topic, existing)]
    result += _size_findings(names, found)
    return result if retention is None else result + _retention_findings(names, found, retention)


def _wrong(topic: Wanted, existing: Found) -> list[str]:
    sentences = []
    if topic.role in INNER and existing.partitions != topic.partitions:
        sentences.append(
            f"topic {topic.name} has {counted(existing.partitions, 'partition')}, but KAFKA__WORK_PARTITIONS is "
            f"{topic.partitions}: imports, work and ledger need the same number, fixed once created"
        )
    policy = existing.configs.get("cleanup.policy")
    if topic.role in INNER and policy is not None and policy != topic.configs["cleanup.policy"]:
        sentences.append(
            f"topic {topic.name} has cleanup.policy={policy}, it must be {topic.configs['cleanup.policy']}: "
            "anything else loses state"
        )
    removals = int(existing.configs.get("delete.retention.ms", REMOVALS_KEPT_MS))
    if topic.role is TopicRole.LEDGER and removals < REMOVALS_KEPT_MS:
        sentences.append(
            f"topic {topic.name} has delete.retention.ms={removals}, it must be at least {REMOVALS_KEPT_MS}: "
            "a local state that was away for some hours would miss removals"
        )
    if topic.role in (TopicRole.IMPORTS, TopicRole.WORK):
        retention = existing.configs.get("retention.ms", _FOREVER)
        if retention != _FOREVER:
            sentences.append(
                f"topic {topic.name} has retention.ms={retention}, it must be -1: the connector trims it itself"
            )
    lag, least = int(existing.configs.get(_LAG, 0)), int(topic.configs.get(_LAG, 0))
    if lag < least:
        sentences.append(
            f"topic {topic.name} has {_LAG}={lag}, with KAFKA__DELIVERY=at-least-once it must be at least {least}: "
            "a frozen replica's late row could remove a row that counts"
        )
    return sentences


def _size_findings(names: Names, found: Mapping[str, Found]) -> list[Finding]:
    """A dead letter holds a whole arrival and its reasons; its topic must take it."""
    arrived = found.get(names.topics[TopicRole.ARRIVED])
    letters = found.get(names.topics[TopicRole.DEAD_LETTERS])
    if arrived is None or letters is None or letters.max_message_bytes > arrived.max_message_bytes:
        return []
    name = names.topics[TopicRole.DEAD_LETTERS]
    sentence = (
        f"topic {name} takes records of {letters.max_message_bytes} bytes, the arrivals topic "
        f"{arrived.max_message_bytes}: give {name} max.message.bytes={arrived.max_message_bytes + HEADER_ROOM}"
    )
    return [Finding(TopicRole.DEAD_LETTERS, name, "wrong", sentence)]


def _retention_findings(names: Names, found: Mapping[str, Found], retention: float) -> list[Finding]:
    """An arrival that can be read again needs its row. Where arrivals are kept for ever, so are rows of imports."""
    name = names.topics[TopicRole.ARRIVED]
    arrived = found.get(name)
    kept = int(arrived.configs.get("retention.ms", _FOREVER)) if arrived is not None else -1
    if kept <= retention * 1000:
        return []
    sentence = (
        f"topic {name} keeps arrivals for {kept / _DAY_MS:g} d (retention.ms={kept}), STATE__RETENTION is "
        f"{retention * 1000 / _DAY_MS:g} d: the ledger must know an import for as long as its arrival can be read "
        "again; raise STATE__RETENTION or lower retention.ms"
    )
    return [Finding(TopicRole.ARRIVED, name, "wrong", sentence)]


async def create_missing(
    admin: AIOKafkaAdminClient, names: Names, found: Mapping[str, Found], *, replication: int | None
) -> list[str]:
    """Create what does not exist; the names made.

    Without `replication` (copies of each partition) three are made, or as many as there are brokers; the broker's
    own default can't be asked for, because aiokafka speaks a version of the request from before that.

    Raises:
        Refused: The broker refuses one, with its reason.
    """
    missing = [topic for topic in wanted_topics(names) if topic.name not in found]
    if not missing:
        return []
    if replication is None:
        cluster = await within(CALL_DEADLINE, admin.describe_cluster(), "counting brokers")
        replication = min(USUAL_REPLICATION, len(cluster["brokers"]))
    new = [NewTopic(t.name, t.partitions, replication, topic_configs=dict(t.configs)) for t in missing]
    answer = await within(CALL_DEADLINE, admin.create_topics(new), "creating topics")
    for name, code, *rest in answer.topic_errors:
        if code not in (0, _EXISTS):
            msg = f"Kafka refuses to create topic {name}: error {code} {rest[0] if rest else ''}".rstrip()
            raise Refused(msg)
    return [topic.name for topic in missing]


def limits(names: Names, found: Mapping[str, Found]) -> tuple[int, int]:
    """The largest captured event (bytes), and the largest record that a client here must be able to send."""
    sizes = {role: found[name].max_message_bytes for role, name in names.topics.items() if name in found}
    captured = sizes.get(TopicRole.CAPTURED, DEFAULT_MESSAGE_BYTES)
    return captured, max([*sizes.values(), DEFAULT_MESSAGE_BYTES])
