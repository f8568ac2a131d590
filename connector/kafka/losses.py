"""Tells of records that were deleted before they were read: by retention during an outage, or by somebody's hand.

Kafka goes on at the first record that is left, and says nothing. What the connector trims itself lies below the
committed offset, so a log that begins above it has lost something.
"""

from collections.abc import Mapping

from aiokafka.structs import TopicPartition

from connector.contracts.catalogue import TopicRole
from connector.telemetry import Telemetry

#: What to do about it.
AFTER_A_LOSS: Mapping[TopicRole, str] = {
    TopicRole.ARRIVED: "announce these documents again",
    TopicRole.IMPORTS: "announce the documents of that time again",
    TopicRole.WORK: "sweeps find what webhooks had told; POST /v1/sweeps makes them look at once",
}


class Losses:
    """See the module; each loss is told once."""

    def __init__(self, topics: Mapping[TopicRole, str], telemetry: Telemetry) -> None:
        self._roles = {topic: role for role, topic in topics.items()}
        self._telemetry = telemetry
        self._told: dict[TopicPartition, int] = {}

    def first_kept(self, place: TopicPartition, reached: int, start: int) -> int:
        """Where reading goes on: at the offset that it has reached, or where the log begins if that is later."""
        if reached < start and self._told.get(place) != start:
            self._told[place] = start
            role = self._roles[place.topic]
            told = f"{place.topic}[{place.partition}]"
            self._telemetry.records_lost(role, told, range(reached, start), AFTER_A_LOSS[role])
        return max(reached, start)
