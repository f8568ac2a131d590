"""Membership: which partitions are ours, and the owners that work them.

Assignment of a partition, in this order: pause, open the log (which fences the former owner and ends its
transaction), restore the ledger to its end, read the committed offsets (before that they may be the old ones), seek,
resume. aiokafka revokes everything at every join; an owner whose partition comes back goes on where it was, because
its producer is still the latest of its id - were it not, its next commit would say so.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import IllegalStateError
from aiokafka.structs import ConsumerRecord, OffsetAndMetadata, TopicPartition

from connector.clock import Clock
from connector.contracts.catalogue import TopicRole
from connector.engine.owner import Owner
from connector.errors import Fatal, KafkaUnavailable, PartitionLost
from connector.kafka.connection import CALL_DEADLINE, KafkaConnection, let_go, within
from connector.kafka.lookup import inner_record
from connector.kafka.names import Names
from connector.kafka.plain_log import CommitOffsets
from connector.telemetry import Telemetry

ROLES = (TopicRole.IMPORTS, TopicRole.WORK)
#: Seconds that running work gets when partitions are revoked.
REVOKE_DEADLINE = 10.0
#: Seconds that running work gets when the process stops.
DRAIN_DEADLINE = 25.0
#: Pauses (seconds) before a partition that could not be opened is tried again; the last one repeats.
OPEN_PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0)
#: Records of one poll, over all partitions.
RECORDS_A_POLL = 2_000

#: How an ownership ended, for metrics.
_ENDINGS: Mapping[type[BaseException], str] = {PartitionLost: "fenced", KafkaUnavailable: "kafka_unavailable"}

ReadPositions = Callable[[], Awaitable[Mapping[TopicRole, int]]]
#: Makes the owner of a partition; asks for the committed offsets only after the former owner is fenced.
OpenOwner = Callable[[int, ReadPositions, CommitOffsets], Awaitable[Owner]]


@dataclass(slots=True)
class _Held:
    """A partition of ours; `owner` is there once it is open and may be given records."""

    task: asyncio.Task[None]
    owner: Owner | None = None


class _Rejoin(Exception):
    """Leave and join again: somebody else works a partition that we believed ours."""


class OwnerGroup:
    """See the module.

    Args:
        keep: Whether an owner whose partition comes back goes on (exactly-once: its producer proves it).
    """

    def __init__(  # noqa: PLR0913 - a leaf of the composition root
        self,
        connection: KafkaConnection,
        names: Names,
        *,
        open_owner: OpenOwner,
        keep: bool,
        telemetry: Telemetry,
        clock: Clock,
        on_share: Callable[[float], None],
    ) -> None:
        self._connection = connection
        self._names = names
        self._open_owner = open_owner
        self._keep = keep
        self._telemetry = telemetry
        self._clock = clock
        self._on_share = on_share
        self._held: dict[int, _Held] = {}
        self._roles = {names.topics[role]: role for role in ROLES}
        self._consumer: AIOKafkaConsumer | None = None
        self._fatal: asyncio.Future[None] | None = None
        self._rejoin = asyncio.Event()
        self._joined = False
        self.alive_at = clock.monotonic()

    @property
    def owners(self) -> Iterable[Owner]:
        """The owners at work."""
        return [held.owner for held in self._held.values() if held.owner is not None]

    @property
    def is_member(self) -> bool:
        """Whether a consumer is connected and has been given its partitions (perhaps none)."""
        return self._consumer is not None and self._joined

    def lag(self) -> Mapping[tuple[str, ...], float]:
        """Messages behind the end of the inner logs, by topic and partition, as far as polls have told."""
        consumer = self._consumer
        found: dict[tuple[str, ...], float] = {}
        for owner in self.owners:
            for role, tracker in owner.trackers.items():
                place = self._place(role, owner.partition)
                end = consumer.highwater(place) if consumer is not None and place in consumer.assignment() else None
                if end is not None:
                    found[place.topic, str(place.partition)] = float(max(end - tracker.committable, 0))
        return found

    @property
    def opening(self) -> list[int]:
        """Partitions of ours that are not ready yet."""
        return [partition for partition, held in self._held.items() if held.owner is None]

    async def run(self, stop: asyncio.Event) -> None:
        """Be a member and work until `stop`, then drain.

        Raises:
            Fatal: A partition can't be worked by this deployment; the sentence says why.
        """
        self._fatal = asyncio.get_running_loop().create_future()
        try:
            while not stop.is_set():
                try:
                    await self._be_member(stop)
                except (KafkaUnavailable, _Rejoin) as error:
                    self._telemetry.circuit("group", open=True, reason=type(error).__name__.strip("_").lower())
                    await self._close_all()
                    await self._clock.sleep(OPEN_PAUSES[1])
        finally:
            await self._close_all()

    async def _be_member(self, stop: asyncio.Event) -> None:
        consumer = self._connection.consumer(group_id=self._names.group, group_instance_id=self._names.instance)
        self._rejoin.clear()
        try:
            await within(CALL_DEADLINE, consumer.start(), "connecting")
            self._consumer = consumer
            consumer.subscribe([self._names.topics[role] for role in ROLES], listener=_Listener(self))
            self._telemetry.circuit("group", open=False, reason="connected")
            while not stop.is_set():
                await self._poll(consumer)
            await self._drain(DRAIN_DEADLINE)
        finally:
            self._consumer = None
            self._joined = False
            await let_go(consumer.stop())

    async def _poll(self, consumer: AIOKafkaConsumer) -> None:
        if self._fatal is not None and self._fatal.done():
            self._fatal.result()
        if self._rejoin.is_set():
            raise _Rejoin
        self._balance(consumer)
        found: Mapping[TopicPartition, list[ConsumerRecord]] = await within(
            CALL_DEADLINE, consumer.getmany(timeout_ms=100, max_records=RECORDS_A_POLL), "polling"
        )
        self.alive_at = self._clock.monotonic()
        for place, records in found.items():
            held = self._held.get(place.partition)
            # Without an owner the records come again: the position is set when it is ready.
            if held is not None and held.owner is not None:
                held.owner.deliver(self._roles[place.topic], [inner_record(record) for record in records])

    def _balance(self, consumer: AIOKafkaConsumer) -> None:
        """Pause what nobody wants now; polling itself never stops."""
        paused = consumer.paused()
        for place in consumer.assignment():
            held = self._held.get(place.partition)
            owner = held.owner if held is not None else None
            wanted = owner is not None and owner.wants(self._roles[place.topic])
            if wanted and place in paused:
                consumer.resume(place)
            elif not wanted and place not in paused:
                consumer.pause(place)

    # --- rebalance -------------------------------------------------------------------------------------------

    async def revoked(self) -> None:
        """Everything is taken away for the moment: commit what is done, begin nothing."""
        self._telemetry.rebalanced()
        await self._drain(REVOKE_DEADLINE)

    async def assigned(self, places: Iterable[TopicPartition]) -> None:
        """These are ours now, until the next rebalance."""
        consumer = self._consumer
        if consumer is None:
            return
        partitions = {place.partition for place in places}
        consumer.pause(*[self._place(role, partition) for partition in partitions for role in ROLES])
        for partition in list(self._held):
            if partition not in partitions or not self._keep:
                await self._close(partition)
        for partition in sorted(partitions):
            held = self._held.get(partition)
            if held is not None and held.owner is not None:
                self._seek(consumer, held.owner)
                held.owner.resume()
            elif held is None:
                self._telemetry.partition_assigned(partition)
                self._held[partition] = _Held(asyncio.create_task(self._work(partition)))
        self._joined = True
        self._on_share(len(partitions) / self._names.partitions)

    def _place(self, role: TopicRole, partition: int) -> TopicPartition:
        return TopicPartition(self._names.topics[role], partition)

    def _seek(self, consumer: AIOKafkaConsumer, owner: Owner) -> None:
        for role, tracker in owner.trackers.items():
            try:
                consumer.seek(self._place(role, owner.partition), tracker.position)
            except IllegalStateError:
                # Taken away again before it was ready; the next assignment starts it afresh.
                self._rejoin.set()

    # --- one partition ---------------------------------------------------------------------------------------

    async def _work(self, partition: int) -> None:
        """Open the partition and work it, again and again, until it is taken away."""
        failures = 0
        while True:
            try:
                owner = await self._open(partition)
                failures = 0
                await self._run(partition, owner)
            except Fatal as error:
                if self._fatal is not None and not self._fatal.done():
                    self._fatal.set_exception(error)
                return
            except PartitionLost:
                self._rejoin.set()
                return
            except KafkaUnavailable as error:
                self._telemetry.partition_not_opened(partition, str(error))
            pause = OPEN_PAUSES[min(failures, len(OPEN_PAUSES) - 1)]
            failures += 1
            await self._clock.sleep(pause)

    async def _open(self, partition: int) -> Owner:
        started = self._clock.monotonic()

        async def positions() -> Mapping[TopicRole, int]:
            return await self._committed(partition)

        owner = await self._open_owner(partition, positions, self._commit_offsets)
        consumer = self._consumer
        if consumer is None:
            await owner.close()
            raise KafkaUnavailable("the consumer is gone")
        self._seek(consumer, owner)
        self._held[partition].owner = owner
        self._telemetry.partition_ready(partition, self._clock.monotonic() - started, len(owner.state))
        return owner

    async def _run(self, partition: int, owner: Owner) -> None:
        """Work until the ownership ends, and say why in one exception."""
        reason = "revoked"
        try:
            await owner.run()
        except BaseExceptionGroup as group:
            error = _decisive(group)
            reason = _ENDINGS.get(type(error), "defect")
            if reason == "defect":
                self._telemetry.failed_unexpectedly(f"owner of partition {partition}", group)
                error = KafkaUnavailable("the owner failed; it starts afresh")
            raise error from None
        finally:
            if partition in self._held:
                self._held[partition].owner = None
            self._telemetry.partition_ended(partition, reason)
            await owner.close()

    async def _committed(self, partition: int) -> Mapping[TopicRole, int]:
        consumer = self._consumer
        if consumer is None:
            raise KafkaUnavailable("the consumer is gone")
        positions = {}
        for role in ROLES:
            place = self._place(role, partition)
            offset = await within(CALL_DEADLINE, consumer.committed(place), "reading committed offsets")
            if offset is None:
                starts = await within(CALL_DEADLINE, consumer.beginning_offsets([place]), "reading offsets")
                offset = starts[place]
            positions[role] = offset
        return positions

    async def _commit_offsets(self, offsets: Mapping[TopicPartition, OffsetAndMetadata]) -> None:
        if self._consumer is None:
            raise KafkaUnavailable("the consumer is gone")
        await self._consumer.commit(dict(offsets))

    # --- endings ---------------------------------------------------------------------------------------------

    async def _drain(self, seconds: float) -> None:
        """Let running work end and be committed, for so long at most."""
        owners = list(self.owners)
        if not owners:
            return
        tasks = [asyncio.create_task(owner.drain()) for owner in owners]
        _, late = await asyncio.wait(tasks, timeout=seconds)
        for task in late:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _close(self, partition: int) -> None:
        held = self._held.pop(partition)
        if held.owner is not None:
            held.owner.lose()
        held.task.cancel()
        await asyncio.gather(held.task, return_exceptions=True)

    async def _close_all(self) -> None:
        for partition in list(self._held):
            await self._close(partition)


def _decisive(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The one error that says what happens next: a lost partition outranks an unknown outcome."""
    flat = list(_flat(group))
    for kind in (PartitionLost, KafkaUnavailable):
        if all(isinstance(error, (PartitionLost, KafkaUnavailable)) for error in flat):
            for error in flat:
                if isinstance(error, kind):
                    return error
    return group


def _flat(group: BaseExceptionGroup[BaseException]) -> Iterable[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _flat(error)
        else:
            yield error


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka has no types
    """Hands aiokafka's callbacks to the group."""

    def __init__(self, group: OwnerGroup) -> None:
        self._group = group

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Called before every join."""
        if revoked:
            await self._group.revoked()

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Called after every join."""
        await self._group.assigned(assigned)
