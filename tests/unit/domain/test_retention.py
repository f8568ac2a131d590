"""What has been forgotten is never told again, whatever is said about it later; what is new still is."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.domain.annotation_outcome import Decision, Seen, Subject, decide
from connector.domain.floor import FloorRow
from connector.domain.gathers import GatherRow, GatherState
from connector.domain.ids import ImportId
from connector.domain.messages import Hint, Linked, Via
from connector.domain.readings import AnnotationReading, Mark
from connector.domain.retention import dated, life_end, raised, rests
from connector.domain.row_shape import UnknownRow
from connector.domain.rows import (
    AnnotationRow,
    AnyRow,
    ClaimRow,
    HeaderRow,
    ImportRow,
    ImportState,
    SweepRow,
)
from tests.unit.domain.annotation_story import NUMBER, QUEUE, RULES, at, clock, export_of, hint, names, reading, row_of

MARK = Mark(ImportId("the-import"), "doc-1")
LINK = Linked(NUMBER, ImportId("the-import"), "doc-1", QUEUE)
AT_REST = ["exported", "rejected", "deleted", "purged", "split", "failed_import"]
CLOCKS = ["exported_at", "confirmed_at", "rejected_at", "export_failed_at", "deleted_at", "purged_at"]

seconds = st.integers(1, 90)
clocks = st.dictionaries(st.sampled_from(CLOCKS), seconds.map(clock))
hints = st.lists(
    st.builds(
        lambda via, status, known: Hint(NUMBER, via, status, QUEUE, known),
        st.sampled_from([Via.WEBHOOK, Via.SWEEP]),
        st.none() | st.sampled_from(AT_REST),
        clocks,
    ),
    max_size=3,
)


def look(
    row: AnnotationRow | None, shown: AnnotationReading, *said: Hint, floor: str | None = None, linked: bool = False
) -> Decision:
    """One decision after a full read."""
    subject = Subject(NUMBER, row, said, LINK if linked else None, floor=floor)
    return decide(subject, Seen(shown, export_of(shown)), RULES)


@given(
    stages=st.lists(st.tuples(st.sampled_from([*AT_REST, "to_review", "postponed"]), clocks), min_size=1, max_size=4),
    last=st.sampled_from(AT_REST),
    said=hints,
    cleared=st.sets(st.sampled_from(CLOCKS)),
    marked=st.booleans(),
    linked=st.booleans(),
)
def test_what_was_told_and_forgotten_is_never_told_again(  # noqa: PLR0913 - one story
    *,
    stages: list[tuple[str, dict[str, str]]],
    last: str,
    said: list[Hint],
    cleared: set[str],
    marked: bool,
    linked: bool,
) -> None:
    """Any story that ended, any hints of that time, clocks that Rossum has cleared meanwhile, marks and links."""
    row: AnnotationRow | None = None
    told: set[str] = set()
    shown: dict[str, str] = {}
    for moment, (status, more) in enumerate([*stages, (last, {})]):
        shown = {**shown, **{name: max(value, shown.get(name, "")) for name, value in more.items()}}
        decision = look(row, reading(status, now=100 + moment, mark=MARK if marked else None, **shown))
        told |= {event.id for event in decision.outcome.events}
        row = row_of(decision) if decision.outcome.rows else row
    floor = None if row is None else raised(None, [row]).until

    left = {name: value for name, value in shown.items() if name not in cleared}
    again = look(None, reading(last, now=999, mark=MARK if marked else None, **left), *said, floor=floor, linked=linked)

    assert not told & {event.id for event in again.outcome.events}
    assert [event.id for event in again.outcome.events] == []


@given(old=seconds, new=seconds, linked=st.booleans())
def test_a_revision_above_the_floor_is_told(*, old: int, new: int, linked: bool) -> None:
    """A forgotten annotation may live on: only what is older is no news."""
    shown = reading("exported", confirmed_at=clock(old), exported_at=clock(old + new))

    decision = look(None, shown, floor=clock(old), linked=linked)

    assert names(decision) == ["captured"]
    assert row_of(decision).unsent == {"annotation.confirmed": clock(old)}


def test_a_replay_tells_what_was_forgotten() -> None:
    """A person asks for it; it has the id that it had."""
    shown = reading("exported", exported_at=clock(6))
    replay = replace(hint("exported", exported_at=clock(6)), replay="replay-1")

    before, after = look(None, shown), look(None, shown, replay, floor=clock(50))

    assert [event.id for event in after.outcome.events] == [event.id for event in before.outcome.events] != []


def test_a_late_hint_does_not_make_a_captured_revision_a_lost_one() -> None:
    """The row of the next revision does not know what the forgotten row had captured."""
    row = row_of(look(None, reading("exported", exported_at=clock(60)), floor=clock(50)))

    late = look(row, reading("exported", exported_at=clock(60), now=200), hint(None, exported_at=clock(6)))
    told = look(
        row, reading("exported", exported_at=clock(60), now=200), hint(None, exported_at=clock(6)), floor=clock(50)
    )

    assert names(late) == ["superseded"]
    assert names(told) == []


def test_what_arrived_above_the_floor_is_told_without_clocks() -> None:
    """It can't have been forgotten."""
    assert names(look(None, reading("exported"), floor=clock(-10))) == ["captured"]
    assert names(look(None, reading("exported"), floor=clock(10))) == []


