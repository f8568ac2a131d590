"""Writes arrivals of local files to the arrivals topic."""

import asyncio
from collections import Counter
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


#: Seconds that an announcement under way has left when a person wants to stop.
GRACE = 2.0
_INTERRUPTED = "interrupted"


class Announcing:
    """Announces files, as far as a person lets it."""

    def __init__(
        self, settings: KafkaSettings, destination: Destination, *, by_path: bool, stages: StageProgress
    ) -> None:
        self._settings = settings
        self._destination = destination
        self._by_path = by_path
        self._stages = stages
        #: Of the files that were begun.
        self._ends: list[Followed] = []

    async def run(self, files: Sequence[LocalFile], stop: asyncio.Event) -> list[Followed]:
        """How the announcement of each file ended, in their order; `DONE` = Kafka has acknowledged it.

        Once `stop` is set no further file is begun.

        Raises:
            Refused: The topic does not exist.
            KafkaUnavailable: No broker answers.
        """
        work, stopping = asyncio.create_task(self._announce(files, stop)), asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait({work}, timeout=GRACE)
        finally:
            for task in (work, stopping):
                task.cancel()
            await asyncio.gather(work, stopping, return_exceptions=True)
        if not work.cancelled():
            work.result()
        return self._ends + [Followed(file, Fate.NOT_SENT, (), _INTERRUPTED) for file in files[len(self._ends) :]]

    async def _announce(self, files: Sequence[LocalFile], stop: asyncio.Event) -> None:
        connection = KafkaConnection(self._settings)
        partitions, largest = await _topic(connection, self._settings)
        producer = PlainProducer(connection, max_bytes=largest)
        self._stages.begin("documents announced", len(files))
        try:
            for file in files:
                if stop.is_set():
                    return
                # What is known of it if this is broken off.
                self._ends.append(Followed(file, Fate.UNKNOWN, (), _INTERRUPTED))
                self._ends[-1] = await self._end_of(file, producer, partitions, largest)
                self._stages.step()
        finally:
            await producer.close()

    async def _end_of(self, file: LocalFile, producer: PlainProducer, partitions: int, largest: int) -> Followed:
        to = self._destination
        try:
            record = arrival_record(file, str(to.queue), by_path=self._by_path, metadata=to.metadata, values=to.values)
            plain = _placed(record, self._settings, partitions, largest)
        except Rejected as error:
            return Followed(file, Fate.FAILED, (), str(error))
        return await _sent(producer, plain, file)


def interruption(ends: Sequence[Followed]) -> str | None:
    """What somebody has to know who stopped it before its end; None where nobody did."""
    if all(end.sentence != _INTERRUPTED for end in ends):
        return None
    counts = Counter(end.fate for end in ends)
    left = counts[Fate.NOT_SENT] + counts[Fate.UNKNOWN]
    return (
        f"interrupted: {counts[Fate.DONE]:,} announced (acknowledged by Kafka), {left:,} not; the same command again "
        "is harmless, an unchanged file is not imported twice"
    )


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
