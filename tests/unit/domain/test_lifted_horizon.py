"""What lies beyond the horizon is published when a replay asks for it, and only then."""

from datetime import UTC, datetime, timedelta

import pytest

from connector.contracts.envelope import EventMode, to_record
from connector.domain import annotation_hints as promises
from connector.domain import annotation_state as rules
from connector.domain.annotation_outcome import AnnotationRules, Decision, Seen, Subject, decide
from connector.domain.annotation_state import Policy
from connector.domain.identity import Identity
from connector.domain.ids import AnnotationId, QueueId, annotation_entity, event_namespace, format_clock
from connector.domain.messages import Hint, Via
from connector.domain.readings import AnnotationReading, ExportReading
from connector.domain.rows import AnnotationRow

NUMBER, QUEUE = AnnotationId(4711), QueueId(8198)
START = datetime(2026, 3, 1, tzinfo=UTC)
LONG_AGO, NOW = format_clock(START - timedelta(days=30)), format_clock(START + timedelta(hours=1))
POLICY = Policy(("exported",), format_clock(START))
RULES = AnnotationRules(Identity(event_namespace(1), "https://example.test/api/v1"), POLICY)
URL = f"https://example.test/api/v1/annotations/{NUMBER}"
REPLAY = Hint(NUMBER, Via.REPLAY, "exported", QUEUE, {"exported_at": LONG_AGO}, replay="replay-1")


def look(row: AnnotationRow | None, *hints: Hint, **clocks: str) -> Decision:
    """One decision after a full read."""
    shown = AnnotationReading(NUMBER, URL, "exported", QUEUE, None, clocks, START + timedelta(days=1))
    export = ExportReading(NUMBER, URL, "exported", QUEUE, shown.at, [], exported_at=clocks.get("exported_at"))
    return decide(Subject(NUMBER, row, hints), Seen(shown, export), RULES)


def row_of(decision: Decision) -> AnnotationRow:
    """The row that a decision writes."""
    row = decision.outcome.rows[annotation_entity(NUMBER)]
    assert isinstance(row, AnnotationRow)
    return row


def test_a_replay_publishes_what_nobody_knew() -> None:
    """With the id that it has anyway, and told as a replay."""
    decision = look(None, REPLAY, exported_at=LONG_AGO)

    (event,) = decision.outcome.events
    headers = dict(to_record(event, EventMode.BINARY).headers)
    expected = RULES.identity.event_id("annotation/4711", "annotation.captured", f"exported@{LONG_AGO}")
    assert event.id == expected
    assert (headers["ce_observedvia"], headers["ce_replay"]) == (b"replay", b"replay-1")
    assert row_of(decision).counts == {"exported": 1}


def test_without_a_replay_it_stays_unpublished() -> None:
    """However often somebody looks."""
    decision = look(None, Hint(NUMBER, Via.SWEEP), exported_at=LONG_AGO)

    assert decision.outcome.events == ()
    assert decision.beyond == 1


@pytest.fixture
def partly() -> AnnotationRow:
    """The row of an annotation of which one fact lay beyond the horizon and one did not."""
    return row_of(look(None, exported_at=LONG_AGO, confirmed_at=NOW))


def test_a_row_says_what_was_not_sent(partly: AnnotationRow) -> None:
    """Else nobody could tell it from a lost event."""
    assert partly.unsent == {"annotation.captured:exported": LONG_AGO}
    assert partly.published == {"annotation.captured:exported": LONG_AGO, "annotation.confirmed": NOW}
    assert partly.counts == {}


def test_a_replay_publishes_what_the_row_left_out(partly: AnnotationRow) -> None:
    """That one fact, once."""
    known_before = promises.is_known(partly, REPLAY, POLICY)
    decision = look(partly, REPLAY, exported_at=LONG_AGO, confirmed_at=NOW)
    after = row_of(decision)

    assert not known_before
    assert [(event.name, event.revision) for event in decision.outcome.events] == [("annotation.captured", LONG_AGO)]
    assert (after.unsent, after.counts) == ({}, {"exported": 1})
    assert promises.is_known(after, REPLAY, POLICY)
    assert look(after, REPLAY, exported_at=LONG_AGO, confirmed_at=NOW).outcome.events == ()


def test_a_newer_revision_ends_what_was_not_sent(partly: AnnotationRow) -> None:
    """Rossum has the older one no more, so nothing can be made up for."""
    after = row_of(look(partly, exported_at=NOW, confirmed_at=NOW))

    assert after.unsent == {}
    assert rules.lifted(after, [REPLAY]) is after


def test_a_clock_that_appears_later_is_remembered_as_first() -> None:
    """The event of that fact keeps the id that it was published with."""
    before = row_of(look(None))

    after = row_of(look(before, exported_at=NOW))

    assert after.adopted == {"annotation.captured:exported": NOW}
    assert after.published["annotation.captured:exported"] == NOW
