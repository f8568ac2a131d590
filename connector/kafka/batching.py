"""Records of one transaction as ready batches: one future and one queueing a partition instead of one a record."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.structs import RecordMetadata, TopicPartition

from connector.domain.ids import partition_of_key


@dataclass(slots=True)
class Batching:
    """Collects records and hands them over, in their order within each partition.

    A batch that is full leaves at once and the next of its partition waits until it is on its way, so that no more
    than one a partition is held here.
    """

    producer: AIOKafkaProducer
    _open: dict[TopicPartition, Any] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)
    _sent: list[tuple[TopicPartition, int, asyncio.Future[RecordMetadata]]] = field(default_factory=list)

    async def keyed(self, topic: str, key: bytes, value: bytes | None, headers: Sequence[tuple[str, bytes]]) -> None:
        """A record that goes where its key says, as Kafka's own clients decide it."""
        if topic not in self._counts:
            self._counts[topic] = len(await self.producer.partitions_for(topic))
        place = TopicPartition(topic, partition_of_key(key, self._counts[topic]))
        await self.put(place, key, value, headers)

    async def put(
        self, place: TopicPartition, key: bytes, value: bytes | None, headers: Sequence[tuple[str, bytes]] = ()
    ) -> None:
        """A record of that partition."""
        batch = self._open.get(place)
        if batch is None or batch.append(timestamp=None, key=key, value=value, headers=list(headers)) is None:
            if batch is not None:
                await self._leave(place, batch)
            batch = self._open[place] = self.producer.create_batch()
            batch.append(timestamp=None, key=key, value=value, headers=list(headers))

    async def _leave(self, place: TopicPartition, batch: Any) -> None:
        sent = await self.producer.send_batch(batch, place.topic, partition=place.partition)
        self._sent.append((place, batch.record_count(), sent))

    async def stored(self) -> dict[TopicPartition, int]:
        """Hand over what is left and wait for everything: where each partition ends after its last record.

        Raises:
            KafkaError: One of the batches is not stored, or nobody knows.
        """
        for place, batch in self._open.items():
            await self._leave(place, batch)
        self._open.clear()
        found = await asyncio.gather(*(sent for _, _, sent in self._sent))
        return {
            place: int(metadata.offset) + count for (place, count, _), metadata in zip(self._sent, found, strict=True)
        }
