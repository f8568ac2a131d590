"""From a complete pass to its row and event."""

from connector.contracts import events as contracts
from connector.contracts.envelope import Event
from connector.domain.identity import Identity
from connector.domain.ids import sweep_entity
from connector.domain.messages import Via
from connector.domain.outcome import Outcome
from connector.domain.rows import SweepRow
from connector.domain.sweep_state import Walk


class SweepFacts:
    """Makes the outcome of a pass."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity

    def completed(self, row: SweepRow, walk: Walk, *, recovered: int) -> Outcome:
        """The pass is complete: the watermark moves and consumers get their rhythm."""
        entity = sweep_entity(walk.clock)
        name = "sweep.completed"
        data = contracts.SweepCompleted(
            clock=walk.clock,
            window=contracts.Window(after=walk.after, before=walk.before),
            queues=list(row.queues),
            seen=walk.seen,
            new=walk.new,
            recovered=recovered,
        )
        event = Event(
            id=self._identity.event_id(entity, name, walk.before),
            name=name,
            source=self._identity.source(row.queues[0] if len(row.queues) == 1 else None),
            subject=f"sweeps/{walk.clock}",
            time=walk.before,
            key=walk.clock,
            revision=walk.before,
            via=Via.SWEEP,
            data=data,
        )
        return Outcome(rows={entity: row}, events=(event,))
