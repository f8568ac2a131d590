"""What is rebuilt is what was published; everything else is said, asked for, or left alone."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.contracts.envelope import Event
from connector.domain.annotation_outcome import AnnotationRules, Seen, Subject, decide
from connector.domain.annotation_state import Policy
from connector.domain.identity import Identity
from connector.domain.ids import AnnotationId, QueueId, annotation_entity, event_namespace, format_clock
from connector.domain.messages import Via
from connector.domain.readings import AnnotationReading, ExportReading
from connector.domain.rows import AnnotationRow
from connector.replay.rebuilding import CAPTURED, REPLAYABLE, Candidate, Fate, Rebuilding, Step
from tests.support.examples import examples
from tests.unit.audit.evidence_of import IDENTITY, NUMBER, POLICY, QUEUE, START, at, clock

RULES = AnnotationRules(IDENTITY, POLICY)
URL = f"https://example.test/api/v1/annotations/{NUMBER}"
ACTIONS = st.lists(st.sampled_from(["exported", "rejected", "confirmed", "to_review", "look"]), min_size=1, max_size=15)


def shown(status: str, now: float = 500, /, **clocks: str) -> tuple[AnnotationReading, ExportReading]:
    """What Rossum's list and export show."""
    reading = AnnotationReading(
        NUMBER, URL, status, QUEUE, None, {"arrived_at": clock(0), **clocks}, at(now), modified_at=clock(now)
    )
    export = ExportReading(NUMBER, URL, status, QUEUE, at(now), [], exported_at=clocks.get("exported_at"))
    return reading, export


def published(actions: list[str]) -> tuple[AnnotationRow, list[Event], tuple[AnnotationReading, ExportReading]]:
    """An annotation's row and events after these things have happened, and how Rossum shows it in the end."""
    row: AnnotationRow | None = None
    events: list[Event] = []
    status, clocks = "to_review", dict[str, str]()
    for second, action in enumerate([*actions, "look"], start=1):
        status = status if action == "look" else action
        if action in ("exported", "rejected", "confirmed"):
            clocks[f"{action}_at"] = clock(second)
        reading, export = shown(status, second, **clocks)
        outcome = decide(Subject(NUMBER, row), Seen(reading, export), RULES).outcome
        found = outcome.rows.get(annotation_entity(NUMBER))
        row = found if isinstance(found, AnnotationRow) else row
        events += outcome.events
    assert row is not None
    return row, events, shown(status, **clocks)


def steps_of(
    row: AnnotationRow | None,
    seen: tuple[AnnotationReading, ExportReading],
    *,
    names: tuple[str, ...] = (CAPTURED,),
    rules: AnnotationRules = RULES,
) -> list[Step]:
    """What a replay does about it."""
    reading, export = seen
    return Rebuilding("replay-1", names, rules).steps(Candidate(NUMBER, row, reading, export))


@examples(150)
@given(actions=ACTIONS)
def test_rebuilt_events_are_the_published_ones(actions: list[str]) -> None:
    """Same id, key, revision and, where Rossum has a clock for it, time; told as a replay; none is invented."""
    row, events, seen = published(actions)
    before = {event.id: event for event in events}

    steps = steps_of(row, seen, names=REPLAYABLE)

    rebuilt = [step.event for step in steps if step.event is not None]
    assert {step.fate for step in steps} == {Fate.PUBLISHED}
    assert {event.id for event in rebuilt} <= before.keys()
    assert len(rebuilt) == len(row.published)
    for event in rebuilt:
        same = before[event.id]
        assert (event.name, event.key, event.revision) == (same.name, same.key, same.revision)
        assert event.time == same.time or event.name == "annotation.ready"
        assert (event.via, event.replay) == (Via.REPLAY, "replay-1")


