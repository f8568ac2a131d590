"""The one thing a decision produces."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from connector.contracts.envelope import Event, KafkaRecord
from connector.domain.messages import WorkMessage
from connector.domain.rows import AnyRow


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a decision wants to become true, in one transaction.

    Attributes:
        rows: New ledger rows by entity; None forgets it.
        events: Public facts.
        dead_letters: Records for the dead-letter topic.
        messages: Idempotent facts for other entities; sent and acknowledged *before* the transaction.
    """

    rows: Mapping[str, AnyRow | None] = field(default_factory=dict)
    events: tuple[Event, ...] = ()
    dead_letters: tuple[KafkaRecord, ...] = ()
    messages: tuple[WorkMessage, ...] = ()

    def and_then(self, other: "Outcome") -> "Outcome":
        """Both in one transaction; where both write a row, the other's is the newer one."""
        return Outcome(
            rows={**self.rows, **other.rows},
            events=self.events + other.events,
            dead_letters=self.dead_letters + other.dead_letters,
            messages=self.messages + other.messages,
        )


NOTHING = Outcome()
