"""What the comparison calls a difference: everything that is missing, doubled or strange, and nothing else."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.audit.comparison import judge
from connector.audit.evidence import Entry, Grounds, Head, Heads, Listed, Sighting, Swept
from connector.audit.findings import Column, Kind, Line
from connector.contracts.catalogue import TopicRole
from connector.domain.floor import FloorRow
from connector.domain.ids import partition_of
from connector.domain.rows import AnnotationRow
from tests.support.examples import examples
from tests.unit.audit.evidence_of import (
    ACTIONS,
    ENTITY,
    GROUNDS,
    NUMBER,
    PARTITIONS,
    Story,
    balances,
    clock,
    kinds,
    lived,
    milliseconds,
)


@examples(150)
@given(actions=ACTIONS)
def test_a_perfect_connector_leaves_no_difference(actions: list[str]) -> None:
    """Whatever happens to an annotation, in whatever order it is looked at."""
    verdict = judge(lived(actions).entry, GROUNDS)

    assert verdict.differences == []
    assert balances(verdict)


@examples(150)
@given(actions=ACTIONS, data=st.data())
def test_any_record_that_is_lost_is_named(actions: list[str], data: st.DataObject) -> None:
    """As one difference, on the topic that lacks it, as long as the row remembers or another topic has it."""
    story = lived(actions)
    lost = data.draw(st.sampled_from(story.sightings))
    entry = replace(story.entry, sightings=[s for s in story.sightings if s is not lost])

    verdict = judge(entry, GROUNDS)

    forgotten = _is_forgotten(entry, lost)
    assert kinds(verdict) == ([] if forgotten else [Kind.MISSING_EVENT])
    assert forgotten or lost.role.value in verdict.differences[0].sentence
    assert balances(verdict)


def _is_forgotten(entry: Entry, lost: Sighting) -> bool:
    """A row keeps the newest revision of thin events only: an older one on one topic leaves no trace."""
    assert isinstance(entry.row, AnnotationRow)
    thin = lost.event.name not in ("annotation.captured", "annotation.superseded")
    newest = entry.row.published.get(lost.event.name)
    return thin and newest != lost.event.revision and not any(s.event.id == lost.event.id for s in entry.sightings)


@examples(100)
@given(actions=ACTIONS, data=st.data())
def test_any_record_that_comes_twice_is_named(actions: list[str], data: st.DataObject) -> None:
    """Unless a replay brought it."""
    story = lived(actions)
    doubled = data.draw(st.sampled_from(story.sightings))
    again = replace(doubled, offset=doubled.offset + 1000)
    replayed = replace(again, event=replace(again.event, replay="replay-1"))

    by_mistake = judge(replace(story.entry, sightings=[*story.sightings, again]), GROUNDS)
    by_replay = judge(replace(story.entry, sightings=[*story.sightings, replayed]), GROUNDS)
    twice_by_one = judge(replace(story.entry, sightings=[*story.sightings, replayed, replayed]), GROUNDS)

    assert Kind.DOUBLED in kinds(by_mistake)
    assert by_replay.differences == []
    assert kinds(twice_by_one) == [Kind.DOUBLED]


@examples(100)
@given(actions=ACTIONS)
def test_events_without_their_row_are_named(actions: list[str]) -> None:
    """Every one of them; the ledger is not believed to be right because it is silent."""
    story = lived(actions)

    verdict = judge(replace(story.entry, row=None), GROUNDS)

    ids = {sighting.event.id for sighting in story.sightings}
    assert Counter(kinds(verdict)) == {Kind.MISSING_ROW: len(ids)}


def test_events_that_came_while_the_ledger_was_read_wait_for_the_next_look() -> None:
    """Their rows may have come after it."""
    story = lived(["export"])
    settled = {(TopicRole.CAPTURED, 3): 0, (TopicRole.LIFECYCLE, 3): 0}

    verdict = judge(replace(story.entry, row=None), replace(GROUNDS, settled=settled))

    assert verdict.differences == []


def forgotten(until: float) -> Grounds:
    """A ledger that has forgotten what ended by then."""
    return replace(GROUNDS, floors={"floor/0": FloorRow(clock(until))})


def test_events_whose_rows_the_ledger_has_forgotten_are_no_difference() -> None:
    """Its floor says how far it has; a row that ended later should be there."""
    story = lived(["export"])

    old, new = (judge(replace(story.entry, row=None), forgotten(until)) for until in (1000, -1000))

    assert old.differences == []
    assert set(kinds(new)) == {Kind.MISSING_ROW}


def test_what_rossum_shows_of_the_forgotten_is_beyond_retention() -> None:
    """It was told or was too old to be told; a later one is missing."""
    old = Entry(ENTITY, listed={"exported_at": Listed("exported_at", clock(5), 8198)})
    swept = {"exported_at": Swept(clock(100), frozenset({8198}))}

    told, lost = (judge(old, replace(forgotten(until), swept=swept)) for until in (50, 1))

    assert (told.differences, told.totals[Line.ROSSUM, Column.RETENTION]) == ([], 1)
    assert kinds(lost) == [Kind.NOT_CAPTURED]


def test_an_import_outlives_the_rows_of_its_annotations() -> None:
    """Where arrivals are kept for ever."""
    verdict = judge(Entry(ENTITY, linked={"import/a": clock(5)}), forgotten(50))

    assert (verdict.differences, verdict.totals[Line.ANNOTATIONS, Column.RETENTION]) == ([], 1)


def test_an_id_that_does_not_follow_from_the_event_is_named() -> None:
    """Somebody else writes to the topic, or the identity has changed."""
    story = lived(["export"])
    strange = [replace(s, event=replace(s.event, id="somebody's own")) for s in story.sightings]

    verdict = judge(replace(story.entry, sightings=[*story.sightings, *strange]), GROUNDS)

    assert set(kinds(verdict)) == {Kind.FOREIGN_ID}


@pytest.mark.parametrize("revision", [clock(1), f"exported@{clock(1)}"])
def test_a_superseded_revision_is_known_by_its_clock_alone_or_as_it_once_was(revision: str) -> None:
    """Its id was once made like that of a captured one; what is on the topic stays true."""
    story = lived(["export", "export", "look", "late"])
    lost = [s for s in story.sightings if s.event.name == "annotation.superseded"]
    of_clock = GROUNDS.identity.event_id(ENTITY, "annotation.superseded", revision)
    others = [s for s in story.sightings if s not in lost]
    told = [*others, *(replace(s, event=replace(s.event, id=of_clock)) for s in lost)]

    verdict = judge(replace(story.entry, sightings=told), GROUNDS)
    unknown = judge(Entry(ENTITY, replace(story.row, captures={}), told), GROUNDS) if story.row else None

    assert [s.event.revision for s in lost] == [clock(1)]
    assert verdict.differences == []
    assert unknown is not None
    assert Kind.MISSING_ROW in kinds(unknown)
    assert kinds(judge(replace(story.entry, sightings=others), GROUNDS)) == [Kind.MISSING_EVENT]


def test_a_superseded_revision_without_a_clock_is_looked_for_once() -> None:
    """It is named where it is lost, and what came after it changes nothing."""
    story = Story()
    story.readable = False
    story.look("exported", now=1)
    lost = [s for s in story.sightings if s.event.name == "annotation.superseded"]
    others = [s for s in story.sightings if s not in lost]

    verdict = judge(story.entry, GROUNDS)
    without = judge(replace(story.entry, sightings=others), GROUNDS)
    story.readable = True
    story.look("exported", now=20, exported_at=clock(10))
    after = judge(story.entry, GROUNDS)

    assert (verdict.differences, verdict.totals[Line.CAPTURED, Column.OUT]) == ([], 1)
    assert kinds(without) == [Kind.MISSING_EVENT]
    assert (after.differences, after.totals[Line.CAPTURED, Column.OUT]) == ([], 1)


def test_a_clock_that_goes_back_is_named() -> None:
    """Consumers that keep the last record would have an old revision."""
    story = lived(["export", "look", "export"])
    turned = [replace(s, offset=1000 - s.offset) for s in story.sightings]

    verdict = judge(replace(story.entry, sightings=turned), GROUNDS)

    assert kinds(verdict) == [Kind.OUT_OF_ORDER]


def test_at_least_once_promises_neither_order_nor_single_records() -> None:
    """But that nothing is missing."""
    story, at_least_once = lived(["export"]), replace(GROUNDS, exactly_once=False)

    doubled = judge(replace(story.entry, sightings=story.sightings * 2), at_least_once)
    missing = judge(replace(story.entry, sightings=[]), at_least_once)

    assert doubled.differences == []
    assert set(kinds(missing)) == {Kind.MISSING_EVENT}


def _cut(role: TopicRole, first_second: float | None, key: str = f"rossum:{NUMBER}") -> Heads:
    first = None if first_second is None else milliseconds(first_second)
    return Heads(PARTITIONS, (Head(role, partition_of(key, 12), 10, first),))


@pytest.mark.parametrize(("first_kept", "column"), [(None, "RETENTION"), (100, "RETENTION"), (-100, "MISSING")])
def test_what_may_have_been_deleted_with_the_head_is_not_called_lost(first_kept: float | None, column: str) -> None:
    """A fact later than the first kept record can not have been."""
    story = lived(["export"])
    sightings = [s for s in story.sightings if s.role is not TopicRole.CAPTURED]
    heads = _cut(TopicRole.CAPTURED, first_kept)

    verdict = judge(replace(story.entry, sightings=sightings), replace(GROUNDS, heads=heads))

    assert verdict.totals[Line.CAPTURED, Column[column]] == 1
    assert bool(verdict.differences) == (column == "MISSING")
    assert balances(verdict)


def test_another_partition_s_head_excuses_nothing() -> None:
    """The record would have been in the partition of its key."""
    story = lived(["export"])
    sightings = [s for s in story.sightings if s.role is not TopicRole.CAPTURED]
    other = next(key for key in map(str, range(99)) if partition_of(key, 12) != partition_of(f"rossum:{NUMBER}", 12))
    heads = _cut(TopicRole.CAPTURED, None, key=other)

    verdict = judge(replace(story.entry, sightings=sightings), replace(GROUNDS, heads=heads))

    assert kinds(verdict) == [Kind.MISSING_EVENT]


def test_an_annotation_that_only_an_import_knows_is_named() -> None:
    """Its arrival has no outcome."""
    verdict = judge(Entry(ENTITY, linked={"import/a": clock(5)}), GROUNDS)

    assert kinds(verdict) == [Kind.NO_OUTCOME]
    assert verdict.totals[Line.ANNOTATIONS, Column.MISSING] == 1


def test_an_annotation_at_rest_without_an_outcome_is_named() -> None:
    """One of an import only: others may have come to rest before the horizon."""
    row = AnnotationRow("exported", "key", import_id="a")

    of_import = judge(Entry(ENTITY, row), GROUNDS)
    of_another_door = judge(Entry(ENTITY, replace(row, import_id=None)), GROUNDS)

    assert kinds(of_import) == [Kind.NO_OUTCOME]
    assert of_another_door.differences == []


def test_an_open_annotation_is_listed_with_its_arrival() -> None:
    """People take their time."""
    verdict = judge(lived(["review"]).entry, GROUNDS)

    (item,) = verdict.open
    assert (item.entity, item.stage, item.since) == (ENTITY, "to_review", clock(0))
    assert verdict.stages == {"to_review": 1}
