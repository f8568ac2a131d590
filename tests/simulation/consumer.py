"""The memory broker's consumer, with the methods of aiokafka's that the connector uses."""

import asyncio
from collections.abc import Iterable
from typing import Any

from aiokafka.errors import CommitFailedError, IllegalStateError
from aiokafka.structs import OffsetAndMetadata, TopicPartition

from tests.simulation.clients import Wire
from tests.simulation.effects import Phase, of_fetch
from tests.simulation.stored import Stored
from tests.simulation.virtual_loop import pause

#: Seconds between heartbeats as the connector sets them, and between two looks whether a rebalance is over.
HEARTBEAT, JOINING = 3.0, 0.5
#: A poll that finds nothing comes back that much later than asked: the simulation's most frequent event by far.
SLOW_POLLS = 8


class _Coordinator:
    coordinator_id: int | None = None


class _Cluster:
    def brokers(self) -> list[Any]:
        """None by name, so that none of them ever says that a topic is gone for good."""
        return []


class _Client:
    cluster = _Cluster()


class MemoryConsumer:
    """Looks like `AIOKafkaConsumer`."""

    def __init__(self, wire: Wire, group: str | None, isolation: str, instance: str | None) -> None:
        self._wire = wire
        self._broker = wire.broker
        self._group = group
        self._committed_only = isolation == "read_committed"
        self._member = instance or self._broker.next_name("member")
        self._static = instance is not None
        self._assigned: set[TopicPartition] = set()
        self._paused: set[TopicPartition] = set()
        self._positions: dict[TopicPartition, int] = {}
        self._ends: dict[TopicPartition, int] = {}
        self._generation = -1
        self._topics: list[str] = []
        self._listener: Any = None
        self._task: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        #: What a poll named itself: that is read although it is paused.
        self._asked: tuple[TopicPartition, ...] = ()
        #: Clear during a rebalance: a poll waits for its end, as aiokafka's does.
        self._settled = asyncio.Event()
        self._forget = self._broker.on_news(self._hear)
        self._coordinator = _Coordinator()
        self._client = _Client()

    async def start(self) -> None:
        """Connect."""
        await self._wire.connect()

    async def stop(self) -> None:
        """Leave the group, unless the membership is static."""
        self._forget()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            if not self._static and self._group is not None:
                group = self._broker.group(self._group)
                await self._wire.call(lambda: group.leave(self._member), lambda: ("leave the group",))

    # --- membership ------------------------------------------------------------------------------------------

    def subscribe(self, topics: list[str], listener: Any = None) -> None:
        """Become a member; partitions come by the listener."""
        self._topics, self._listener = list(topics), listener
        self._task = asyncio.create_task(self._be_member())

    async def _be_member(self) -> None:
        while True:
            self._settled.clear()
            if self._listener is not None:
                await self._listener.on_partitions_revoked(set(self._assigned))
            self._assigned = set()
            await self._join()
            self._settled.set()
            while await self._heartbeat() == "stable":
                await pause(HEARTBEAT)

    async def _join(self) -> None:
        group = self._broker.group(self._group or "")
        await self._wire.call(lambda: group.join(self._member, self._topics), lambda: ("join the group",))
        while (assignment := group.assignment(self._member)) is None:
            await pause(JOINING)
            if await self._wire.call(lambda: group.heartbeat(self._member), lambda: ("heartbeat",)) != "stable":
                await self._wire.call(lambda: group.join(self._member, self._topics), lambda: ("join the group",))
        self._generation = group.generation
        self._assigned, self._paused = assignment, set()
        self._positions, self._ends = {}, {}
        self._coordinator.coordinator_id = 1
        if self._listener is not None:
            await self._listener.on_partitions_assigned(set(assignment))
        committed = self._broker.committed.get(self._group or "", {})
        for place in assignment:
            if place not in self._positions:
                offset = committed[place].offset if place in committed else self._broker.log(place).start
                self._positions[place] = offset

    async def _heartbeat(self) -> str:
        if not self._wire.reaches():
            self._coordinator.coordinator_id = None
        group = self._broker.group(self._group or "")
        answer = await self._wire.call(lambda: group.heartbeat(self._member), lambda: ("heartbeat",))
        self._coordinator.coordinator_id = 1
        return answer

    # --- positions -------------------------------------------------------------------------------------------

    def assign(self, places: list[TopicPartition]) -> None:
        """Read these, without a group."""
        self._assigned, self._paused = set(places), set()
        self._positions = {p: self._positions.get(p, self._broker.log(p).start) for p in places}

    def assignment(self) -> set[TopicPartition]:
        """What is read now."""
        return set(self._assigned)

    def pause(self, *places: TopicPartition) -> None:
        """Read these no more for now."""
        self._check(places)
        self._paused.update(places)

    def resume(self, *places: TopicPartition) -> None:
        """Read them again."""
        self._check(places)
        self._paused.difference_update(places)
        self._news.set()

    def paused(self) -> set[TopicPartition]:
        """What is not read for now."""
        return self._paused & self._assigned

    def seek(self, place: TopicPartition, offset: int) -> None:
        """Go on reading there."""
        self._check([place])
        self._positions[place] = offset
        self._news.set()

    async def position(self, place: TopicPartition) -> int:
        """Where reading goes on."""
        self._check([place])
        return self._positions[place]

    def highwater(self, place: TopicPartition) -> int | None:
        """The end of a partition as the last read of it has told."""
        return self._ends.get(place)

    def _check(self, places: Iterable[TopicPartition]) -> None:
        for place in places:
            if place not in self._assigned:
                raise IllegalStateError(f"{place} is not assigned")

    # --- reading ---------------------------------------------------------------------------------------------

    def _hear(self, place: TopicPartition) -> None:
        """A partition has something new."""
        if place in self._assigned and (self._asked or place not in self._paused):
            self._news.set()

    async def getmany(
        self, *places: TopicPartition, timeout_ms: int = 0, max_records: int | None = None
    ) -> dict[TopicPartition, list[Stored]]:
        """Records as soon as there are some, at most for so long."""
        loop = asyncio.get_running_loop()
        if self._listener is not None:
            await self._settled.wait()
        end = loop.time() + SLOW_POLLS * timeout_ms / 1000
        self._asked = places
        while True:
            self._news.clear()
            found = self._read(places, max_records or 500) if self._wire.reaches() else {}
            if found or loop.time() >= end:
                if self._wire.on_boundary is not None:
                    await self._wire.reach(of_fetch(found, self._group), Phase.AFTER)
                await pause(0.0005)
                return found
            alarm = loop.call_at(end, self._news.set)
            try:
                await self._news.wait()
            finally:
                alarm.cancel()
            if loop.time() < end:
                await self._wire.travel()

    def _read(self, places: tuple[TopicPartition, ...], most: int) -> dict[TopicPartition, list[Stored]]:
        found: dict[TopicPartition, list[Stored]] = {}
        for place in sorted(set(places) or self._assigned - self._paused):
            if place not in self._positions or place not in self._assigned or place not in self._broker.logs:
                continue
            records, position = self._broker.log(place).read(
                self._positions[place], most, committed_only=self._committed_only
            )
            self._positions[place], self._ends[place] = position, self._broker.log(place).end
            most -= len(records)
            if records:
                found[place] = records
            if most <= 0:
                break
        return found

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        """Partitions of a topic as last heard of; None where there is no such topic."""
        return self._broker.partitions(topic) or None

    async def topics(self) -> set[str]:
        """All that there are."""
        return await self._wire.call(lambda: {place.topic for place in self._broker.logs}, lambda: ("list topics",))

    async def beginning_offsets(self, places: list[TopicPartition]) -> dict[TopicPartition, int]:
        """First kept offsets."""
        return await self._wire.call(
            lambda: {place: self._broker.log(place).start for place in places},
            lambda: ("read where a partition begins",),
        )

    async def end_offsets(self, places: list[TopicPartition]) -> dict[TopicPartition, int]:
        """Where the world of this reader ends."""
        committed_only = self._committed_only
        return await self._wire.call(
            lambda: {p: self._broker.log(p).visible_end(committed_only=committed_only) for p in places},
            lambda: ("read where a partition ends",),
        )

    # --- offsets ---------------------------------------------------------------------------------------------

    async def committed(self, place: TopicPartition) -> int | None:
        """The committed offset; the old one while a transaction with a new one is not complete."""

        def read() -> int | None:
            offset = self._broker.committed.get(self._group or "", {}).get(place)
            return None if offset is None else offset.offset

        return await self._wire.call(read, lambda: ("read committed offsets",))

    async def commit(self, offsets: dict[TopicPartition, Any]) -> None:
        """Commit outside of a transaction."""
        self._check(offsets)
        group = self._broker.group(self._group or "")
        told = {
            place: offset if isinstance(offset, OffsetAndMetadata) else OffsetAndMetadata(offset, "")
            for place, offset in offsets.items()
        }

        def write() -> None:
            if self._task is not None and not group.knows(self._member, self._generation):
                raise CommitFailedError("the group is in another generation")
            self._broker.commit(self._group or "", told)

        await self._wire.there(write, lambda: ("commit offsets",))
        await self._wire.back()
