"""What the desks of an owner share: the outside world behind its ports, and the settings that decide."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from connector.clock import Clock
from connector.domain.annotation_outcome import AnnotationRules
from connector.domain.hook_plan import WantedHook
from connector.domain.identity import Identity
from connector.domain.ids import QueueId
from connector.domain.push_health import PushHealth
from connector.domain.sweep_state import SweepPolicy
from connector.engine.circuits import Circuit, QueueCircuits
from connector.engine.claims import Claims
from connector.engine.holding import Room
from connector.engine.lease import Lease
from connector.ports import Documents, Rossum, WorkLog
from connector.telemetry import Telemetry


class OnTwin(StrEnum):
    """What is done about a twin, beside the event."""

    REPORT = "report"
    #: Postponed, so that nobody exports it unseen.
    HOLD = "hold"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class GatherPolicy:
    """How documents go up together.

    Attributes:
        wait: Seconds for which the first waits for others.
        alike: Keys of metadata that all documents of one upload have in common.
        max_bytes: Of all documents of one upload.
        room: Memory that they may take meanwhile, shared by the owners of this process.
    """

    max_count: int
    wait: float
    alike: tuple[str, ...]
    max_bytes: int
    room: Room


@dataclass(frozen=True, slots=True)
class ImportPolicy:
    """Settings of the importer; durations in seconds, sizes in bytes."""

    queues: Mapping[str, QueueId]
    default_queue: QueueId | None
    retry_for: float
    task_after: float
    deadline: float
    settle: float
    file_name: str
    dead_letter_empty: bool
    in_flight: int
    on_twin: OnTwin = OnTwin.REPORT
    gather: GatherPolicy | None = None

    @property
    def configured(self) -> frozenset[QueueId]:
        """The queues of the settings; what an arrival names beside them is its own affair."""
        default = () if self.default_queue is None else (self.default_queue,)
        return frozenset((*self.queues.values(), *default))


@dataclass(frozen=True, slots=True)
class Services:
    """Everything an owner uses beside its own partition.

    Attributes:
        hook: Rossum's hook as it should be; None where nobody has said which URL it calls.
        claimed_queues: Those whose confirmed annotations become exported once they are on Kafka.
        claims: Takes what is too large for Kafka; None where nobody has said where to.
        push: What this process has seen of webhooks; shared by its owners.
        retention: How long (seconds) rows are kept after their end.
        letter_bytes, record_bytes: The largest dead letter, and the largest record of all.
    """

    partitions: int
    rossum: Rossum
    documents: Documents
    work: WorkLog
    telemetry: Telemetry
    clock: Clock
    identity: Identity
    annotations: AnnotationRules
    imports: ImportPolicy
    sweeps: SweepPolicy
    retention: float
    letter_bytes: int
    record_bytes: int
    hook: WantedHook | None
    push: PushHealth
    slots: asyncio.Semaphore
    circuit: Circuit
    queues: QueueCircuits
    lease: Lease
    claims: Claims | None = None
    claimed_queues: frozenset[QueueId] = frozenset()
