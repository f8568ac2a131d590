"""Notices a consumer that has silently stopped: it polls, raises nothing, and gets nothing although there is something.

aiokafka can come to such a standstill (aio-libs/aiokafka#1154); only a new consumer helps. The ends of the partitions
are asked for on their own, so a fetcher that has died can't hide them.
"""

from collections.abc import Mapping

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from connector.clock import Clock
from connector.errors import KafkaUnavailable
from connector.kafka.connection import within

#: Seconds between two looks; standing still between two of them counts.
LOOK_EVERY = 30.0
#: Seconds for one look; without an answer nothing is concluded.
LOOK_DEADLINE = 5.0
#: Seconds without any assignment after which joining counts as stuck: a rebalance takes 60 s at most.
UNASSIGNED_FOR = 120.0


class Watchdog:
    """Watches one consumer; see the module."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._looked_at = clock.monotonic()
        self._joined_at = clock.monotonic()
        self._behind: Mapping[TopicPartition, int] = {}

    async def look(self, consumer: AIOKafkaConsumer, *, joined: bool) -> None:
        """Look, when it is time to.

        Args:
            consumer: The consumer of this membership.
            joined: Whether the group has told this consumer its partitions (perhaps none).

        Raises:
            KafkaUnavailable: It stands still and has to be replaced.
        """
        now = self._clock.monotonic()
        if joined:
            self._joined_at = now
        elif now - self._joined_at > UNASSIGNED_FOR:
            msg = f"the consumer group has told this member nothing for {UNASSIGNED_FOR:g} s"
            raise KafkaUnavailable(msg)
        if now - self._looked_at < LOOK_EVERY:
            return
        self._looked_at = now
        before, self._behind = self._behind, await self._places_behind(consumer)
        for place, position in self._behind.items():
            if before.get(place) == position:
                msg = f"reading {place.topic}[{place.partition}] stands still at {position}, and there is more"
                raise KafkaUnavailable(msg)

    async def _places_behind(self, consumer: AIOKafkaConsumer) -> Mapping[TopicPartition, int]:
        """Positions of the partitions that are read now and have more to read."""
        places = consumer.assignment() - consumer.paused()
        if not places:
            return {}
        try:
            ends = await within(LOOK_DEADLINE, consumer.end_offsets(list(places)), "looking for the ends")
            positions = {
                place: await within(LOOK_DEADLINE, consumer.position(place), "looking for positions")
                for place in places & consumer.assignment()
            }
        except KafkaUnavailable:
            return {}
        return {place: position for place, position in positions.items() if position < ends[place]}
