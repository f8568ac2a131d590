"""What the desks of an owner share: the outside world behind its ports, and the settings that decide."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from connector.clock import Clock
from connector.domain.annotation_outcome import AnnotationRules
from connector.domain.identity import Identity
from connector.domain.ids import QueueId
from connector.engine.circuits import Circuit
from connector.ports import Documents, Rossum, WorkLog
from connector.telemetry import Telemetry


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


@dataclass(frozen=True, slots=True)
class SweepPolicy:
    """Settings of the sweeps; durations in seconds.

    Attributes:
        start: Nothing before it is swept (clock text).
    """

    queues: tuple[QueueId, ...]
    interval: float
    lag: float
    overlap: float
    deep_interval: float
    deep_overlap: float
    start: str


@dataclass(frozen=True, slots=True)
class Services:
    """Everything an owner uses beside its own partition."""

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
    slots: asyncio.Semaphore
    circuit: Circuit
