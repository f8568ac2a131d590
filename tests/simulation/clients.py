"""The memory broker's clients, with the methods and the errors of aiokafka's that the connector uses.

Every call travels: it takes a little time, hangs while the broker is down, and may get lost before or after it took
effect. Who calls is told by the process of the context, so a frozen process sends no heartbeat.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, TypeVar

from aiokafka.client import ConnectionGroup
from aiokafka.errors import (
    IllegalOperation,
    InvalidProducerEpoch,
    KafkaConnectionError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    ProducerFenced,
)
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.structs import OffsetAndMetadata, RecordMetadata, TopicPartition

from tests.simulation.broker import Broker
from tests.simulation.effects import Phase, of_append, of_transaction
from tests.simulation.virtual_loop import PROCESS, pause

T = TypeVar("T")
#: Says what a call is about to do, for those who want to be there (`boundaries`).
Names = Callable[[], tuple[str, ...]]
#: Seconds of a call, there and back.
CALL = (0.001, 0.006)
#: Seconds after which a client tells that an answer did not come.
LOST_AFTER = 5.0
#: Seconds after which a client asks again what the coordinator can't do yet.
AGAIN = 0.02
#: Seconds between two tries to reach a broker that has been away for a while.
LONGEST_PAUSE = 0.32


def _preflight() -> tuple[str, ...]:
    return ("look at the broker",)


class Wire:
    """The way to the broker, and what goes wrong on it.

    Attributes:
        lost_requests, lost_answers: Chances for each call that matters.
        late_commits: Chance that a commit is held up on its way, so that the client repeats it.
        slow: How many times longer every way takes.
        cut_off: Processes that do not reach the broker, while others do.
        on_boundary: Told right before and right after each effect; true when its process is dead now.
    """

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.lost_requests = 0.0
        self.lost_answers = 0.0
        self.late_commits = 0.0
        self.slow = 1.0
        self.cut_off: set[str | None] = set()
        self.on_boundary: Callable[[tuple[str, ...], Phase], bool] | None = None

    async def call(self, effect: Callable[[], T], names: Names) -> T:
        """A question: go there, do it, come back; what is lost is asked again by the client itself."""
        await self.travel()
        result = await self._do(effect, names)
        await self.travel()
        return result

    async def there(self, effect: Callable[[], T], names: Names) -> T:
        """Go there and do something that may get lost."""
        await self.travel()
        if self.broker.random.random() < self.lost_requests:
            await pause(LOST_AFTER)
            raise KafkaTimeoutError("lost on the way there")
        return await self._do(effect, names)

    async def _do(self, effect: Callable[[], T], names: Names) -> T:
        if self.on_boundary is None:
            return effect()
        # Asked before the effect: afterwards a transaction does not know any more what was in it.
        told = names()
        await self.reach(told, Phase.BEFORE)
        result = effect()
        await self.reach(told, Phase.AFTER)
        return result

    async def reach(self, names: tuple[str, ...], phase: Phase) -> None:
        """Be somewhere; whoever dies there does nothing more."""
        if self.on_boundary is not None and self.on_boundary(names, phase):
            await asyncio.get_running_loop().create_future()

    async def back(self) -> None:
        """Come back with the answer, or not."""
        if self.broker.random.random() < self.lost_answers:
            await pause(LOST_AFTER)
            raise KafkaTimeoutError("lost on the way back")
        await self.travel()

    async def travel(self) -> None:
        """One way; longer while the broker is down."""
        await pause(self.broker.random.uniform(*CALL) / 2 * self.slow)
        again = AGAIN
        while not self.reaches():
            await pause(again)
            again = min(2 * again, LONGEST_PAUSE)

    def reaches(self) -> bool:
        """Whether the process of this moment reaches the broker."""
        return self.broker.is_up and PROCESS.get() not in self.cut_off

    async def connect(self) -> None:
        """What a client's start does: it fails at once without a broker."""
        if not self.reaches():
            await pause(0.01)
            raise KafkaConnectionError("no broker")
        await self.travel()


