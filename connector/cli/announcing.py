"""Writes arrivals of local files to the arrivals topic."""

from collections.abc import Sequence

from connector.cli.progress import StageProgress
from connector.contracts.envelope import KafkaRecord
from connector.domain.ids import partition_of
from connector.errors import KafkaUnavailable, Refused, Rejected, Stage
from connector.kafka.connection import KafkaConnection
from connector.kafka.plain_producer import PlainProducer, PlainRecord
from connector.kafka.reading import stretches
from connector.kafka.topics import DEFAULT_MESSAGE_BYTES, find_topics
from connector.settings_kafka import KafkaSettings
from connector.upload.arrivals import arrival_record
from connector.upload.local_files import LocalFile
from connector.upload.outcomes import Fate, Followed
from connector.upload.uploading import Destination

#: Bytes that a record takes besides key, value and headers.
_FRAMING = 1024


async def announce(
    settings: KafkaSettings,
    files: Sequence[LocalFile],
    destination: Destination,
    *,
    by_path: bool,
    stages: StageProgress,
) -> list[Followed]:
    """How the announcement of each file ended, in their order; `DONE` = Kafka has acknowledged it.

    Raises:
        Refused: The topic does not exist.
        KafkaUnavailable: No broker answers.
    """
    connection = KafkaConnection(settings)
    partitions, largest = await _topic(connection, settings)
    producer = PlainProducer(connection, max_bytes=largest)
    stages.begin("documents announced", len(files))
    ends = []
    try:
        for file in files:
            try:
                record = arrival_record(
                    file,
                    str(destination.queue),
                    by_path=by_path,
                    metadata=destination.metadata,
                    values=destination.values,
                )
                plain = _placed(record, settings, partitions, largest)
            except Rejected as error:
                ends.append(Followed(file, Fate.FAILED, (), str(error)))
            else:
                ends.append(await _sent(producer, plain, file))
            stages.step()
    finally:
        await producer.close()
    return ends


def _placed(record: KafkaRecord, settings: KafkaSettings, partitions: int, largest: int) -> PlainRecord:
    """The record as it is sent.

    Raises:
        Rejected: The topic does not take it.
    """
    topic, key = settings.topics.arrived, record.key or b""
    size = len(key) + len(record.value or b"") + _FRAMING
    if size > largest:
        msg = (
            f"its arrival has {size:,} bytes, the topic {topic} takes {largest:,}: announce it with --by-path, or "
            "import it without --via-kafka"
        )
        raise Rejected(msg, stage=Stage.VALIDATE)
    return PlainRecord(topic, partition_of(key.decode(), partitions), record.value, key, record.headers)


async def _topic(connection: KafkaConnection, settings: KafkaSettings) -> tuple[int, int]:
    """Partitions of the arrivals topic, and its largest record (bytes)."""
    topic = settings.topics.arrived
    if not settings.managed:
        return len(await stretches(connection, [topic])), DEFAULT_MESSAGE_BYTES
    async with connection.admin() as admin:
        found = (await find_topics(admin, [topic])).get(topic)
    if found is None:
        raise Refused(f"topic {topic} does not exist: create it, or run `rossum-connector topics create`")
    return found.partitions, found.max_message_bytes


async def _sent(producer: PlainProducer, record: PlainRecord, file: LocalFile) -> Followed:
    try:
        await producer.send([record])
    except KafkaUnavailable as error:
        return Followed(file, Fate.UNKNOWN, (), f"{error}; announce it again, the same file is not imported twice")
    return Followed(file, Fate.DONE)
