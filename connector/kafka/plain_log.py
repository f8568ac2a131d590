"""At least once, for brokers without transactions: events acknowledged, then rows, then offsets.

A claim row with a random owner id stands before all that this ownership writes; a fold of the ledger takes rows only
from the owner of the latest claim before them, so a frozen owner's late rows are ignored.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Self
from uuid import uuid4

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError
from aiokafka.structs import OffsetAndMetadata, RecordMetadata, TopicPartition

from connector.contracts.arrivals import ArrivalsLeft, Coordinates
from connector.contracts.catalogue import TopicRole
from connector.domain.rows import ClaimRow, claim_key, encode_row
from connector.errors import KafkaUnavailable
from connector.kafka.connection import CALL_DEADLINE, KafkaConnection, bounded, let_go, within
from connector.kafka.lookup import RecordLookup, left_of_arrivals, read_arrival
from connector.kafka.names import Names
from connector.kafka.restore import OWNER_HEADER
from connector.kafka.transactional_log import COMMIT_DEADLINE, offset_stamp
from connector.ports import Batch, InnerRecord

CommitOffsets = Callable[[Mapping[TopicPartition, OffsetAndMetadata]], Awaitable[None]]


class PlainLog:
    """Implements :class:`connector.ports.PartitionLog` without transactions."""

    def __init__(
        self,
        producer: AIOKafkaProducer,
        partition: int,
        names: Names,
        lookup: RecordLookup,
        commit_offsets: CommitOffsets,
    ) -> None:
        self._producer = producer
        self._partition = partition
        self._names = names
        self._lookup = lookup
        self._commit_offsets = commit_offsets
        self.owner: str | None = uuid4().hex
        self.incarnation = ""
        self.ledger_end = 0

    @classmethod
    async def open(  # noqa: PLR0913 - what a log is made of
        cls,
        connection: KafkaConnection,
        partition: int,
        names: Names,
        lookup: RecordLookup,
        *,
        commit_offsets: CommitOffsets,
        max_bytes: int,
    ) -> Self:
        """Claim the partition: the claim row is acknowledged when this returns."""
        producer = connection.producer(max_request_size=max_bytes)
        try:
            await within(CALL_DEADLINE, producer.start(), f"claiming partition {partition}")
            log = cls(producer, partition, names, lookup, commit_offsets)
            claim = encode_row(ClaimRow(log.owner or ""), log.owner)
            await log.commit(Batch((), {claim_key(log.owner or ""): claim}, {}))
        except BaseException:
            await let_go(producer.stop())
            raise
        return log

    async def commit(self, batch: Batch) -> int:
        """Events, then rows, then offsets, each acknowledged before the next."""
        try:
            return await bounded(COMMIT_DEADLINE, self._commit(batch))
        except MessageSizeTooLargeError:
            # A defect, and sure to be no success: whose the partition is does not come into it.
            raise
        except (KafkaError, TimeoutError, AssertionError, OSError) as error:
            msg = f"the outcome of a commit on partition {self._partition} is unknown: {type(error).__name__}"
            raise KafkaUnavailable(msg) from error

    async def _commit(self, batch: Batch) -> int:
        topics, producer = self._names.topics, self._producer
        sends = [
            await producer.send(topics[role], value=record.value, key=record.key, headers=list(record.headers))
            for role, record in batch.records
        ]
        await asyncio.gather(*sends)
        rows = [
            await producer.send(
                topics[TopicRole.LEDGER],
                value=value,
                key=key.encode(),
                partition=self._partition,
                headers=[] if value is not None else [(OWNER_HEADER, (self.owner or "").encode())],
            )
            for key, value in batch.rows.items()
        ]
        stored: list[RecordMetadata] = await asyncio.gather(*rows)
        if stored:
            self._check_alone(stored)
            self.ledger_end = max(row.offset for row in stored) + 1
        if batch.offsets:
            stamp = offset_stamp(self.incarnation, self.ledger_end)
            await self._commit_offsets(
                {
                    TopicPartition(topics[role], self._partition): OffsetAndMetadata(offset, stamp)
                    for role, offset in batch.offsets.items()
                }
            )
        return self.ledger_end

    def _check_alone(self, stored: list[RecordMetadata]) -> None:
        """Rows of one writer follow each other; a gap is a row of somebody who does not know that the claim is gone.

        Such a row does not count, but the cleaner would keep it and remove ours: whoever opens the partition next
        brings ours forward.
        """
        end = self.ledger_end + len(stored)
        if self.ledger_end and max(row.offset for row in stored) >= end:
            msg = f"a former owner has written to the ledger of partition {self._partition}: it is opened anew"
            raise KafkaUnavailable(msg)

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
