"""The seat of this replica in the consumer group: positions and offsets of the inner logs, whoever asks."""

from collections.abc import Mapping

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import IllegalStateError
from aiokafka.structs import OffsetAndMetadata, TopicPartition

from connector.contracts.catalogue import TopicRole
from connector.errors import KafkaUnavailable
from connector.kafka.connection import CALL_DEADLINE, within
from connector.kafka.losses import Losses
from connector.kafka.names import Names

#: The logs that an owner reads.
ROLES = (TopicRole.IMPORTS, TopicRole.WORK)


class Seat:
    """Wraps the consumer of the moment; there is none between two memberships."""

    def __init__(self, names: Names, losses: Losses) -> None:
        self._names = names
        self._losses = losses
        self._consumer: AIOKafkaConsumer | None = None

    @property
    def consumer(self) -> AIOKafkaConsumer:
        """The consumer.

        Raises:
            KafkaUnavailable: Not a member now.
        """
        if self._consumer is None:
            raise KafkaUnavailable("this replica is not a member of the consumer group now")
        return self._consumer

    @property
    def is_taken(self) -> bool:
        """Whether there is a consumer."""
        return self._consumer is not None

    @property
    def answers(self) -> bool:
        """Whether the group's coordinator was there at the last heartbeat, every 3 s; aiokafka says so nowhere else."""
        coordinator = getattr(self._consumer, "_coordinator", None)
        return getattr(coordinator, "coordinator_id", None) is not None

    def take(self, consumer: AIOKafkaConsumer | None) -> None:
        """A membership begins, or ends with None."""
        self._consumer = consumer

    def place(self, role: TopicRole, partition: int) -> TopicPartition:
        """A partition of one of the logs."""
        return TopicPartition(self._names.topics[role], partition)

    def seek(self, partition: int, positions: Mapping[TopicRole, int]) -> bool:
        """Go on reading there; False when the partition is not ours (any more)."""
        try:
            for role, position in positions.items():
                self.consumer.seek(self.place(role, partition), position)
        except (IllegalStateError, KafkaUnavailable):
            return False
        return True

    async def committed(self, partition: int) -> Mapping[TopicRole, int]:
        """Where to go on reading: the committed offsets, else the start of what is kept.

        A log that begins above its offset has lost records: that is told, and the owner goes on. Unlike with a damaged
        ledger nothing comes twice by that, and refusing to work would bring none of them back.

        Raises:
            KafkaUnavailable: Kafka does not answer, or we are not a member.
        """
        positions = {}
        for role in ROLES:
            place = self.place(role, partition)
            # The start first: a former owner may commit and trim meanwhile.
            starts = await within(CALL_DEADLINE, self.consumer.beginning_offsets([place]), "reading offsets")
            offset = await within(CALL_DEADLINE, self.consumer.committed(place), "reading committed offsets")
            start = starts[place]
            positions[role] = start if offset is None else self._losses.first_kept(place, offset, start)
            if offset is not None and offset < start:
                # Where nothing follows what is lost, the next owner and the audit would find it again.
                passed_by = {place: OffsetAndMetadata(start, "")}
                await within(CALL_DEADLINE, self.commit(passed_by), "committing offsets")
        return positions

    async def commit(self, offsets: Mapping[TopicPartition, OffsetAndMetadata]) -> None:
        """Commit offsets outside of a transaction."""
        await self.consumer.commit(dict(offsets))

    def lag(self, partition: int, positions: Mapping[TopicRole, int]) -> Mapping[tuple[str, ...], float]:
        """Messages behind the end, by topic and partition, as far as polls have told."""
        found: dict[tuple[str, ...], float] = {}
        for role, position in positions.items():
            place = self.place(role, partition)
            known = self._consumer is not None and place in self._consumer.assignment()
            end = self._consumer.highwater(place) if self._consumer is not None and known else None
            if end is not None:
                found[place.topic, str(partition)] = float(max(end - position, 0))
        return found
