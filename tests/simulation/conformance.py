"""What the memory broker must have in common with a real one: checks that either is asked.

A check does something through the clients that the connector uses and returns what it saw; what it must have seen
stands beside it. Whatever a simulation proves, it proves for brokers that pass these.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from aiokafka.errors import IllegalOperation, KafkaError
from aiokafka.structs import TopicPartition

from connector.kafka.connection import KafkaConnection, let_go
from tests.support.waiting import eventually

#: Seconds that a check waits for something to become visible.
PATIENCE = 30.0


@dataclass(slots=True)
class Bench:
    """A broker and what a check needs of it.

    Attributes:
        make_topic: Makes a topic: name, partitions, configuration.
        clean: Makes the cleaner run over a compacted topic, or waits until it has left no more than so many records.
        prefix: For names that nobody else uses.
    """

    connection: KafkaConnection
    make_topic: Callable[[str, int, dict[str, str]], Awaitable[None]]
    clean: Callable[[TopicPartition, int], Awaitable[None]]
    prefix: str
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def topic(self, name: str = "topic", partitions: int = 1, **configs: str) -> str:
        """A new topic; its full name."""
        await self.make_topic(self.prefix + name, partitions, {k.replace("_", "."): v for k, v in configs.items()})
        return self.prefix + name

    async def producer(self, transactional_id: str | None = None, **more: Any) -> Any:
        """A producer, started."""
        if transactional_id is not None:
            more |= {"transactional_id": self.prefix + transactional_id}
        producer = self.connection.producer(**more)
        await producer.start()
        self.stack.push_async_callback(_stop, producer)
        return producer

    async def consumer(self, **more: Any) -> Any:
        """A consumer, started."""
        if "group_id" in more:
            more["group_id"] = self.prefix + more["group_id"]
        consumer = self.connection.consumer(**more)
        await consumer.start()
        self.stack.push_async_callback(_stop, consumer)
        return consumer

    async def read(self, topic: str, isolation: str = "read_committed") -> list[tuple[int, bytes]]:
        """All that a reader finds in partition 0 from the start to the end of its world: offsets and values."""
        place = TopicPartition(topic, 0)
        consumer = self.connection.consumer(isolation_level=isolation)
        await consumer.start()
        try:
            consumer.assign([place])
            end = (await consumer.end_offsets([place]))[place]
            consumer.seek(place, (await consumer.beginning_offsets([place]))[place])
            found = []
            while await consumer.position(place) < end:
                records = await consumer.getmany(place, timeout_ms=100)
                found += [(record.offset, record.value) for record in records.get(place, ())]
            return found
        finally:
            await _stop(consumer)

    async def values_become(self, topic: str, values: list[bytes]) -> list[tuple[int, bytes]]:
        """What a `read_committed` reader finds once it finds those values."""

        async def found() -> list[tuple[int, bytes]] | None:
            read = await self.read(topic)
            return read if [value for _, value in read] == values else None

        result: list[tuple[int, bytes]] = await eventually(found, within=PATIENCE, every=0.2)
        return result


Check = Callable[[Bench], Awaitable[Any]]
#: Every check with what it must see.
CHECKS: dict[str, tuple[Check, Any]] = {}


def sees(expected: Any) -> Callable[[Check], Check]:
    """Register a check."""

    def register(check: Check) -> Check:
        CHECKS[getattr(check, "__name__", "")] = (check, expected)
        return check

    return register


async def run_check(name: str, bench: Bench) -> Any:
    """What a check sees on a broker."""
    async with bench.stack:
        return await CHECKS[name][0](bench)


async def kind_of_error(call: Awaitable[Any]) -> str:
    """How a call fails; fencing has two names, and so has a broken state machine."""
    try:
        await asyncio.wait_for(_as_coroutine(call), PATIENCE)
    except (KafkaError, IllegalOperation, AssertionError) as error:
        name = type(error).__name__
        return {"InvalidProducerEpoch": "ProducerFenced", "AssertionError": "IllegalOperation"}.get(name, name)
    return "no error"


async def _as_coroutine(call: Awaitable[Any]) -> Any:
    return await call


async def _stop(client: Any) -> None:
    await let_go(client.stop())
