"""Membership: which partitions are ours, and the owners that work them.

Assignment of a partition, in this order: pause, open the log (which fences the former owner and ends its
transaction), restore the ledger to its end, read the committed offsets (before that they may be the old ones), seek,
resume. aiokafka revokes everything at every join; an owner whose partition comes back goes on where it was, because
its producer is still the latest of its id - were it not, its next commit would say so.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping

from aiokafka import AIOKafkaConsumer
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.structs import TopicPartition

from connector.clock import Clock
from connector.engine.lease import Lease
from connector.engine.owner import Owner
from connector.errors import Fatal, KafkaUnavailable
from connector.kafka.connection import CALL_DEADLINE, LEASE, KafkaConnection, let_go, within
from connector.kafka.holding import Holding, OpenOwner
from connector.kafka.lookup import inner_record
from connector.kafka.losses import Losses
from connector.kafka.names import Names
from connector.kafka.polling import Polling
from connector.kafka.seat import ROLES, Seat
from connector.kafka.watchdog import Watchdog
from connector.telemetry import Telemetry

#: Seconds that running work gets when partitions are revoked.
REVOKE_DEADLINE = 10.0
#: Seconds that running work gets when the process stops.
DRAIN_DEADLINE = 25.0
#: Pauses (seconds) before a member that failed joins again: every join interrupts the whole group.
REJOIN_PAUSES = (0.5, 0.5, 1.0, 2.0, 5.0, 10.0)
#: Records of one poll, over all partitions.
RECORDS_A_POLL = 2_000
#: A membership that lasted longer (seconds) starts the pauses anew.
STEADY = 30.0


class _Rejoin(Exception):
    """Leave and join again: somebody else works a partition that we believed ours."""


class OwnerGroup:
    """See the module.

    Args:
        keep: Whether an owner whose partition comes back goes on (exactly-once: its producer proves it).
        lease: Renewed by each turn of the poll loop while the group's coordinator answers.
    """

    def __init__(  # noqa: PLR0913 - a leaf of the composition root
        self,
        connection: KafkaConnection,
        names: Names,
        *,
        open_owner: OpenOwner,
        keep: bool,
        lease: Lease,
        telemetry: Telemetry,
        clock: Clock,
        on_share: Callable[[float], None],
    ) -> None:
        self._connection = connection
        self._names = names
        self._open_owner = open_owner
        self._keep = keep
        self._lease = lease
        self._telemetry = telemetry
        self._clock = clock
        self._on_share = on_share
        self._held: dict[int, Holding] = {}
        self._roles = {names.topics[role]: role for role in ROLES}
        self._seat = Seat(names, Losses(names.topics, telemetry))
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
        """Whether a consumer has been given its partitions (perhaps none), and its broker still answers."""
        return self._seat.answers and self._joined

    def lag(self) -> Mapping[tuple[str, ...], float]:
        """Messages behind the end of the inner logs, by topic and partition."""
        found: dict[tuple[str, ...], float] = {}
        for owner in self.owners:
            found.update(self._seat.lag(owner.partition, owner.committable))
        return found

    def trimmable(self) -> Mapping[TopicPartition, int]:
        """Offsets of the inner logs below which the owners at work need nothing."""
        return {
            self._seat.place(role, owner.partition): offset
            for owner in self.owners
            for role, offset in owner.trimmable.items()
        }

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
            failures = 0
            while not stop.is_set():
                self.alive_at = began = self._clock.monotonic()
                try:
                    await self._be_member(stop)
                except (KafkaUnavailable, _Rejoin) as error:
                    lasted = self._clock.monotonic() - began
                    failures = 0 if lasted > STEADY else failures + 1
                    self._telemetry.circuit("group", open=True, reason=type(error).__name__.strip("_").lower())
                    await self._close_all()
                    await self._clock.sleep(REJOIN_PAUSES[min(failures, len(REJOIN_PAUSES) - 1)])
        finally:
            await self._close_all()

    async def _be_member(self, stop: asyncio.Event) -> None:
        consumer = self._connection.consumer(group_id=self._names.group, group_instance_id=self._names.instance)
        polling = Polling(consumer, self._clock, most=RECORDS_A_POLL)
        self._rejoin.clear()
        try:
            await within(CALL_DEADLINE, consumer.start(), self._connection.connecting)
            self._seat.take(consumer)
            consumer.subscribe([self._names.topics[role] for role in ROLES], listener=_Listener(self))
            self._telemetry.circuit("group", open=False, reason="connected")
            watchdog = Watchdog(self._clock)
            self.alive_at = self._clock.monotonic()
            while not stop.is_set():
                await self._poll(consumer, polling)
                await watchdog.look(consumer, joined=self._joined)
            await self._drain(DRAIN_DEADLINE)
        finally:
            polling.end()
            self._seat.take(None)
            self._joined = False
            await let_go(consumer.stop())

    async def _poll(self, consumer: AIOKafkaConsumer, polling: Polling) -> None:
        if self._fatal is not None and self._fatal.done():
            self._fatal.result()
        if self._rejoin.is_set():
            raise _Rejoin
        self._balance(consumer)
        found = await polling.turn(joined=self._joined)
        self._lives_on()
        for place, records in found.items():
            held = self._held.get(place.partition)
            # Without an owner the records come again: the position is set when it is ready.
            if held is not None and held.owner is not None:
                held.owner.deliver(self._roles[place.topic], [inner_record(record) for record in records])

    def _lives_on(self) -> None:
        """The loop has turned once more.

        Raises:
            _Rejoin: The process stood still for so long that others work its partitions by now.
        """
        before, self.alive_at = self.alive_at, self._clock.monotonic()
        if self.alive_at - before > LEASE:
            raise _Rejoin
        if self._seat.answers:
            self._lease.renew()

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

    async def revoked(self) -> None:
        """Everything is taken away for the moment: commit what is done, begin nothing."""
        self._telemetry.rebalanced()
        self._joined = False
        await self._drain(REVOKE_DEADLINE)

    async def assigned(self, places: Iterable[TopicPartition]) -> None:
        """These are ours now, until the next rebalance."""
        if not self._seat.is_taken:
            return
        partitions = {place.partition for place in places}
        mine = [self._seat.place(role, partition) for partition in partitions for role in ROLES]
        self._seat.consumer.pause(*mine)
        gone = [partition for partition in self._held if partition not in partitions or not self._keep]
        await asyncio.gather(*(self._held.pop(partition).close() for partition in gone))
        for partition in sorted(partitions):
            self._hold(partition)
        self._joined = True
        self._on_share(len(partitions) / self._names.partitions)

    def _hold(self, partition: int) -> None:
        """Open a partition, or go on with one that came back."""
        held = self._held.get(partition)
        if held is None:
            self._telemetry.partition_assigned(partition)
            self._held[partition] = Holding(
                partition,
                seat=self._seat,
                open_owner=self._open_owner,
                on_end=self._ended,
                telemetry=self._telemetry,
                clock=self._clock,
            )
        elif held.owner is not None:
            self._seat.seek(partition, held.owner.positions)
            held.owner.resume()

    def _ended(self, partition: int, error: Fatal | None) -> None:
        """A partition can't go on here: the process ends with the sentence, or joins again.

        Between two assignments its next owner may fence it before we hear that it moved: then it is just gone, and
        is opened afresh if it comes back.
        """
        if error is None and not self._joined:
            self._held.pop(partition, None)
        elif error is None:
            self._rejoin.set()
        elif self._fatal is not None and not self._fatal.done():
            self._fatal.set_exception(error)

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

    async def _close_all(self) -> None:
        held, self._held = self._held, {}
        await asyncio.gather(*(holding.close() for holding in held.values()))


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
