"""Exactly once: one transactional producer per owned partition.

aiokafka commits offsets without a group generation, so nothing but the transactional id fences a zombie. When this
log starts it fences whoever held the id before and aborts what that one left open. After the first error of any
kind the producer is of no use: it may have ended a transaction or not, and its state machine no longer knows. We
abandon it and let the owner restore from the ledger; the price is a restart of one partition, the gain that no
guess about a half-known transaction is ever needed.

aiokafka repeats the request that ends a transaction by itself, in the same epoch; were we to go on in that epoch, the
first one, when it arrives late, could end a later transaction half-way (a hole of the protocol before KIP-890). So a
commit is given up before aiokafka's own timeout, and one during which a connection was replaced is its producer's last.
"""

import asyncio
from collections.abc import Collection, Mapping
from typing import Self

import orjson
from aiokafka import AIOKafkaProducer
from aiokafka.client import ConnectionGroup
from aiokafka.errors import InvalidProducerEpoch, KafkaError, MessageSizeTooLargeError, ProducerFenced
from aiokafka.structs import OffsetAndMetadata, RecordMetadata, TopicPartition

from connector.contracts.arrivals import ArrivalsLeft, Coordinates
from connector.contracts.catalogue import TopicRole
from connector.errors import CommitRepeated, KafkaUnavailable, PartitionLost
from connector.kafka.connection import (
    CALL_DEADLINE,
    REQUEST_TIMEOUT,
    TRANSACTION_TIMEOUT_MS,
    KafkaConnection,
    bounded,
    let_go,
    within,
)
from connector.kafka.lookup import RecordLookup, left_of_arrivals, read_arrival
from connector.kafka.names import Names
from connector.ports import Batch, InnerRecord

#: Seconds for a whole transaction; beyond it the broker is gone and the outcome unknown. Less than aiokafka waits for
#: one answer before it asks again.
COMMIT_DEADLINE = REQUEST_TIMEOUT - 1.0


def offset_stamp(incarnation: str, ledger_end: int) -> str:
    """The metadata string of an offset commit: which ledger it goes with, and how far that reached."""
    return orjson.dumps({"incarnation": incarnation, "ledger_end": ledger_end}).decode()


class TransactionalLog:
    """Implements :class:`connector.ports.PartitionLog` with Kafka transactions."""

    owner: str | None = None

    def __init__(self, producer: AIOKafkaProducer, partition: int, names: Names, lookup: RecordLookup) -> None:
        self._producer = producer
        self._partition = partition
        self._names = names
        self._lookup = lookup
        self._ledger = names.topics[TopicRole.LEDGER]
        self.incarnation = ""
        self.ledger_end = 0

    @classmethod
    async def open(
        cls, connection: KafkaConnection, partition: int, names: Names, lookup: RecordLookup, *, max_bytes: int
    ) -> Self:
        """Take the partition over: from here on its former owner can commit nothing.

        Raises:
            KafkaUnavailable: No broker, or it can't serve transactions now, or does not let us.
        """
        producer = connection.producer(
            transactional_id=names.transactional_id(partition),
            transaction_timeout_ms=TRANSACTION_TIMEOUT_MS,
            max_request_size=max_bytes,
        )
        try:
            doing = f"taking over partition {partition}"
            await within(CALL_DEADLINE, producer.start(), doing, needs=names.transactional_rights)
        except BaseException:
            await let_go(producer.stop())
            raise
        return cls(producer, partition, names, lookup)

    async def commit(self, batch: Batch) -> int:
        """One transaction; see the port."""
        try:
            return await bounded(COMMIT_DEADLINE, self._commit(batch))
        except (ProducerFenced, InvalidProducerEpoch) as error:
            msg = f"partition {self._partition} was taken over by another replica"
            raise PartitionLost(msg) from error
        except CommitRepeated:
            raise
        except MessageSizeTooLargeError:
            # A defect, and sure to be no success: whose the partition is does not come into it.
            raise
        except (KafkaError, TimeoutError, AssertionError, OSError) as error:
            msg = f"the outcome of a transaction on partition {self._partition} is unknown: {type(error).__name__}"
            raise KafkaUnavailable(msg) from error

    async def _commit(self, batch: Batch) -> int:
        producer = self._producer
        await producer.begin_transaction()
        sends = [
            await producer.send(
                self._names.topics[role], value=record.value, key=record.key, headers=list(record.headers)
            )
            for role, record in batch.records
        ]
        rows = [
            await producer.send(self._ledger, value=value, key=key.encode(), partition=self._partition)
            for key, value in batch.rows.items()
        ]
        # Awaited before the offsets: a produce that meets a pending AddOffsets waits a whole retry back-off.
        stored: list[RecordMetadata] = await asyncio.gather(*rows)
        await asyncio.gather(*sends)
        if batch.offsets:
            await producer.send_offsets_to_transaction(self._offsets(batch.offsets), self._names.group)
        wires = self._wires()
        await producer.commit_transaction()
        if self._wires() != wires:
            msg = f"a connection was lost in the commit of partition {self._partition}, which was repeated"
            raise CommitRepeated(msg)
        if stored:
            self.ledger_end = max(row.offset for row in stored) + 1
        return self.ledger_end

    def _wires(self) -> set[object]:
        """Which connections to coordinators there are; aiokafka tells of a repetition nowhere else.

        The connections themselves: the `id` of one that is gone may be the next one's.
        """
        connections = self._producer.client._conns.items()  # noqa: SLF001 - as told above
        return {wire for (_, group), wire in connections if group == ConnectionGroup.COORDINATION}

    def _offsets(self, offsets: Mapping[TopicRole, int]) -> dict[TopicPartition, OffsetAndMetadata]:
        stamp = offset_stamp(self.incarnation, self.ledger_end)
        return {
            TopicPartition(self._names.topics[role], self._partition): OffsetAndMetadata(offset, stamp)
            for role, offset in offsets.items()
        }

    async def read_copy(self, offset: int) -> InnerRecord | None:
        """A record of `imports` of this partition."""
        return await self._lookup.read(self._names.topics[TopicRole.IMPORTS], self._partition, offset)

    async def read_arrival(self, at: Coordinates) -> InnerRecord | None:
        """A record of the arrivals topic."""
        return await read_arrival(self._lookup, self._names, at)

    async def left_of_arrivals(self, places: Collection[str]) -> ArrivalsLeft:
        """What of the arrivals can still be read."""
        return await left_of_arrivals(self._lookup, self._names, places, self._partition)

    async def close(self) -> None:
        """Let go of the producer."""
        await let_go(self._producer.stop())
