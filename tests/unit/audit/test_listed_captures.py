"""What the comparison says of captures that Rossum shows, and of what the horizon left out."""

from dataclasses import replace

import pytest
from hypothesis import given

from connector.audit.comparison import judge
from connector.audit.evidence import Entry, Listed, Swept
from connector.audit.findings import Column, Kind, Line
from connector.domain.messages import Hint, Via
from tests.support.examples import examples
from tests.unit.audit.evidence_of import ACTIONS, ENTITY, GROUNDS, NUMBER, QUEUE, Story, balances, clock, kinds, lived

SWEPT = {"exported_at": Swept(clock(1000), frozenset({QUEUE}))}


@pytest.mark.parametrize(
    ("value", "swept", "queue", "hinted", "column"),
    [
        (clock(500), SWEPT, QUEUE, False, Column.MISSING),
        (clock(500), SWEPT, QUEUE, True, Column.OPEN),
        (clock(1500), SWEPT, QUEUE, False, Column.OPEN),
        (clock(500), SWEPT, 8199, False, Column.OPEN),
        (clock(500), {}, QUEUE, False, Column.OPEN),
        (clock(-500), SWEPT, QUEUE, False, Column.HORIZON),
    ],
    ids=["passed by", "hinted", "not swept yet", "new queue", "no sweep yet", "before the horizon"],
)
def test_what_rossum_shows_and_nobody_published(
    value: str, swept: dict[str, Swept], queue: int, *, hinted: bool, column: Column
) -> None:
    """Is a difference only when nobody will look at it any more."""
    entry = Entry(ENTITY, hinted=hinted, listed={"exported_at": Listed("exported_at", value, queue)})

    verdict = judge(entry, replace(GROUNDS, swept=swept))

    assert verdict.totals[Line.ROSSUM, column] == 1
    assert kinds(verdict) == ([Kind.NOT_CAPTURED] if column is Column.MISSING else [])
    assert balances(verdict)


@examples(100)
@given(actions=ACTIONS)
def test_what_rossum_shows_and_was_published_is_out(actions: list[str]) -> None:
    """The listing shows the newest revision, whatever was published before."""
    story = lived(actions)
    assert story.row is not None
    value = story.row.clocks.get("exported_at")
    listed = {"exported_at": Listed("exported_at", value, QUEUE)}

    verdict = judge(replace(story.entry, listed=listed), replace(GROUNDS, swept=SWEPT))

    assert verdict.differences == []
    assert verdict.totals[Line.ROSSUM, Column.OUT] == (value is not None)


def test_facts_that_were_not_sent_are_beyond_the_horizon() -> None:
    """The row says so; the events that were sent are looked for as ever."""
    story = Story()
    story.look("exported", now=60, exported_at=clock(-500), confirmed_at=clock(50))
    listed = {"exported_at": Listed("exported_at", clock(-500), QUEUE)}

    verdict = judge(replace(story.entry, listed=listed), replace(GROUNDS, swept=SWEPT))

    assert verdict.differences == []
    assert verdict.totals[Line.ROSSUM, Column.HORIZON] == 1
    assert verdict.beyond == [(ENTITY, clock(-500))]


def test_thin_facts_that_were_not_sent_are_not_missed() -> None:
    """Like a confirmation from before the horizon of an annotation that was exported after it."""
    story = Story()
    story.look("exported", now=60, exported_at=clock(50), confirmed_at=clock(-500))

    verdict = judge(story.entry, GROUNDS)

    assert verdict.differences == []
    assert verdict.totals[Line.CAPTURED, Column.OUT] == 1


def test_revisions_from_before_the_horizon_that_nobody_could_read_are_not_missed() -> None:
    """Somebody had promised one that was replaced before the annotation was first seen."""
    story = Story()
    promise = Hint(NUMBER, Via.WEBHOOK, "exported", QUEUE, {"exported_at": clock(-500)})
    story.look("exported", promise, now=60, exported_at=clock(50))

    verdict = judge(story.entry, GROUNDS)

    assert verdict.differences == []
    assert verdict.totals[Line.CAPTURED, Column.HORIZON] == 1


def test_a_clock_that_appeared_later_belongs_to_its_first_event() -> None:
    """Its event says `first` and keeps the id that it was published with."""
    story = Story()
    story.look("exported", now=60)
    story.look("exported", now=90, exported_at=clock(50), confirmed_at=clock(40))

    verdict = judge(story.entry, GROUNDS)

    assert verdict.differences == []
    assert verdict.totals[Line.CAPTURED, Column.OUT] == 1
