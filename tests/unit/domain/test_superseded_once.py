"""That a clock was superseded is told once, whatever capture statuses had it and whenever each of them is heard of."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.domain.annotation_outcome import AnnotationRules, Seen, Subject, decide
from connector.domain.annotation_state import Policy
from connector.domain.messages import Hint, Via
from connector.domain.readings import AnnotationReading
from connector.domain.rows import AnnotationRow
from tests.support.examples import examples
from tests.unit.domain.annotation_story import ENTITY, NUMBER, POLICY, QUEUE, RULES, clock, export_of, hint, reading

BOTH = AnnotationRules(RULES.identity, Policy(("confirmed", "exported"), POLICY.horizon))
X, Y = clock(10), clock(20)
NAMES = ("confirmed_at", "exported_at")
seconds = st.one_of(st.none(), st.integers(1, 4))
hints = st.dictionaries(st.sampled_from(NAMES), st.integers(1, 5).map(clock), max_size=2)
statuses = st.sampled_from(["confirmed", "exported"])
#: How much each clock moves on, what was promised, whether Rossum gives the data out, and what it shows.
looks = st.lists(st.tuples(seconds, seconds, hints, st.booleans(), statuses), max_size=8)


class Life:
    """One annotation, decision after decision."""

    def __init__(self) -> None:
        self.rules = BOTH
        self.row: AnnotationRow | None = None
        self.told: Counter[str] = Counter()
        self.superseded: list[str] = []

    def look(self, shown: AnnotationReading, *hints: Hint, readable: bool = True) -> None:
        """The next one."""
        seen = Seen(shown, export_of(shown) if readable else None, readable=readable)
        outcome = decide(Subject(NUMBER, self.row, hints), seen, self.rules).outcome
        row = outcome.rows.get(ENTITY, self.row)
        assert isinstance(row, AnnotationRow)
        self.row = row
        self.told.update(event.id for event in outcome.events)
        self.superseded += [event.revision or "" for event in outcome.events if event.name == "annotation.superseded"]


@pytest.mark.parametrize("names", [NAMES, NAMES[::-1]], ids=["confirmed first", "exported first"])
def test_two_statuses_that_had_one_clock_tell_it_once(names: tuple[str, ...]) -> None:
    """Heard of in decisions of their own."""
    one = Life()
    shown = reading("exported", confirmed_at=Y, exported_at=Y)

    for name in names:
        one.look(shown, Hint(NUMBER, Via.WEBHOOK, "exported", QUEUE, {name: X}))

    assert (one.superseded, max(one.told.values())) == ([X], 1)


def test_a_status_that_comes_later_tells_it_no_more() -> None:
    """It had the same clock, and is as unreadable."""
    one = Life()

    one.look(reading("confirmed", confirmed_at=X), readable=False)
    one.look(reading("exported", confirmed_at=X, exported_at=X), readable=False)

    assert (one.superseded, max(one.told.values())) == ([X], 1)


def test_statuses_without_clocks_tell_it_once() -> None:
    """Neither can be read, and the first got its clock in between."""
    one = Life()

    one.look(reading("confirmed"), readable=False)
    one.look(reading("confirmed", confirmed_at=clock(200)), readable=False)
    one.look(reading("exported", confirmed_at=clock(200)), readable=False)

    assert (one.superseded, max(one.told.values())) == (["first", clock(200)], 1)


def test_a_status_that_is_captured_only_later_tells_it_no_more() -> None:
    """The settings may have changed in between."""
    one = Life()

    one.rules = AnnotationRules(RULES.identity, Policy(("confirmed",), POLICY.horizon))
    one.look(reading("confirmed"), readable=False)
    one.rules = BOTH
    one.look(reading("exported"), readable=False)

    assert (one.superseded, max(one.told.values())) == (["first"], 1)


def test_what_was_captured_under_one_status_is_told_under_the_other() -> None:
    """The data of an export that nobody could read are not those of the confirmation."""
    one = Life()

    one.look(reading("confirmed", confirmed_at=X))
    one.look(reading("exported", confirmed_at=Y, exported_at=Y), hint("exported", exported_at=X))

    assert one.superseded == [X]


def test_a_clock_that_appears_later_changes_nothing() -> None:
    """The export had none at first."""
    one = Life()

    one.look(reading("confirmed", confirmed_at=Y), hint("confirmed", confirmed_at=X))
    one.look(reading("exported", confirmed_at=Y))
    one.look(reading("exported", confirmed_at=Y, exported_at=Y))
    one.look(reading("exported", confirmed_at=Y, exported_at=Y), hint("exported", exported_at=X))

    assert (one.superseded, max(one.told.values())) == ([X], 1)


@examples(200)
@given(steps=looks)
def test_no_event_is_told_twice(steps: list[tuple[int | None, int | None, dict[str, str], bool, str]]) -> None:
    """Whatever moves, is promised and can be read."""
    one = Life()
    clocks = dict.fromkeys(NAMES, 0)

    for *moves, promised, readable, status in steps:
        for name, move in zip(NAMES, moves, strict=True):
            clocks[name] += move or 0
        shown = replace(reading(status, now=10), clocks={name: clock(at) for name, at in clocks.items() if at})
        one.look(shown, Hint(NUMBER, Via.WEBHOOK, "exported", QUEUE, promised), readable=readable)

    assert [event for event, count in one.told.items() if count > 1] == []
