"""Deletes from the inner logs what nobody needs any more; they have no retention by time.

Three bounds, the lowest wins: what the owner committed itself in this ownership, what the broker says is committed
now, and (for `imports`) the lowest copy that a row still needs. A zombie knows only rows and commits of its own past:
whatever its successor still needs lies at or above its own last commit, or is held by a row that it knows too.
"""

from collections.abc import Callable, Mapping

from aiokafka.admin import RecordsToDelete
from aiokafka.structs import OffsetAndMetadata, TopicPartition

from connector.clock import Clock
from connector.errors import KafkaUnavailable
from connector.kafka.connection import CALL_DEADLINE, KafkaConnection, within
from connector.kafka.names import Names
from connector.telemetry import Telemetry

#: Seconds from one trimming to the next: what is kept too long costs only disk.
TRIM_EVERY = 15.0


class Trimmer:
    """See the module.

    Args:
        trimmable: Offsets below which the owners at work need nothing, by partition of an inner log.
    """

    def __init__(
        self,
        connection: KafkaConnection,
        names: Names,
        *,
        trimmable: Callable[[], Mapping[TopicPartition, int]],
        telemetry: Telemetry,
        clock: Clock,
    ) -> None:
        self._connection = connection
        self._group = names.group
        self._trimmable = trimmable
        self._telemetry = telemetry
        self._clock = clock
        self._trimmed: dict[TopicPartition, int] = {}

    async def run(self) -> None:
        """Trim until cancelled."""
        while True:
            await self._clock.sleep(TRIM_EVERY)
            try:
                await self.trim()
            except KafkaUnavailable as error:
                self._telemetry.trim_failed(str(error))

    async def trim(self) -> None:
        """Trim once.

        Raises:
            KafkaUnavailable: Kafka does not answer, or does not let us (the ACL `Delete` on both topics is missing).
        """
        wanted = {place: end for place, end in self._trimmable().items() if end > self._trimmed.get(place, 0)}
        if not wanted:
            return
        async with self._connection.admin() as admin:
            committed: Mapping[TopicPartition, OffsetAndMetadata] = await within(
                CALL_DEADLINE,
                admin.list_consumer_group_offsets(self._group, partitions=list(wanted)),
                "reading committed offsets",
            )
            ends = {place: min(end, committed[place].offset) for place, end in wanted.items() if place in committed}
            ends = {place: end for place, end in ends.items() if end > self._trimmed.get(place, 0)}
            if not ends:
                return
            topics = " and ".join(sorted({place.topic for place in ends}))
            await within(
                CALL_DEADLINE,
                admin.delete_records({place: RecordsToDelete(end) for place, end in ends.items()}),
                f"deleting finished records of {topics} (it needs the ACL Delete)",
            )
        self._trimmed.update(ends)
        self._telemetry.trimmed(len(ends))
