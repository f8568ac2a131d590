"""Copies arrivals to the inner log, each to the partition that owns its import.

A consumer of its own, so that a backlog of arrivals never waits behind hints nor hints behind arrivals. Copying is at
least once; the owner recognises a repetition by the coordinates that travel in the headers.
"""

import asyncio
import math
from collections.abc import Iterable, Mapping

from aiokafka import AIOKafkaConsumer
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from aiokafka.structs import ConsumerRecord, TopicPartition

from connector.clock import Clock
from connector.contracts.arrivals import Coordinates, identify
from connector.contracts.catalogue import TopicRole
from connector.contracts.envelope import KafkaRecord
from connector.domain.copies import copy_headers
from connector.domain.ids import import_entity, partition_of
from connector.errors import KafkaUnavailable
from connector.kafka.connection import CALL_DEADLINE, KafkaConnection, bounded, let_go, within
from connector.kafka.losses import Losses
from connector.kafka.names import Names
from connector.kafka.plain_producer import PlainProducer, PlainRecord
from connector.kafka.polling import Polling
from connector.kafka.watchdog import Watchdog
from connector.telemetry import Telemetry

#: Arrivals copied together: one commit a round.
ARRIVALS_A_ROUND = 500
#: Seconds before a failed intake starts again.
PAUSE_AFTER_FAILURE = 2.0
#: Seconds between two looks at the ends of what is held back.
LOOK_AHEAD_EVERY = 5.0
#: Bytes of headers that a copy may need beside the value.
ROOM = 16 * 1024
#: Below every offset: nothing has ever been committed.
_NOWHERE = -1
Found = Mapping[TopicPartition, list[ConsumerRecord]]


