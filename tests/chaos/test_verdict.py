"""The comparison of sets finds each kind of harm: a verdict that can't fail proves nothing."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.chaos.plan import BOUNCES, FREEZES, Plan, Stroke
from tests.chaos.verdict import (
    Tally,
    Verdict,
    audit_figure,
    audit_problems,
    judge,
    never_happened,
    swallowed_answers,
)
from tests.chaos.zombies import Freeze, held, taken_over
from tests.support.commands import Done
from tests.support.reader import CAPTURED, LIFECYCLE, Seen


def event(name: str, subject: str, *, clock: str = "2026-01-01T00:00:05Z", **data: Any) -> Seen:
    """An event of document 1."""
    headers = {
        "ce_type": f"ai.rossum.connector.{name}",
        "ce_id": f"{subject} {name} {clock}",
        "ce_subject": subject,
        "ce_time": clock,
    }
    return Seen(CAPTURED if name == "annotation.captured" else LIFECYCLE, "doc-1", headers, data)


ACCEPTED = event("import.accepted", "imports/a")
COMPLETED = event("import.completed", "imports/a")
READY = event("annotation.ready", "annotations/7", clock="2026-01-01T00:00:01Z")
CONFIRMED = event("annotation.confirmed", "annotations/7", clock="2026-01-01T00:00:02Z")
EXPORTED = event("annotation.captured", "annotations/7")
GOOD = [ACCEPTED, READY, CONFIRMED, COMPLETED, EXPORTED]
TWIN = event("annotation.captured", "annotations/8", duplicate_of=7)
SECOND = event("annotation.captured", "annotations/8")
TOLD = event("import.duplicate", "imports/a")


def verdict(seen: list[Seen], *, again: list[Seen] | None = None, roots: int = 1) -> Verdict:
    """Of one document, whose import made that many root documents."""
    return judge(["doc-1"], seen, seen if again is None else again, Counter({"a": roots}))


def test_that_a_good_run_has_no_problem() -> None:
    """Everything once: no word of harm, and the figures of the line."""
    found = verdict(GOOD)

    assert found.problems == []
    assert found.line() == "accepted=1 terminal=1 captured=1 duplicates=0 lost=0"


@pytest.mark.parametrize(
    ("seen", "again", "roots", "problem"),
    [
        (GOOD[:-1], None, 1, "lost: doc-1"),
        ([*GOOD, EXPORTED], None, 1, "doubled: rossum.annotations.captured annotation.captured"),
        ([*GOOD, SECOND], None, 1, "doubled: doc-1"),
        (GOOD, None, 2, "imported twice: a"),
        ([ACCEPTED, CONFIRMED, READY, COMPLETED, EXPORTED], None, 1, "out of order: "),
        (GOOD, GOOD[1:], 1, "seen by one reader only: "),
        (GOOD[1:], GOOD, 1, "seen by one reader only: "),
    ],
)
def test_that_each_harm_is_named(seen: list[Seen], again: list[Seen] | None, roots: int, problem: str) -> None:
    """What is missing, doubled, out of order or not seen by everybody is a problem with a name."""
    found = verdict(seen, again=again, roots=roots)

    assert any(one.startswith(problem) for one in found.problems), found.problems


def test_that_a_twin_of_which_an_event_tells_is_no_harm() -> None:
    """A second import that was announced as a twin, with a captured event that says so, is allowed."""
    found = verdict([*GOOD, TOLD, TWIN], roots=2)

    assert found.problems == []


@pytest.mark.parametrize(
    ("done", "figure", "problems"),
    [
        (Done(0, "imports  1 in = 1 out + 0 open\nno difference\n", ""), "0", []),
        (
            Done(3, "doubled  annotation/7\n1 difference\n", ""),
            "1",
            ["audit: doubled  annotation/7", "audit: 1 difference"],
        ),
        (Done(3, "a\n1,012 differences\n", ""), "1012", ["audit: a", "audit: 1,012 differences"]),
        (Done(3, "", "the ledger holds nothing\n"), "failed", ["audit: the ledger holds nothing"]),
        (Done(0, "", ""), "failed", ["audit: exit code 0"]),
        (Done(-9, "", ""), "failed", ["audit: exit code -9"]),
    ],
)
def test_that_whatever_an_audit_says_but_no_difference_is_a_problem(
    done: Done, figure: str, problems: list[str]
) -> None:
    """Its differences in its own words; one that tells nothing proves nothing."""
    assert audit_problems(done) == problems
    assert audit_figure(done) == figure


def test_that_orders_are_no_deeds() -> None:
    """What happened is told beside what was ordered, and a fault that never happened although it was is a problem."""
    some = {"zombies": Tally(1, 3), "swallowed": Tally(0, 0)}
    none = {"zombies": Tally(3, 3), "swallowed": Tally(0, 20)}

    assert [str(tally) for tally in some.values()] == ["1/3", "0/0"]
    assert never_happened(some) == []
    assert never_happened(none) == ["nothing shown: swallowed=0/20"]


def test_that_only_swallowed_answers_to_uploads_count() -> None:
    """Uploads by either address whose work was done; no other call, and no upload that was only late."""
    met = {
        "GET /annotations": {"drop-after": 7, "status:503": 2},
        "POST /uploads": {"drop-after": 3, "drop-before": 5, "delay:3": 1},
        "POST /uploads/{filename}": {"drop-after": 1},
    }

    assert swallowed_answers(met) == 4
    assert swallowed_answers({}) == 0


def partition(number: int, event: str = "partition_ready", at: str = "2026-01-01T00:00:30.000000Z") -> dict[str, Any]:
    """A line of a replica's log."""
    return {"event": event, "partition": number, "timestamp": at}


def test_that_a_replica_holds_what_it_has_not_lost() -> None:
    """Its partitions are those that got ready and have not ended since."""
    life = [partition(1), partition(2), partition(1, "partition_ended"), partition(3), partition(3, "partition_ended")]

    assert held([]) == frozenset()
    assert held(life) == {2}
    assert held([*life, partition(1)]) == {1, 2}


@pytest.mark.parametrize(
    ("told", "is_zombie"),
    [
        ([], False),
        ([partition(7)], False),
        ([partition(1, at="2026-01-01T00:00:09.999999Z")], False),
        ([partition(7), partition(2)], True),
    ],
)
def test_that_a_zombie_is_who_has_a_successor(told: list[dict[str, Any]], *, is_zombie: bool) -> None:
    """Somebody else works a partition that it held, since it was frozen; another partition, or earlier, is no proof."""
    freeze = Freeze(0, frozenset({1, 2}), datetime(2026, 1, 1, 0, 0, 10, tzinfo=UTC))

    assert taken_over(freeze, told) is is_zombie


def test_that_a_plan_keeps_its_numbers_in_any_order() -> None:
    """Shares of a plan add up to it, and a seed gives the same order again."""
    whole = Plan(documents=101, kills=7, bounces=3, zombies=4, swallowed=25)

    parts = [whole.share(part, 2, seed=part) for part in range(2)]

    strokes = [stroke for part in parts for stroke in part.strokes()]
    assert sum(part.documents for part in parts) == 101
    assert sum(part.swallowed for part in parts) == 25
    assert strokes.count(Stroke.KILL) == 7
    assert sum(stroke in BOUNCES for stroke in strokes) == 3
    assert sum(stroke in FREEZES for stroke in strokes) == 4
    assert parts[0].strokes() == parts[0].strokes()
