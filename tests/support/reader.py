"""A `read_committed` consumer that reads all along while other things happen."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

CAPTURED = "rossum.annotations.captured"
LIFECYCLE = "rossum.documents.lifecycle"
READY = "rossum.annotations.ready"
DEAD_LETTERS = "rossum.dead-letters"
_TYPE = "ai.rossum.connector."


@dataclass(frozen=True, slots=True)
class Seen:
    """One event as a consumer reads it."""

    topic: str
    key: str
    headers: Mapping[str, str]
    data: Any

    @property
    def name(self) -> str:
        """The event's name without the prefix."""
        return self.headers["ce_type"].removeprefix(_TYPE)


class Reader:
    """A `read_committed` consumer that reads all along.

    Attributes:
        longest_wait: Seconds for which an open transaction has held back what lay behind it, at most.
    """

    def __init__(self, bootstrap: str, prefix: str, *names: str) -> None:
        self._topics = [prefix + name for name in names]
        self._prefix = prefix
        self._bootstrap = bootstrap
        self._consumer: AIOKafkaConsumer | None = None
        self.events: list[Seen] = []
        self.letters: list[Any] = []
        self.longest_wait = 0.0
        self._held_at: dict[TopicPartition, tuple[int, float]] = {}

    @asynccontextmanager
    async def reading(self) -> AsyncIterator["Reader"]:
        """Read in the background."""
        consumer = AIOKafkaConsumer(
            *self._topics,
            bootstrap_servers=self._bootstrap,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            enable_auto_commit=False,
        )
        await consumer.start()
        self._consumer = consumer
        task = asyncio.create_task(self._read(consumer))
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await consumer.stop()

    async def _read(self, consumer: AIOKafkaConsumer) -> None:
        while True:
            for place, records in (await consumer.getmany(timeout_ms=200)).items():
                topic = place.topic.removeprefix(self._prefix)
                for record in records:
                    if topic == DEAD_LETTERS:
                        self.letters.append(record)
                        continue
                    headers = {name: value.decode() for name, value in record.headers}
                    self.events.append(Seen(topic, record.key.decode(), headers, orjson.loads(record.value)))
            self._look_at_waits(consumer)

    def _look_at_waits(self, consumer: AIOKafkaConsumer) -> None:
        """A partition waits as long as its last stable offset stays the same, below what is stored."""
        now = asyncio.get_running_loop().time()
        for place in consumer.assignment():
            stable, end = consumer.last_stable_offset(place), consumer.highwater(place)
            if stable is None or end is None or not 0 <= stable < end:
                self._held_at.pop(place, None)
                continue
            before, since = self._held_at.get(place, (stable, now))
            self._held_at[place] = (stable, since if before == stable else now)
            self.longest_wait = max(self.longest_wait, now - self._held_at[place][1])

    @property
    def held_for(self) -> float:
        """Seconds for which an open transaction has been seen to hold back what lies behind it now; 0 for none."""
        now = asyncio.get_running_loop().time()
        return max((now - since for _, since in self._held_at.values()), default=0.0)

    async def caught_up(self) -> bool:
        """Whether everything committed so far has been read."""
        assert self._consumer is not None, "it does not read"
        ends = await self._consumer.end_offsets(list(self._consumer.assignment()))
        return all([await self._consumer.position(place) >= end for place, end in ends.items()])

    def captured(self) -> list[Seen]:
        """Captured events, in the order read."""
        return [event for event in self.events if event.topic == CAPTURED]

    def passes(self) -> Counter[str]:
        """Complete passes of sweeps, by clock."""
        return Counter(event.key for event in self.named("sweep.completed"))

    def named(self, name: str) -> list[Seen]:
        """Lifecycle events of one name."""
        return [event for event in self.events if event.topic == LIFECYCLE and event.name == name]

    def duplicates(self) -> list[str]:
        """`ce_id`s that came twice on one topic."""
        counts = Counter((event.topic, event.headers["ce_id"]) for event in self.events)
        return [f"{topic} {event_id}" for (topic, event_id), count in counts.items() if count > 1]
