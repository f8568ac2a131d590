"""One annotation as Rossum shows it, hints about it, and what a look at it decides."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from connector.domain import annotation_state as rules
from connector.domain.annotation_outcome import AnnotationRules, Decision, Seen, Subject, decide
from connector.domain.annotation_state import Policy
from connector.domain.identity import Identity
from connector.domain.ids import AnnotationId, QueueId, annotation_entity, event_namespace, format_clock
from connector.domain.messages import Hint, Via
from connector.domain.readings import AnnotationReading, ExportReading, Mark
from connector.domain.rows import AnnotationRow

NUMBER = AnnotationId(4711)
ENTITY = annotation_entity(NUMBER)
QUEUE = QueueId(8198)
START = datetime(2026, 3, 1, tzinfo=UTC)
ARRIVED = format_clock(START)
POLICY = Policy(("exported",), format_clock(START - timedelta(days=1)))
RULES = AnnotationRules(Identity(event_namespace(1), "https://example.test/api/v1"), POLICY)


def at(seconds: float) -> datetime:
    """An instant of the story."""
    return START + timedelta(seconds=seconds)


def clock(seconds: float) -> str:
    """The same as clock text."""
    return format_clock(at(seconds))


def reading(status: str, *, now: float = 100, mark: Mark | None = None, **clocks: str) -> AnnotationReading:
    """What Rossum's list shows."""
    url = f"https://example.test/api/v1/annotations/{NUMBER}"
    shown = {"arrived_at": ARRIVED, **clocks}
    return AnnotationReading(NUMBER, url, status, QUEUE, None, shown, at(now), mark=mark)


def export_of(shown: AnnotationReading) -> ExportReading:
    """What the queue's export shows of the same state."""
    return ExportReading(
        NUMBER, shown.url, shown.status, QUEUE, shown.at, [], exported_at=shown.clocks.get("exported_at")
    )


def hint(status: str | None, via: Via = Via.WEBHOOK, **clocks: str) -> Hint:
    """What somebody saw."""
    return Hint(NUMBER, via, status, QUEUE, clocks)


def look(row: AnnotationRow | None, shown: AnnotationReading, *hints: Hint, **more: Any) -> Decision:
    """One decision after a full read."""
    wanted = rules.captures_wanted(row, shown, POLICY)
    seen = Seen(shown, export_of(shown) if wanted else None)
    return decide(Subject(NUMBER, row, hints, more.get("linked")), replace(seen, **more.get("seen", {})), RULES)


def row_of(decision: Decision) -> AnnotationRow:
    """The row that a decision writes."""
    row = decision.outcome.rows[ENTITY]
    assert isinstance(row, AnnotationRow)
    return row


def names(decision: Decision) -> list[str]:
    """Names of the events of a decision."""
    return [event.name.removeprefix("annotation.") for event in decision.outcome.events]
