"""Where a replay writes: public topics or one topic of the user's, and hints for the owners."""

from collections.abc import Callable, Iterable, Sequence
from itertools import chain

from connector.contracts.catalogue import TopicRole
from connector.contracts.envelope import Event, KafkaRecord
from connector.domain.ids import partition_of
from connector.domain.messages import Hint
from connector.kafka.names import Names
from connector.kafka.plain_producer import PlainProducer, PlainRecord
from connector.kafka.work_log import KafkaWorkLog

Encode = Callable[[Event], list[tuple[TopicRole, KafkaRecord]]]


class Outlet:
    """Sends events and hints, each acknowledged before the call returns.

    Args:
        partitions: Of every topic that events go to.
        to_topic: All events go there, whole, instead of to their own topics.
    """

    def __init__(
        self,
        producer: PlainProducer,
        names: Names,
        *,
        encode: Encode,
        partitions: dict[str, int],
        to_topic: str | None,
    ) -> None:
        self._producer = producer
        self._work = KafkaWorkLog(producer, names)
        self._names = names
        self._encode = encode
        self._partitions = partitions
        self._to_topic = to_topic

    async def publish(self, events: Iterable[Event]) -> None:
        """Write events; the partition follows from the key, as it always does.

        Raises:
            KafkaUnavailable: Not acknowledged in time; some may be stored.
        """
        await self._producer.send(chain.from_iterable(self._records(event) for event in events))

    async def ask(self, hints: Sequence[Hint]) -> None:
        """Write hints to the owners.

        Raises:
            KafkaUnavailable: Likewise.
        """
        if hints:
            await self._work.send(hints)

    def _records(self, event: Event) -> list[PlainRecord]:
        encoded = self._encode(event)
        if self._to_topic is not None:
            # The first record is the whole event; the others are thinner copies of it.
            return [self._record(self._to_topic, event.key, encoded[0][1])]
        return [self._record(self._names.topics[role], event.key, record) for role, record in encoded]

    def _record(self, topic: str, key: str, record: KafkaRecord) -> PlainRecord:
        partition = partition_of(key, self._partitions[topic])
        return PlainRecord(topic, partition, record.value, record.key, record.headers)

    async def close(self) -> None:
        """Stop sending."""
        await self._work.close()
