"""Reads that lag behind what was promised, and whole stories of looks at an annotation."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.contracts.envelope import Event
from connector.domain import annotation_hints as promises
from connector.domain.messages import Hint, Via
from connector.domain.readings import AnnotationReading
from tests.unit.domain.annotation_story import (
    NUMBER,
    POLICY,
    QUEUE,
    at,
    clock,
    hint,
    look,
    reading,
    row_of,
)


@pytest.mark.parametrize(
    ("promised", "shown", "lagging"),
    [
        (hint("exported", exported_at=clock(6)), reading("exported", exported_at=clock(6)), False),
        (hint("exported", exported_at=clock(6)), reading("exporting"), True),
        (hint("exported", exported_at=clock(9)), reading("exported", exported_at=clock(6)), True),
        (hint("to_review"), reading("importing"), True),
        (hint("to_review"), reading("reviewing"), False),
        (hint("split"), reading("importing"), True),
        (hint("exported"), reading("to_review"), True),
        (hint(None), reading("importing"), False),
    ],
)
def test_a_read_that_shows_less_than_promised_is_repeated(
    promised: Hint, shown: AnnotationReading, *, lagging: bool
) -> None:
    """Replicas of Rossum lag behind its webhooks."""
    assert promises.is_lagging(None, [promised], shown) is lagging


def test_a_read_older_than_the_row_is_dropped() -> None:
    """A clock that went back, or vanished a moment ago, is an old replica speaking."""
    row = row_of(look(None, reading("exported", exported_at=clock(90), now=100)))

    assert promises.is_lagging(row, [], reading("to_review", now=110))
    assert promises.is_lagging(row, [], reading("exported", now=1000, exported_at=clock(80)))
    assert not promises.is_lagging(row, [], reading("to_review", now=1000))


ACTIONS = st.lists(st.sampled_from(["export", "review", "reject", "look", "late", "twice"]), min_size=1, max_size=25)


@given(actions=ACTIONS)
def test_whatever_happens_each_current_revision_is_captured_once_and_in_order(actions: list[str]) -> None:
    """No duplicate id, no clock that goes back, and the last revision is there when somebody looks at the end."""
    shown, row = reading("to_review", now=0), None
    promised: list[Hint] = []
    events: list[Event] = []
    for second, action in enumerate([*actions, "look"], start=1):
        shown = replace(shown, at=at(second))
        if action in ("export", "reject"):
            status, name = ("exported", "exported_at") if action == "export" else ("rejected", "rejected_at")
            shown = replace(shown, status=status, clocks={**shown.clocks, name: clock(second)})
            clocks = {name: text for name, text in shown.clocks.items() if name != "arrived_at"}
            promised.append(Hint(NUMBER, Via.WEBHOOK, status, QUEUE, clocks))
        elif action == "review":
            shown = replace(shown, status="to_review")
        else:
            hints = promised[:1] if action == "late" else promised * (2 if action == "twice" else 1)
            decision = look(row, shown, *hints)
            events += decision.outcome.events
            row = row_of(decision) if decision.outcome.rows else row

    ids = [event.id for event in events]
    captured = [event.revision for event in events if event.name == "annotation.captured"]
    told = {event.revision for event in events if event.name in ("annotation.captured", "annotation.superseded")}
    assert len(ids) == len(set(ids))
    assert captured == sorted(captured, key=str)
    assert shown.clocks.get("exported_at") in {None, *captured}
    assert {h.clocks["exported_at"] for h in promised if "exported_at" in h.clocks} <= told


def test_a_hint_that_is_known_asks_rossum_nothing() -> None:
    """A webhook sent again, by Rossum or by a stranger who has listened, costs no call; what is new is read."""
    row = row_of(look(None, reading("exported", exported_at=clock(6)), hint("exported", exported_at=clock(6))))

    again = [promises.need(row, [hint("exported", exported_at=clock(6))] * 3, POLICY)]
    new = promises.need(row, [hint("exported", exported_at=clock(9))], POLICY)

    assert again == [promises.Need.NOTHING]
    assert new is promises.Need.EXPORT


def test_an_export_that_begins_asks_rossum_nothing() -> None:
    """The gate's hint: the word of how the export ended must not wait behind a read that shows no more."""
    begun, ended = hint("exporting"), hint("exported", exported_at=clock(6))
    waiting = row_of(look(None, reading("to_review"), hint("to_review")))

    assert promises.need(waiting, [begun], POLICY) is promises.Need.NOTHING
    assert promises.need(waiting, [begun, ended], POLICY) is promises.Need.EXPORT


def test_an_export_that_begins_makes_known_what_is_not_looked_at() -> None:
    """A stranger, and one that was at rest: whatever becomes of the word that follows, the open set looks again."""
    exported = row_of(look(None, reading("exported", exported_at=clock(5)), hint("exported", exported_at=clock(5))))

    assert promises.need(None, [hint("exporting")], POLICY) is promises.Need.LISTING
    assert promises.need(exported, [hint("exporting")], POLICY) is promises.Need.LISTING
