"""Writes hints, links and commands to `work`: acknowledged, idempotent, never transactional.

Group commit per partition: what arrives while a record is on its way shares the next one, because one large record
costs Kafka and us far less than many small ones. Records of several partitions leave together, in one request a
broker: the next ones wait until these are acknowledged, but never longer than `TOGETHER`, so that a partition whose
broker is slow holds up no other.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial

from connector.contracts.catalogue import TopicRole
from connector.domain.ids import partition_of
from connector.domain.messages import Swept, WorkMessage, encode_work
from connector.errors import KafkaUnavailable
from connector.kafka.names import Names
from connector.kafka.plain_producer import Acknowledgement, PlainProducer, PlainRecord

#: Seconds that a partition's next record waits for the acknowledgements of the others: what a broker usually takes.
TOGETHER = 0.005
#: Messages of one record: some 100 kB, and below Kafka's default limit even where each is as large as it can be.
MESSAGES_A_RECORD = 400

Waiting = list[tuple[WorkMessage, asyncio.Future[None]]]


@dataclass(slots=True)
class _Lane:
    """One partition of `work`: at most one record on its way, and what waits for the next."""

    partition: int
    waiting: Waiting = field(default_factory=list)
    busy: bool = False

    def take(self) -> Waiting:
        """What the next record holds."""
        taken, self.waiting = self.waiting[:MESSAGES_A_RECORD], self.waiting[MESSAGES_A_RECORD:]
        self.busy = True
        return taken


class KafkaWorkLog:
    """Implements :class:`connector.ports.WorkLog`."""

    def __init__(self, producer: PlainProducer, names: Names) -> None:
        self._producer = producer
        self._partitions = names.partitions
        self._topic = names.topics[TopicRole.WORK]
        self._lanes = [_Lane(partition) for partition in range(names.partitions)]
        self._ready: list[_Lane] = []
        self._sender: asyncio.Task[None] | None = None

    async def send(self, messages: Iterable[WorkMessage]) -> None:
        """Return when Kafka has acknowledged all; see the port."""
        waiting = [self._put(message) for message in messages]
        if len(waiting) == 1:
            await waiting[0]
            return
        for result in await asyncio.gather(*waiting, return_exceptions=True):
            if isinstance(result, BaseException):
                raise result

    def _put(self, message: WorkMessage) -> asyncio.Future[None]:
        lane = self._lanes[self._partition_of(message)]
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        lane.waiting.append((message, done))
        if len(lane.waiting) == 1 and not lane.busy:
            self._has_work(lane)
        return done

    def _partition_of(self, message: WorkMessage) -> int:
        """Where the owner of an entity reads; some messages are for the owner of a partition."""
        if isinstance(message, Swept):
            return message.partition
        return partition_of(message.entity, self._partitions)

    def _has_work(self, lane: _Lane) -> None:
        self._ready.append(lane)
        if self._sender is None:
            self._sender = asyncio.create_task(self._run())

    async def _run(self) -> None:
        """Send what the lanes hold until none has anything that may leave."""
        try:
            while self._ready:
                lanes, self._ready = self._ready, []
                if on_their_way := await self._post([(lane, lane.take()) for lane in lanes]):
                    await asyncio.wait(on_their_way, timeout=TOGETHER)
        finally:
            self._sender = None

    async def _post(self, taken: list[tuple[_Lane, Waiting]]) -> list[Acknowledgement]:
        records = [
            PlainRecord(self._topic, lane.partition, encode_work(message for message, _ in waiting))
            for lane, waiting in taken
        ]
        try:
            acknowledgements = await self._producer.post(records)
        except KafkaUnavailable as error:
            for lane, waiting in taken:
                self._end(lane, waiting, error)
            return []
        except BaseException:
            for lane, waiting in taken:
                self._end(lane, waiting, KafkaUnavailable("this process is stopping"))
            raise
        for (lane, waiting), acknowledged in zip(taken, acknowledgements, strict=True):
            acknowledged.add_done_callback(partial(self._ended, lane, waiting))
        return acknowledgements

    def _ended(self, lane: _Lane, waiting: Waiting, acknowledged: Acknowledgement) -> None:
        self._end(lane, waiting, acknowledged.exception())

    def _end(self, lane: _Lane, waiting: Waiting, error: BaseException | None) -> None:
        """Tell those who wait for a record, and let the lane's next one leave."""
        for _, done in waiting:
            if done.done():
                continue
            if error is None:
                done.set_result(None)
            else:
                done.set_exception(error)
        lane.busy = False
        if lane.waiting:
            self._has_work(lane)

    async def close(self) -> None:
        """Stop sending; what is not acknowledged was never promised."""
        if self._sender is not None:
            self._sender.cancel()
            await asyncio.gather(self._sender, return_exceptions=True)
