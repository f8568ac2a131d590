"""When open annotations are read again without a hint."""

from datetime import UTC, datetime

from connector.domain.ids import AnnotationId
from connector.domain.rows import AnnotationRow
from connector.engine.open_set import PATIENCE, OpenSet

WALL = datetime(2026, 1, 1, tzinfo=UTC)
LONG_AFTER = 1e6


def test_two_decisions_in_one_moment_make_one_read() -> None:
    """An annotation that was noted twice at the same time is due once, and the owner goes on."""
    annotations = OpenSet()
    row = AnnotationRow("to_review", "key")
    for _ in range(2):
        annotations.note(AnnotationId(1), row, now=0.0, wall=WALL)

    due = annotations.take_due(LONG_AFTER)

    assert due == [1]
    assert annotations.take_due(LONG_AFTER + PATIENCE) == []
