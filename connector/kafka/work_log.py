"""Writes hints, links and commands to `work`, and copies to `imports`: acknowledged, idempotent, never transactional.

Group commit per partition: what arrives while a record is on its way shares the next one. No timer is needed, and
one large record costs Kafka and us far less than many small ones.
"""

import asyncio
from collections.abc import Iterable, Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.structs import RecordMetadata

from connector.contracts.catalogue import TopicRole
from connector.domain.ids import partition_of
from connector.domain.messages import WorkMessage, encode_work
from connector.errors import KafkaUnavailable
from connector.kafka.connection import CALL_DEADLINE, KafkaConnection, let_go, within
from connector.kafka.names import Names

#: Seconds until a record must be acknowledged.
SEND_DEADLINE = 8.0
#: Messages of one record: some 200 kB, well below the usual limit of a message.
MESSAGES_A_RECORD = 1_000


class PlainProducer:
    """One idempotent producer that is replaced after its first error: its sequence numbers may have a hole then."""

    def __init__(self, connection: KafkaConnection, *, max_bytes: int) -> None:
        self._connection = connection
        self._max_bytes = max_bytes
        self._producer: AIOKafkaProducer = None
        self._starting = asyncio.Lock()

    async def send(
        self,
        topic: str,
        *,
        partition: int,
        value: bytes | None,
        key: bytes | None = None,
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> None:
        """Return when the record is acknowledged.

        Raises:
            KafkaUnavailable: It was not, in time; it may be stored all the same.
        """
        producer = await self._started()
        try:
            await within(
                SEND_DEADLINE, self._send(producer, topic, partition, (key, value, headers)), f"writing to {topic}"
            )
        except BaseException:
            await self._drop(producer)
            raise

    @staticmethod
    async def _send(
        producer: AIOKafkaProducer,
        topic: str,
        partition: int,
        record: tuple[bytes | None, bytes | None, Sequence[tuple[str, bytes]]],
    ) -> RecordMetadata:
        key, value, headers = record
        return await (await producer.send(topic, value=value, key=key, partition=partition, headers=list(headers)))

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

    async def _drop(self, producer: AIOKafkaProducer) -> None:
        if self._producer is producer:
            self._producer = None
            await let_go(producer.stop())

    async def close(self) -> None:
        """Let go of the producer."""
        if self._producer is not None:
            await self._drop(self._producer)


class _Lane:
    """One partition of `work`: at most one record on its way."""

    def __init__(self, producer: PlainProducer, topic: str, partition: int) -> None:
        self._producer = producer
        self._topic = topic
        self._partition = partition
        self._waiting: list[tuple[WorkMessage, asyncio.Future[None]]] = []
        self._sender: asyncio.Task[None] | None = None

    def put(self, message: WorkMessage) -> asyncio.Future[None]:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((message, done))
        if self._sender is None:
            self._sender = asyncio.create_task(self._run())
        return done

    async def _run(self) -> None:
        try:
            while self._waiting:
                taken = self._waiting[:MESSAGES_A_RECORD]
                self._waiting = self._waiting[MESSAGES_A_RECORD:]
                await self._deliver(taken)
        finally:
            self._sender = None

    async def _deliver(self, taken: list[tuple[WorkMessage, asyncio.Future[None]]]) -> None:
        value = encode_work(message for message, _ in taken)
        error: Exception | None = None
        try:
            await self._producer.send(self._topic, partition=self._partition, value=value)
        except KafkaUnavailable as failure:
            error = failure
        except BaseException:
            for _, done in taken:
                done.cancel()
            raise
        for _, done in taken:
            if not done.done():
                if error is None:
                    done.set_result(None)
                else:
                    done.set_exception(error)

    async def close(self) -> None:
        if self._sender is not None:
            self._sender.cancel()
            await asyncio.gather(self._sender, return_exceptions=True)


class KafkaWorkLog:
    """Implements :class:`connector.ports.WorkLog`."""

    def __init__(self, producer: PlainProducer, names: Names) -> None:
        self._partitions = names.partitions
        topic = names.topics[TopicRole.WORK]
        self._lanes = [_Lane(producer, topic, partition) for partition in range(names.partitions)]

    async def send(self, messages: Iterable[WorkMessage]) -> None:
        """Return when Kafka has acknowledged all; see the port."""
        waiting = [self._lanes[partition_of(m.entity, self._partitions)].put(m) for m in messages]
        results = await asyncio.gather(*waiting, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def close(self) -> None:
        """Stop sending; what is not acknowledged was never promised."""
        for lane in self._lanes:
            await lane.close()
