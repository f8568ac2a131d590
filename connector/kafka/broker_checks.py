"""What can be wrong with the broker: reach, topics, rights. Asks, and changes nothing."""

from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.structs import TopicPartition

from connector.clock import Clock
from connector.contracts.catalogue import TopicRole
from connector.domain.check import Check, told_as
from connector.errors import KafkaUnavailable
from connector.kafka.connection import CALL_DEADLINE, KafkaConnection, within
from connector.kafka.names import Names
from connector.kafka.preflight import may_transact
from connector.kafka.topics import find_topics, findings
from connector.settings_kafka import KafkaSettings

#: How often a group's offsets are asked for, with a pause (seconds).
ATTEMPTS, PAUSE = 5, 0.5


async def check_broker(kafka: KafkaSettings, clock: Clock, found: list[Check], *, retention: float) -> None:
    """Whether it can be reached and has what is needed; one line each is added to `found`."""
    async with told_as("kafka", found):
        await _check(KafkaConnection(kafka), kafka, clock, found, retention=retention)


async def _check(
    connection: KafkaConnection, kafka: KafkaSettings, clock: Clock, found: list[Check], *, retention: float
) -> None:
    names = Names.from_settings(kafka, partitions=kafka.work_partitions)
    async with told_as("kafka", found), connection.admin() as admin:
        cluster = await within(CALL_DEADLINE, admin.describe_cluster(), "reading the cluster id")
        found.append(
            Check("kafka", is_fine=True, sentence=f"{kafka.bootstrap_servers} (cluster {cluster.get('cluster_id')})")
        )
        if not kafka.managed:
            return
        topics = await find_topics(admin, list(names.topics.values()))
        problems = findings(names, topics, retention=retention)
        found += [Check("topic", is_fine=False, sentence=problem.sentence) for problem in problems]
        if not problems:
            found.append(Check("topics", is_fine=True, sentence=f"{len(topics)} topics as they should be"))
        async with told_as("consumer group", found):
            await _reads_offsets(admin, names, clock)
            found.append(Check("consumer group", is_fine=True, sentence=names.group))
        if not any(problem.role in (TopicRole.IMPORTS, TopicRole.WORK) for problem in problems):
            async with told_as("trimming", found):
                # Below offset 0 there is nothing: only the right to delete is asked for.
                inner = [names.topics[role] for role in (TopicRole.IMPORTS, TopicRole.WORK)]
                nothing = {TopicPartition(topic, 0): RecordsToDelete(0) for topic in inner}
                doing = f"asking for the right to trim {' and '.join(inner)} (it needs the ACL Delete on both)"
                await within(CALL_DEADLINE, admin.delete_records(nothing), doing)
                found.append(Check("trimming", is_fine=True, sentence="finished records may be deleted"))
    if kafka.delivery == "exactly-once" and any(check.name == "kafka" and check.is_fine for check in found):
        async with told_as("transactions", found):
            await may_transact(connection, names)
            found.append(Check("transactions", is_fine=True, sentence="transactional ids may be used"))


async def _reads_offsets(admin: AIOKafkaAdminClient, names: Names, clock: Clock) -> None:
    """Ask for the group's offsets; a cluster that never had a group makes its topic for them first."""
    doing = f"reading the offsets of group {names.group} (it needs the ACL Read on the group)"
    for attempt in range(ATTEMPTS):
        try:
            await within(CALL_DEADLINE, admin.list_consumer_group_offsets(names.group), doing)
        except KafkaUnavailable:
            if attempt == ATTEMPTS - 1:
                raise
            await clock.sleep(PAUSE)
        else:
            return