def test_a_replaced_revision_is_told_and_the_new_one_left_to_the_owner() -> None:
    """The data of the old one are gone."""
    row, _, _ = published(["exported"])

    changed, asked = steps_of(row, shown("exported", exported_at=clock(400)))

    assert (changed.fate, changed.sentence) == (Fate.CHANGED, f"Rossum has {clock(400)} now")
    assert (asked.fate, asked.event) == (Fate.ASKED, None)
    assert asked.hint is not None
    assert (asked.hint.via, asked.hint.replay) == (Via.REPLAY, "replay-1")
    assert asked.hint.clocks["exported_at"] == clock(400)


def test_an_annotation_that_is_gone_is_told() -> None:
    """As a whole, or only its captured data."""
    row, _, (reading, _) = published(["exported"])
    rebuilding = Rebuilding("replay-1", (CAPTURED,), RULES)

    (whole,) = rebuilding.steps(Candidate(NUMBER, row, None))
    (data,) = rebuilding.steps(Candidate(NUMBER, row, reading, None))

    assert (whole.fate, data.fate) == (Fate.GONE, Fate.GONE)


def test_what_nobody_published_is_left_to_the_owner() -> None:
    """Also when it lies beyond the horizon."""
    old = format_clock(START.replace(year=2020))

    (step,) = steps_of(None, shown("exported", exported_at=old))

    assert (step.fate, step.fact) == (Fate.ASKED, f"annotation.captured exported@{old}")


def test_what_a_row_has_not_sent_is_left_to_the_owner() -> None:
    """It counts as published there, but there is no event to publish again."""
    old = format_clock(START.replace(year=2020))
    seen = shown("exported", exported_at=old, confirmed_at=clock(5))
    found = decide(Subject(NUMBER, None), Seen(*seen), RULES).outcome.rows[annotation_entity(NUMBER)]
    assert isinstance(found, AnnotationRow)

    (step,) = steps_of(found, seen)

    assert step.fate is Fate.ASKED


def test_a_revision_without_a_clock_keeps_its_id() -> None:
    """Before and after the clock has appeared."""
    first = decide(Subject(NUMBER, None), Seen(*shown("exported", 10)), RULES).outcome
    row = first.rows[annotation_entity(NUMBER)]
    assert isinstance(row, AnnotationRow)
    later = decide(Subject(NUMBER, row), Seen(*shown("exported", 20, exported_at=clock(9))), RULES).outcome
    adopted = later.rows[annotation_entity(NUMBER)]
    assert isinstance(adopted, AnnotationRow)

    (without,) = steps_of(row, shown("exported"))
    (with_clock,) = steps_of(adopted, shown("exported", exported_at=clock(9)))

    (event,) = [event for event in first.events if event.name == CAPTURED]
    assert without.event is not None
    assert with_clock.event is not None
    assert without.event.id == with_clock.event.id == event.id
    assert without.event.time == event.time


def test_nothing_of_the_wanted_kind_is_said() -> None:
    """A person may have mistyped the event."""
    row, _, seen = published(["to_review"])

    (step,) = steps_of(row, seen, names=("annotation.rejected",))

    assert step.fate is Fate.NOTHING


@pytest.mark.parametrize("statuses", [("exported",), ("exported", "confirmed")])
def test_every_capture_status_is_rebuilt(statuses: tuple[str, ...]) -> None:
    """Each with its own id."""
    rules = AnnotationRules(Identity(event_namespace(1), "https://example.test/api/v1"), Policy(statuses, clock(0)))
    seen = shown("exported", exported_at=clock(20), confirmed_at=clock(10))
    outcome = decide(Subject(AnnotationId(NUMBER), None), Seen(*seen), rules).outcome
    row = outcome.rows[annotation_entity(NUMBER)]
    assert isinstance(row, AnnotationRow)

    steps = steps_of(replace(row, queue=QueueId(QUEUE)), seen, rules=rules)

    assert {step.event.id for step in steps if step.event} == {e.id for e in outcome.events if e.name == CAPTURED}
    assert len(steps) == len(statuses)
