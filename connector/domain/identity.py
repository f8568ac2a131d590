"""Who we are to consumers: where event ids and sources come from, fixed by the header rows of the ledger."""

from dataclasses import dataclass
from uuid import UUID

from connector.domain.ids import QueueId, event_id


@dataclass(frozen=True, slots=True)
class Identity:
    """The identity of one deployment.

    Attributes:
        namespace: Of event ids; from the organisation and the identity version.
        base_url: Rossum's API, without a trailing slash.
    """

    namespace: UUID
    base_url: str

    def source(self, queue: QueueId | int | None) -> str:
        """`ce_source`: the queue's API URL, the API's own without a known queue."""
        return f"{self.base_url}/queues/{queue}" if queue is not None else self.base_url

    def event_id(self, entity: str, name: str, revision: str) -> str:
        """`ce_id` of the one event that says so."""
        return event_id(self.namespace, entity, name, revision)
