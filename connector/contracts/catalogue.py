"""Every event that there is, and the topics that it goes to."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel

from connector.contracts import events
from connector.contracts.captured import thin
from connector.contracts.envelope import Event, EventMode, KafkaRecord, to_record


class TopicRole(StrEnum):
    """What a topic is for; its name is a setting."""

    ARRIVED = "arrived"
    LIFECYCLE = "lifecycle"
    CAPTURED = "captured"
    READY = "ready"
    DEAD_LETTERS = "dead_letters"
    IMPORTS = "imports"
    WORK = "work"
    LEDGER = "ledger"


@dataclass(frozen=True, slots=True)
class EventType:
    """One kind of event.

    Attributes:
        topics: Where it goes; on `lifecycle` without captured data.
        when: In one sentence.
        outcome: Whether it ends the story of an arrival (or of one revision).
    """

    name: str
    model: type[BaseModel]
    when: str
    topics: tuple[TopicRole, ...] = (TopicRole.LIFECYCLE,)
    outcome: bool = False


CAPTURED = "annotation.captured"
CAPTURED_THIN = "annotation.captured-thin"

_TYPES = (
    EventType("import.accepted", events.ImportAccepted, "Rossum has taken the upload."),
    EventType("import.completed", events.ImportCompleted, "All annotations of the import are known."),
    EventType("import.failed", events.ImportFailed, "The import can't succeed; see the dead letter.", outcome=True),
    EventType("import.duplicate", events.ImportDuplicate, "Identical content refused, or a twin found.", outcome=True),
    EventType(
        "annotation.ready",
        events.AnnotationReady,
        "A revision reached to_review for the first time: a person can open it.",
        (TopicRole.LIFECYCLE, TopicRole.READY),
    ),
    EventType("annotation.confirmed", events.AnnotationConfirmed, "Somebody confirmed it."),
    EventType("annotation.postponed", events.AnnotationPostponed, "Somebody postponed it."),
    EventType("annotation.export_failed", events.AnnotationExportFailed, "Its export failed in Rossum."),
    EventType(
        CAPTURED,
        events.AnnotationCaptured,
        "A revision of its captured data is final.",
        (TopicRole.CAPTURED, TopicRole.LIFECYCLE),
        outcome=True,
    ),
    EventType("annotation.rejected", events.AnnotationRejected, "Somebody rejected it.", outcome=True),
    EventType("annotation.split", events.AnnotationSplit, "It was split into others.", outcome=True),
    EventType("annotation.deleted", events.AnnotationDeleted, "It was deleted.", outcome=True),
    EventType("annotation.purged", events.AnnotationPurged, "Rossum purged it.", outcome=True),
    EventType(
        "annotation.superseded",
        events.AnnotationSuperseded,
        "A revision was replaced or purged before its data could be read.",
    ),
    EventType("sweep.completed", events.SweepCompleted, "A pass over a window is complete."),
)

CATALOGUE: Mapping[str, EventType] = {kind.name: kind for kind in _TYPES}


def records_of(event: Event, mode: EventMode) -> list[tuple[TopicRole, KafkaRecord]]:
    """The records of an event, one per topic, all with the same id; captured data only on the captured topic."""
    records: list[tuple[TopicRole, KafkaRecord]] = []
    for role in CATALOGUE[event.name].topics:
        if isinstance(event.data, events.AnnotationCaptured) and role is not TopicRole.CAPTURED:
            records.append((role, to_record(event, mode, thin(event.data), CAPTURED_THIN)))
        else:
            records.append((role, to_record(event, mode)))
    return records