class _Connections:
    """What the connector looks at to see that its client has connected anew."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._bounces = broker.bounces
        self._coordinator = object()

    def reconnect(self) -> None:
        """The connection to the coordinator is another one."""
        self._coordinator = object()

    @property
    def _conns(self) -> dict[tuple[int, Any], object]:
        if self._bounces != self._broker.bounces:
            self._bounces = self._broker.bounces
            self.reconnect()
        return {(1, ConnectionGroup.COORDINATION): self._coordinator}


class MemoryProducer:
    """Looks like `AIOKafkaProducer`."""

    def __init__(self, wire: Wire, transactional_id: str | None, max_request_size: int) -> None:
        self._wire = wire
        self._broker = wire.broker
        self._id = transactional_id
        self._max_request_size = max_request_size
        self._epoch = 0
        self._begun = False
        self._broken = False
        self.client = _Connections(wire.broker)
        self._turn = asyncio.Lock()
        self._tasks: set[asyncio.Task[Any]] = set()

    async def start(self) -> None:
        """Connect; a transactional one fences its predecessor."""
        await self._wire.connect()
        if self._id is None:
            return
        transactional_id = self._id
        await self._decided()
        self._epoch = await self._wire.call(
            lambda: self._broker.take_over(transactional_id),
            _preflight if transactional_id.endswith(".check") else lambda: ("take a partition over",),
        )
        await self._decided()

    async def _decided(self) -> None:
        """Ask again until the former transaction of this id has all its markers, as clients do."""
        while self._id is not None and self._broker.is_deciding(self._id):
            await pause(AGAIN)

    async def stop(self) -> None:
        """Let go; what is on its way arrives or not."""

    async def partitions_for(self, topic: str) -> set[int]:
        """Numbers of a topic's partitions."""
        return await self._wire.call(lambda: self._broker.partitions(topic), _preflight)

    async def send(
        self,
        topic: str,
        value: bytes | None = None,
        key: bytes | None = None,
        partition: int | None = None,
        headers: Any = (),
    ) -> asyncio.Future[RecordMetadata]:
        """Hand a record over; the future ends when it is acknowledged."""
        if self._id is not None and not self._begun:
            raise IllegalOperation("no transaction")
        assert key is not None or value is not None, "Need at least one: key or value"
        size = DefaultRecordBatchBuilder.estimate_size_in_bytes(key, value, list(headers))
        if size > self._max_request_size:
            raise MessageSizeTooLargeError(f"{size} bytes")
        if partition is None:
            numbers = sorted(self._broker.partitions(topic))
            partition = numbers[sum(key or b"") % len(numbers)]
        place = TopicPartition(topic, partition)
        task = asyncio.create_task(self._deliver(place, (key, value, tuple(headers))))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _deliver(self, place: TopicPartition, record: tuple[bytes | None, bytes | None, Any]) -> RecordMetadata:
        async with self._turn:
            await self._decided()
            stored = await self._wire.there(
                lambda: self._broker.append(place, record, self._id, self._epoch), lambda: of_append(place, record)
            )
        await self._wire.back()
        return RecordMetadata(place.topic, place.partition, place, stored.offset, stored.timestamp, 0, 0)

    async def begin_transaction(self) -> None:
        """From here on records belong to a transaction."""
        if self._broken or self._begun or self._id is None:
            raise IllegalOperation("not now")
        self._begun = True
        self._broker.begin(self._id, self._epoch)

    async def send_offsets_to_transaction(self, offsets: dict[TopicPartition, OffsetAndMetadata], group: str) -> None:
        """Offsets that become true with it."""
        await self._guarded(
            lambda: self._broker.add_offsets(self._id or "", self._epoch, group, dict(offsets)),
            lambda: ("add offsets to a transaction",),
        )

    async def commit_transaction(self) -> None:
        """Make it true; a client that loses its connection in it asks again by itself."""
        if self._broker.random.random() < self._wire.late_commits:
            self._broker.loop.later_in_the_world(self._broker.random.uniform(0.1, 8.0), self._end_late, self._epoch)
            await pause(0.1)
            self.client.reconnect()
        await self._guarded(
            lambda: self._broker.end(self._id or "", self._epoch, commit=True),
            lambda: of_transaction(self._broker.pending(self._id or "")),
        )
        self._begun = False

    def _end_late(self, epoch: int) -> None:
        """The first request arrives after all."""
        with contextlib.suppress(ProducerFenced, InvalidProducerEpoch):
            self._broker.end(self._id or "", epoch, commit=True)

    async def _guarded(self, effect: Callable[[], None], names: Names) -> None:
        if self._broken:
            raise AssertionError("a state machine that is broken")
        try:
            await self._decided()
            await self._wire.there(effect, names)
            await self._wire.back()
        except BaseException:
            self._broken = True
            raise


class MemoryAdmin:
    """Looks like `AIOKafkaAdminClient`."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._broker = wire.broker

    async def describe_cluster(self) -> dict[str, Any]:
        """Id and brokers."""
        return await self._wire.call(lambda: {"cluster_id": "memory", "brokers": [1]}, _preflight)

    async def describe_topics(self, topics: list[str]) -> list[dict[str, Any]]:
        """Partitions of those that exist."""
        return await self._wire.call(
            lambda: [{"topic": t, "error_code": 0, "partitions": sorted(self._broker.partitions(t))} for t in topics],
            _preflight,
        )

    async def describe_configs(self, resources: list[Any]) -> list[Any]:
        """Configurations, in the shape of the protocol's answer."""
        names = [resource.name for resource in resources]
        entries = [(0, "", 2, name, list(self._broker.configs[name].items())) for name in names]
        return [type("Answer", (), {"resources": entries})]

    async def list_consumer_group_offsets(
        self, group: str, partitions: list[TopicPartition] | None = None
    ) -> dict[TopicPartition, OffsetAndMetadata]:
        """Committed offsets with their metadata; -1 where there is none."""

        def read() -> dict[TopicPartition, OffsetAndMetadata]:
            known = self._broker.committed.get(group, {})
            wanted = list(known) if partitions is None else partitions
            return {place: known.get(place, OffsetAndMetadata(-1, "")) for place in wanted}

        return await self._wire.call(read, lambda: ("read offsets with their stamps",))

    async def delete_records(self, records: dict[TopicPartition, Any]) -> dict[TopicPartition, int]:
        """Trim partitions."""
        return await self._wire.call(
            lambda: {place: self._broker.log(place).trim(below.before_offset) for place, below in records.items()},
            lambda: ("trim",),
        )
