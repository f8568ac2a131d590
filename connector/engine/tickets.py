"""Acknowledgement that travels with the work: who handles a message tells, exactly once, that it needs nothing more."""

from dataclasses import dataclass

from connector.contracts.catalogue import TopicRole
from connector.engine.offsets import OffsetTracker


@dataclass(slots=True)
class Ticket:
    """One delivered record, which may hold several messages.

    Attributes:
        remaining: Messages of the record that are not finished.
    """

    role: TopicRole
    tracker: OffsetTracker
    offset: int
    remaining: int

    def __post_init__(self) -> None:
        """The tracker counts what is to be done."""
        self.tracker.messages += self.remaining

    def done(self) -> None:
        """One message of the record is finished; with the last one the record is."""
        self.remaining -= 1
        self.tracker.messages -= 1
        if self.remaining == 0:
            self.tracker.finish(self.offset)