class Intake:
    """See the module.

    Attributes:
        alive_at: When its loop turned last (monotonic seconds); a broker that is away does not stop it.
        complaint: What keeps it from copying; None while all is well, also while it is held back on purpose.
    """

    def __init__(  # noqa: PLR0913 - a leaf of the composition root
        self,
        connection: KafkaConnection,
        producer: PlainProducer,
        names: Names,
        *,
        cluster: str,
        copy_limit: int,
        telemetry: Telemetry,
        clock: Clock,
    ) -> None:
        self._connection = connection
        self._producer = producer
        self._names = names
        self._cluster = cluster
        self._copy_limit = copy_limit
        self._telemetry = telemetry
        self._clock = clock
        self._arrived = names.topics[TopicRole.ARRIVED]
        self._imports = names.topics[TopicRole.IMPORTS]
        self._losses = Losses(names.topics, telemetry)
        #: Offsets below which all arrivals are copied.
        self._reached: dict[TopicPartition, int] = {}
        #: Ends of the partitions that are held back, and when they were asked for.
        self._ends: Mapping[TopicPartition, int] = {}
        self._looked_at = -math.inf
        self._consumer: AIOKafkaConsumer | None = None
        self.alive_at = clock.monotonic()
        self.complaint: str | None = "it has not joined its consumer group yet"
        self.paused = False

    def lag(self) -> Mapping[tuple[str, ...], float]:
        """Arrivals behind the end of their topic, by topic and partition, as far as we have been told."""
        consumer = self._consumer
        if consumer is None:
            return {}
        places = self._reached.keys() & consumer.assignment()
        ends = {place: max(consumer.highwater(place) or 0, self._ends.get(place, 0)) for place in places}
        return {(p.topic, str(p.partition)): float(max(end - self._reached[p], 0)) for p, end in ends.items()}

    async def run(self, stop: asyncio.Event) -> None:
        """Copy until `stop`; a failure starts over from the committed offsets."""
        while not stop.is_set():
            self.alive_at = self._clock.monotonic()
            try:
                await self._consume(stop)
            except KafkaUnavailable as error:
                self._tell(str(error))
                await self._clock.sleep(PAUSE_AFTER_FAILURE)

    def _tell(self, complaint: str | None) -> None:
        """How it goes, where that is news."""
        if complaint != self.complaint:
            self.complaint = complaint
            self._telemetry.circuit("intake", open=complaint is not None, reason=complaint or "copies")

    async def _consume(self, stop: asyncio.Event) -> None:
        instance = self._names.instance
        consumer = self._connection.consumer(
            group_id=self._names.intake_group,
            group_instance_id=f"{instance}.intake" if instance else None,
        )
        polling, membership = Polling(consumer, self._clock, most=ARRIVALS_A_ROUND), _Membership()
        try:
            await within(CALL_DEADLINE, consumer.start(), self._connection.connecting)
            consumer.subscribe([self._arrived], listener=membership)
            self._consumer, watchdog = consumer, Watchdog(self._clock)
            while not stop.is_set():
                found = await polling.turn(joined=membership.is_settled)
                self.alive_at = self._clock.monotonic()
                await self._look_back(consumer, membership, found)
                await self._hold_back(consumer, membership)
                self.alive_at = self._clock.monotonic()
                if polling.is_over:
                    await self._round(consumer, found)
                await watchdog.look(consumer, joined=membership.is_settled)
                if membership.is_settled:
                    # A consumer of a topic that was deleted has no partitions, and nothing to complain of.
                    is_there = self._is_there(consumer)
                    self._tell(None if is_there else f"there is no topic {self._arrived} that this user may read")
        finally:
            self._consumer = None
            polling.end()
            await let_go(consumer.stop())

    async def _look_back(self, consumer: AIOKafkaConsumer, membership: "_Membership", found: Found) -> None:
        """Tell what was deleted before it was copied: where reading begins, and where it jumps.

        A partition without a committed offset gets one: what is lost there later would be told by nothing else.
        """
        begun, membership.begun = membership.begun, set()
        jumped = {p for p, records in found.items() if p in self._reached and records[0].offset > self._reached[p]}
        if not begun | jumped:
            return
        # The starts first: another may have copied and committed, and only then retention came.
        starts: Mapping[TopicPartition, int] = await within(
            CALL_DEADLINE, consumer.beginning_offsets(list(begun | jumped)), "reading offsets"
        )
        for place, start in starts.items():
            if place not in begun and start <= self._reached[place]:
                continue
            offset = await within(CALL_DEADLINE, consumer.committed(place), "reading committed offsets")
            committed = _NOWHERE if offset is None else offset
            self._reached[place] = committed if place in begun else max(committed, self._reached[place])
        moved = {}
        for place, start in starts.items():
            reached = self._reached[place]
            if start > reached:
                moved[place] = start if reached == _NOWHERE else self._losses.first_kept(place, reached, start)
        if moved:
            await self._commit(consumer, moved)

    async def _hold_back(self, consumer: AIOKafkaConsumer, membership: "_Membership") -> None:
        if self.paused:
            consumer.pause(*consumer.assignment())
            await self._look_ahead(consumer)
        elif paused := consumer.paused():
            membership.begun |= paused
            consumer.resume(*paused)
            self._ends = {}

    async def _look_ahead(self, consumer: AIOKafkaConsumer) -> None:
        """Polls tell the ends of what is read; of what is held back they tell nothing."""
        now, places = self._clock.monotonic(), consumer.assignment()
        if now - self._looked_at >= LOOK_AHEAD_EVERY and places and self._is_there(consumer):
            self._looked_at = now
            self._ends = await within(CALL_DEADLINE, consumer.end_offsets(list(places)), "reading offsets")

    def _is_there(self, consumer: AIOKafkaConsumer) -> bool:
        """Whether the topic of arrivals is, as far as the consumer knows."""
        return consumer.partitions_for_topic(self._arrived) is not None

    async def _round(self, consumer: AIOKafkaConsumer, found: Found) -> None:
        if records := [record for of_partition in found.values() for record in of_partition]:
            await self._producer.send([self._copy_of(record) for record in records])
            self._telemetry.arrivals_copied(len(records))
        offsets = {place: of_partition[-1].offset + 1 for place, of_partition in found.items()}
        offsets |= await self._passed_by(consumer, self._reached | offsets)
        if offsets:
            await self._commit(consumer, offsets)

    async def _passed_by(
        self, consumer: AIOKafkaConsumer, reached: Mapping[TopicPartition, int]
    ) -> Mapping[TopicPartition, int]:
        """Where reading goes on behind markers of transactions and aborted records, which are offsets all the same."""
        found = {}
        for place in reached.keys() & consumer.assignment():
            if (consumer.highwater(place) or 0) > reached[place]:
                position = await within(CALL_DEADLINE, consumer.position(place), "reading positions")
                if position > reached[place]:
                    found[place] = position
        return found

    def _copy_of(self, record: ConsumerRecord) -> PlainRecord:
        at = Coordinates(self._cluster, record.topic, record.partition, record.offset, record.timestamp)
        headers = [(name, value or b"") for name, value in record.headers]
        import_id = identify(record.value, headers, at)
        by_reference = KafkaRecord(record.key, record.value, tuple(headers)).size + ROOM > self._copy_limit
        entity = import_entity(import_id)
        return PlainRecord(
            self._imports,
            partition=partition_of(entity, self._names.partitions),
            key=entity.encode(),
            value=None if by_reference else record.value,
            headers=copy_headers(at, None, [], by_reference=True)
            if by_reference
            else copy_headers(at, record.key, headers),
        )

    async def _commit(self, consumer: AIOKafkaConsumer, offsets: Mapping[TopicPartition, int]) -> None:
        self._reached.update(offsets)
        try:
            await bounded(CALL_DEADLINE, consumer.commit(dict(offsets)))
        except (CommitFailedError, IllegalStateError):
            # The partition moved in mid-round: its next owner copies again, and the owners see a repetition.
            return
        except (KafkaError, OSError) as error:
            msg = f"Kafka failed while committing arrivals: {type(error).__name__}"
            raise KafkaUnavailable(msg) from error


class _Membership(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka has no types
    """Whether the group is at rest.

    Attributes:
        begun: Partitions on which reading begins; nobody has looked at what was there before.
    """

    def __init__(self) -> None:
        self.is_settled = False
        self.begun: set[TopicPartition] = set()

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:  # noqa: ARG002 - aiokafka's names
        """Called before every join."""
        self.is_settled = False

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Called after every join."""
        self.is_settled = True
        self.begun = set(assigned)
