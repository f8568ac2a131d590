"""What is checked before anything starts: the broker answers, the topics are right, their limits fit."""

from dataclasses import dataclass

from aiokafka.admin import AIOKafkaAdminClient

from connector.contracts.catalogue import TopicRole
from connector.errors import KafkaForbids, KafkaUnavailable, Refused
from connector.kafka.connection import CALL_DEADLINE, KafkaConnection, let_go, within
from connector.kafka.names import Names
from connector.kafka.topics import DEFAULT_MESSAGE_BYTES, HEADER_ROOM, find_topics, findings, limits
from connector.settings_kafka import KafkaSettings

#: Cluster id where the broker tells none.
UNKNOWN_CLUSTER = "unknown"
#: Seconds that the start waits for a word about transactions: a new cluster makes its topic for them first.
TRANSACTIONS_WITHIN = 5.0


@dataclass(frozen=True, slots=True)
class Broker:
    """What start-up learnt about the broker.

    Attributes:
        cluster: Its cluster id.
        captured_bytes: The largest captured record.
        copy_bytes: The largest copy of an arrival.
        letter_bytes: The largest dead letter.
        max_bytes: The largest record that any client here sends.
    """

    names: Names
    cluster: str
    captured_bytes: int
    copy_bytes: int
    letter_bytes: int
    max_bytes: int


async def look_at_broker(
    connection: KafkaConnection, settings: KafkaSettings, *, retention: float | None = None
) -> Broker:
    """Check the broker; what it is like. `retention` (seconds that the ledger knows what has ended) is the service's.

    Raises:
        Refused: Topics are missing or wrong; one sentence each.
        KafkaUnavailable: It does not answer.
    """
    if not settings.managed:
        return await _unmanaged(connection, settings)
    names = Names.from_settings(settings, partitions=settings.work_partitions)
    async with connection.admin() as admin:
        found = await find_topics(admin, list(names.topics.values()))
        cluster = await _told_by(admin)
    problems = findings(names, found, retention=retention)
    if problems:
        raise Refused("\n".join(problem.sentence for problem in problems))
    captured, largest = limits(names, found)
    return Broker(
        names,
        cluster,
        captured_bytes=captured,
        copy_bytes=found[names.topics[TopicRole.IMPORTS]].max_message_bytes,
        letter_bytes=found[names.topics[TopicRole.DEAD_LETTERS]].max_message_bytes,
        max_bytes=largest + HEADER_ROOM,
    )


async def may_transact(connection: KafkaConnection, names: Names, *, seconds: float = CALL_DEADLINE) -> None:
    """Ask for a producer id under a transactional id of ours that no owner has: nobody is fenced.

    Raises:
        KafkaForbids: An ACL is missing.
        KafkaUnavailable: It does not answer, or not in so many seconds.
    """
    producer = connection.producer(transactional_id=f"{names.transactional_id(0)}.check")
    try:
        doing = "starting a transactional producer"
        await within(seconds, producer.start(), doing, needs=names.transactional_rights)
    finally:
        await let_go(producer.stop())


async def require_transactions(connection: KafkaConnection, names: Names) -> None:
    """Make sure that owners may do what they live by; a broker that is only slow has time until they need it.

    Raises:
        Refused: It does not let us; without this every partition would be tried again for ever.
    """
    if not names.exactly_once:
        return
    try:
        await may_transact(connection, names, seconds=TRANSACTIONS_WITHIN)
    except KafkaForbids as error:
        raise Refused(str(error)) from error
    except KafkaUnavailable:
        return


async def cluster_id(connection: KafkaConnection, settings: KafkaSettings) -> str:
    """The id of the cluster, where the broker tells one.

    Raises:
        KafkaUnavailable: It does not answer.
    """
    if not settings.managed:
        return UNKNOWN_CLUSTER
    async with connection.admin() as admin:
        return await _told_by(admin)


async def _told_by(admin: AIOKafkaAdminClient) -> str:
    cluster = await within(CALL_DEADLINE, admin.describe_cluster(), "reading the cluster id")
    return cluster.get("cluster_id") or UNKNOWN_CLUSTER


async def _unmanaged(connection: KafkaConnection, settings: KafkaSettings) -> Broker:
    """Topics of such a broker appear by themselves; the number of partitions is what it gives them."""
    topic = settings.topics.work
    producer = connection.producer()
    try:
        await within(CALL_DEADLINE, producer.start(), connection.connecting)
        for name in settings.topics.model_dump().values():
            partitions = await within(CALL_DEADLINE, producer.partitions_for(name), f"reading topic {name}")
            if name == topic:
                found = partitions
    finally:
        await let_go(producer.stop())
    if not found:
        msg = f"topic {topic} is not there"
        raise KafkaUnavailable(msg)
    return Broker(
        Names.from_settings(settings, partitions=len(found)),
        UNKNOWN_CLUSTER,
        captured_bytes=DEFAULT_MESSAGE_BYTES,
        copy_bytes=DEFAULT_MESSAGE_BYTES,
        letter_bytes=DEFAULT_MESSAGE_BYTES,
        max_bytes=DEFAULT_MESSAGE_BYTES,
    )
