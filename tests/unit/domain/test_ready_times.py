"""When an annotation has become ready, as far as its event tells."""

from tests.unit.domain.annotation_story import clock, look, names, reading, row_of


def test_the_time_of_ready_never_lies_after_what_comes_next() -> None:
    """An answer that was heard late says when it was heard, not since when the annotation has been ready."""
    ready = look(None, reading("to_review", now=60))
    exported = look(row_of(ready), reading("exported", confirmed_at=clock(5), exported_at=clock(6)))

    times = [event.time for decision in (ready, exported) for event in decision.outcome.events]
    assert names(ready) == ["ready"]
    assert times == sorted(times)


def test_a_document_that_waits_for_a_person_is_ready_however_old() -> None:
    """The horizon is for facts with a clock; what can be opened now is told."""
    ready = look(None, reading("to_review", arrived_at=clock(-9 * 24 * 3600)))

    assert names(ready) == ["ready"]
