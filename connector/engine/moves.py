"""Annotations that somebody moved to another queue: they stay what they are, and are told from where they are now."""

from connector.domain.readings import AnnotationReading
from connector.domain.rows import AnnotationRow
from connector.engine.services import Services


def tell_of_move(row: AnnotationRow | None, reading: AnnotationReading, services: Services) -> None:
    """Count and log where an annotation is in another queue than when it was last read.

    In a queue that is not configured no sweep finds it and no webhook tells of it: only the open set reads it.
    """
    if row is not None and row.queue is not None and row.queue != reading.queue:
        configured = services.queues.of(reading.queue) is not None
        services.telemetry.moved(reading.id, row.queue, reading.queue, configured=configured)