KEPT: list[AnyRow] = [
    AnnotationRow("to_review", "k"),
    AnnotationRow("confirmed", "k"),
    ImportRow(ImportState.ACCEPTED, "k"),
    ImportRow(ImportState.AMBIGUOUS, "k"),
    ImportRow(ImportState.COMPLETED, "k", due=clock(3)),
    ImportRow(ImportState.FAILED, "k", held=7),
    SweepRow("exported_at", clock(1), (1,)),
    HeaderRow("i", clock(0), "g", 12, 1, "1"),
    ClaimRow("owner"),
    FloorRow(clock(0)),
    UnknownRow("carrier pigeon", {"wings": 2}),
]


@pytest.mark.parametrize("row", KEPT, ids=lambda row: f"{row.kind}-{getattr(row, 'status', getattr(row, 'state', ''))}")
def test_what_is_open_or_no_entity_is_never_forgotten(row: AnyRow) -> None:
    """Open, due and held rows, and the ledger's own."""
    assert not rests(row)


def test_an_import_says_when_its_life_ended() -> None:
    """Written anew with each further word; an open one does not."""
    ended = dated(ImportRow(ImportState.COMPLETED, "k"), clock(5))
    assert isinstance(ended, ImportRow)
    assert (ended.ended, rests(ended), life_end(ended)) == (clock(5), True, clock(5))
    assert dated(ended, clock(9)) == replace(ended, ended=clock(9))
    assert dated(ImportRow(ImportState.INTENT, "k"), clock(5)) == ImportRow(ImportState.INTENT, "k")
    assert dated(None, clock(5)) is None


def test_a_row_of_an_earlier_version_has_the_time_of_its_last_step() -> None:
    """One without any has none: it is dated before it can be forgotten."""
    assert life_end(ImportRow(ImportState.COMPLETED, "k", intent_at=clock(1), accepted_at=clock(2))) == clock(2)
    assert life_end(ImportRow(ImportState.FAILED, "k")) is None


@given(ends=st.lists(seconds, min_size=1, max_size=6), offsets=st.lists(st.integers(0, 99), min_size=6, max_size=6))
def test_the_floor_only_rises(ends: list[int], offsets: list[int]) -> None:
    """Whatever is forgotten in whatever order, it covers all of it."""
    floors: list[FloorRow] = []
    for end, offset in zip(ends, offsets, strict=False):
        row = ImportRow(ImportState.COMPLETED, "k", announced={"t/3": offset}, ended=clock(end))
        floors.append(raised(floors[-1] if floors else None, [row, AnnotationRow("exported", "k", read_at=clock(end))]))

    assert floors[-1].until == clock(max(ends))
    assert floors[-1].announced == {"t/3": max(offsets[: len(ends)])}
    assert floors[-1].forgotten == {"import": len(ends), "annotation": len(ends)}
    assert all(before.until <= after.until for before, after in pairwise(floors))


def test_the_end_of_an_annotation_covers_all_that_was_told() -> None:
    """Also what had no clock: it was told at the time of that answer."""
    row = row_of(look(None, reading("exported", now=300)))

    assert life_end(row) == clock(300)
    assert at(300).isoformat().startswith(clock(300)[:19])


@pytest.mark.parametrize("state", GatherState)
def test_a_gather_goes_whatever_became_of_it(state: GatherState) -> None:
    """Its members look for themselves, also when its owner died in the upload."""
    row = GatherRow(state, 8198, ("one", "two"), "2026-01-01T00:00:00.000000Z")

    assert rests(row)
    assert life_end(row) == row.intent_at
