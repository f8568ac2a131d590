"""Polls a consumer without being held by it: aiokafka's `getmany` waits for the end of a rebalance, however long."""

import asyncio
from collections.abc import Mapping

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import ConsumerRecord, TopicPartition

from connector.clock import Clock
from connector.errors import KafkaUnavailable
from connector.kafka.connection import CALL_DEADLINE, abandon, answer_of

#: Seconds after which a poll that goes on is left to itself, so that the loop around it turns.
TURN = 1.0
#: Milliseconds that a poll waits for records.
WAIT_MS = 100


class Polling:
    """One poll at a time of one consumer.

    Args:
        most: Records of one poll, over all partitions.
    """

    def __init__(self, consumer: AIOKafkaConsumer, clock: Clock, *, most: int) -> None:
        self._consumer = consumer
        self._most = most
        self._clock = clock
        self._poll: asyncio.Task[Mapping[TopicPartition, list[ConsumerRecord]]] | None = None
        self._since = 0.0

    @property
    def is_over(self) -> bool:
        """Whether all that it has read was handed over: the consumer's positions tell just that."""
        return self._poll is None

    async def turn(self, *, joined: bool) -> Mapping[TopicPartition, list[ConsumerRecord]]:
        """What the poll has brought; nothing while it goes on.

        Args:
            joined: Whether the group is at rest: only then a poll has to come back soon.

        Raises:
            KafkaUnavailable: It failed, or takes too long.
        """
        now = self._clock.monotonic()
        if self._poll is None or not joined:
            self._since = now
        if self._poll is None:
            self._poll = asyncio.create_task(self._consumer.getmany(timeout_ms=WAIT_MS, max_records=self._most))
        done, _ = await asyncio.wait({self._poll}, timeout=TURN)
        if done:
            poll, self._poll = self._poll, None
            return answer_of(poll, "polling")
        if now - self._since > CALL_DEADLINE:
            msg = f"Kafka did not answer within {CALL_DEADLINE:g} s while polling"
            raise KafkaUnavailable(msg)
        return {}

    def end(self) -> None:
        """Let go of a poll that goes on."""
        if self._poll is not None:
            abandon(self._poll)
