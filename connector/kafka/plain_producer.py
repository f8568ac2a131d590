"""One idempotent producer for all that is written outside of transactions.

It is replaced after its first error: its sequence numbers may have a hole then. What is posted together shares one
task and, partition by partition, the requests that aiokafka makes of it: a task for each record would cost more than
the record.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from aiokafka import AIOKafkaProducer
from aiokafka.structs import RecordMetadata

from connector.errors import KafkaUnavailable
from connector.kafka.connection import CALL_DEADLINE, KafkaConnection, let_go, within

#: Seconds until a record must be acknowledged.
SEND_DEADLINE = 8.0


@dataclass(frozen=True, slots=True)
class PlainRecord:
    """A record and its place."""

    topic: str
    partition: int
    value: bytes | None
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes]] = ()


Acknowledgement = asyncio.Future[None]


class PlainProducer:
    """See the module."""

    def __init__(self, connection: KafkaConnection, *, max_bytes: int) -> None:
        self._connection = connection
        self._max_bytes = max_bytes
        self._producer: AIOKafkaProducer = None
        self._starting = asyncio.Lock()
        self._stopping: set[asyncio.Task[None]] = set()

    async def send(self, records: Iterable[PlainRecord]) -> None:
        """Return when all of them are acknowledged.

        Raises:
            KafkaUnavailable: Not in time; some may be stored all the same.
        """
        for acknowledged in await self.post(records):
            await acknowledged

    async def post(self, records: Iterable[PlainRecord]) -> list[Acknowledgement]:
        """Hand records over; each has its own end: acknowledged, or `KafkaUnavailable` after `SEND_DEADLINE` at most.

        Raises:
            KafkaUnavailable: Kafka does not even take them; none of them is on its way.
        """
        producer = await self._started()
        try:
            sent = await within(SEND_DEADLINE, _hand_over(producer, records), "writing")
        except BaseException:
            self._drop(producer)
            raise
        return [self._acknowledgement(producer, one) for one in sent]

    def _acknowledgement(self, producer: AIOKafkaProducer, sent: asyncio.Future[RecordMetadata]) -> Acknowledgement:
        loop = asyncio.get_running_loop()
        ours: Acknowledgement = loop.create_future()
        # Marks the error as seen: nobody may be waiting for it.
        ours.add_done_callback(lambda future: future.cancelled() or future.exception())

        def fail(why: str) -> None:
            self._drop(producer)
            if not ours.done():
                ours.set_exception(KafkaUnavailable(f"a record was not acknowledged: {why}"))

        def end(sent: asyncio.Future[RecordMetadata]) -> None:
            timer.cancel()
            # aiokafka cancels its own futures when a connection dies.
            if sent.cancelled():
                fail("the connection was lost")
            elif error := sent.exception():
                fail(type(error).__name__)
            elif not ours.done():
                ours.set_result(None)

        timer = loop.call_later(SEND_DEADLINE, fail, f"Kafka did not answer within {SEND_DEADLINE:g} s")
        sent.add_done_callback(end)
        return ours

    async def _started(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._producer is None:
                self._producer = await self._start()
            return self._producer

    async def _start(self) -> AIOKafkaProducer:
        producer: AIOKafkaProducer = self._connection.producer(max_request_size=self._max_bytes)
        try:
            await within(CALL_DEADLINE, producer.start(), self._connection.connecting)
        except BaseException:
            await let_go(producer.stop())
            raise
        return producer

    def _drop(self, producer: AIOKafkaProducer) -> None:
        if self._producer is producer:
            self._producer = None
            stopping = asyncio.create_task(let_go(producer.stop()))
            self._stopping.add(stopping)
            stopping.add_done_callback(self._stopping.discard)

    async def close(self) -> None:
        """Let go of the producer."""
        if self._producer is not None:
            self._drop(self._producer)
        await asyncio.gather(*self._stopping)


async def _hand_over(
    producer: AIOKafkaProducer, records: Iterable[PlainRecord]
) -> list[asyncio.Future[RecordMetadata]]:
    return [
        await producer.send(
            record.topic,
            value=record.value,
            key=record.key,
            partition=record.partition,
            headers=list(record.headers),
        )
        for record in records
    ]
