"""What is published of an annotation, whatever was hinted, lost, doubled, late or stale."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.contracts.envelope import Event
from connector.domain import annotation_hints as promises
from connector.domain import annotation_state as rules
from connector.domain.annotation_hints import Need
from connector.domain.annotation_outcome import AnnotationRules, Decision, Seen, Subject, decide
from connector.domain.annotation_state import Policy
from connector.domain.identity import Identity
from connector.domain.ids import AnnotationId, ImportId, QueueId, annotation_entity, event_namespace, format_clock
from connector.domain.messages import Hint, Linked, MarkSeen, Via
from connector.domain.readings import AnnotationReading, ExportReading, Mark
from connector.domain.rows import AnnotationRow

NUMBER = AnnotationId(4711)
ENTITY = annotation_entity(NUMBER)
QUEUE = QueueId(8198)
START = datetime(2026, 3, 1, tzinfo=UTC)
ARRIVED = format_clock(START)
POLICY = Policy(("exported",), format_clock(START - timedelta(days=1)))
RULES = AnnotationRules(Identity(event_namespace(1), "https://example.test/api/v1"), POLICY)


def at(seconds: float) -> datetime:
    """An instant of the story."""
    return START + timedelta(seconds=seconds)


def clock(seconds: float) -> str:
    """The same as clock text."""
    return format_clock(at(seconds))


def reading(status: str, *, now: float = 100, mark: Mark | None = None, **clocks: str) -> AnnotationReading:
    """What Rossum's list shows."""
    url = f"https://example.test/api/v1/annotations/{NUMBER}"
    shown = {"arrived_at": ARRIVED, **clocks}
    return AnnotationReading(NUMBER, url, status, QUEUE, None, shown, at(now), mark=mark)


def export_of(shown: AnnotationReading) -> ExportReading:
    """What the queue's export shows of the same state."""
    return ExportReading(
        NUMBER, shown.url, shown.status, QUEUE, shown.at, [], exported_at=shown.clocks.get("exported_at")
    )


def hint(status: str | None, via: Via = Via.WEBHOOK, **clocks: str) -> Hint:
    """What somebody saw."""
    return Hint(NUMBER, via, status, QUEUE, clocks)


def look(row: AnnotationRow | None, shown: AnnotationReading, *hints: Hint, **more: Any) -> Decision:
    """One decision after a full read."""
    wanted = rules.captures_wanted(row, shown, POLICY)
    seen = Seen(shown, export_of(shown) if wanted else None)
    return decide(Subject(NUMBER, row, hints, more.get("linked")), replace(seen, **more.get("seen", {})), RULES)


def row_of(decision: Decision) -> AnnotationRow:
    """The row that a decision writes."""
    row = decision.outcome.rows[ENTITY]
    assert isinstance(row, AnnotationRow)
    return row


def names(decision: Decision) -> list[str]:
    """Names of the events of a decision."""
    return [event.name.removeprefix("annotation.") for event in decision.outcome.events]


def test_a_first_look_at_an_exported_annotation_tells_all_its_facts() -> None:
    """Clocks that passed while nobody looked are facts too, in the order of their clocks."""
    decision = look(None, reading("exported", confirmed_at=clock(5), exported_at=clock(6)), hint("exported"))

    assert names(decision) == ["confirmed", "captured"]
    assert [event.revision for event in decision.outcome.events] == [clock(5), clock(6)]


def test_the_same_look_twice_publishes_once_and_writes_nothing() -> None:
    """A read that teaches nothing costs no event and no row."""
    shown = reading("exported", exported_at=clock(6))
    row = row_of(look(None, shown))

    again = look(row, replace(shown, at=at(200)))

    assert again.outcome.events == ()
    assert again.outcome.rows == {}


def test_a_second_export_is_a_second_revision() -> None:
    """Back to review is ready again, and the next export is captured again, counted."""
    row = row_of(look(None, reading("exported", exported_at=clock(6))))

    ready = look(row, reading("to_review", exported_at=clock(6)))
    second = look(row_of(ready), reading("exported", exported_at=clock(9)))

    assert names(ready) == ["ready"]
    assert names(second) == ["captured"]
    assert second.outcome.events[0].data.model_dump()["revision_count"] == 2


def test_a_revision_that_nobody_could_read_is_superseded() -> None:
    """A webhook promised an export that was replaced before the read: the loss is told, not hidden."""
    decision = look(None, reading("exported", exported_at=clock(9)), hint("exported", exported_at=clock(6)))

    assert names(decision) == ["superseded", "captured"]
    assert decision.outcome.events[0].revision == clock(6)


def test_a_late_hint_of_a_lost_revision_is_still_told() -> None:
    """Reordered webhooks: the older revision is announced after the newer one was captured."""
    row = row_of(look(None, reading("exported", exported_at=clock(9))))
    late = hint("exported", exported_at=clock(6))

    assert promises.need(row, [late], POLICY) is not Need.NOTHING
    decision = look(row, reading("exported", exported_at=clock(9), now=300), late)

    assert names(decision) == ["superseded"]
    assert promises.need(row_of(decision), [late], POLICY) is Need.NOTHING


def test_a_purged_revision_is_superseded() -> None:
    """Rossum has no data any more: there is nothing to capture, and consumers are told."""
    decision = look(None, reading("purged", exported_at=clock(6), deleted_at=clock(7), purged_at=clock(8)))

    assert names(decision) == ["superseded", "deleted", "purged"]


def test_a_missing_clock_is_revision_first_and_adopts_the_clock_that_appears() -> None:
    """A clock that comes late belongs to what was published; a later one is a new revision."""
    first = look(None, reading("exported", now=10))
    adopted = look(row_of(first), reading("exported", now=20, exported_at=clock(9)))
    second = look(row_of(adopted), reading("exported", now=40, exported_at=clock(30)))

    assert [event.revision for event in first.outcome.events] == ["first"]
    assert adopted.outcome.events == ()
    assert [event.revision for event in second.outcome.events] == [clock(30)]


def test_without_clocks_nothing_is_published_twice() -> None:
    """An account whose clocks stay null gets each status once."""
    row = row_of(look(None, reading("exported", now=10)))

    again = look(row, reading("exported", now=500))

    assert again.outcome.events == ()


def test_facts_before_the_horizon_are_counted_not_published() -> None:
    """A new deployment does not publish the past of a queue that nobody announced."""
    old = format_clock(START - timedelta(days=30))

    decision = look(None, reading("exported", exported_at=old))

    assert decision.outcome.events == ()
    assert decision.outcome.rows == {}
    assert decision.beyond == 1


def test_our_own_documents_have_no_horizon() -> None:
    """A mark says that an arrival of ours waits for this fact, however old it is."""
    old = format_clock(START - timedelta(days=30))
    mark = Mark(ImportId("i"), "invoice 7")

    decision = look(None, reading("exported", exported_at=old, mark=mark))

    assert names(decision) == ["captured"]
    assert decision.outcome.events[0].key == "invoice 7"


def test_a_mark_tells_the_import_at_once_and_when_importing_ends() -> None:
    """The import hears of its annotation twice: known, and imported."""
    mark = Mark(ImportId("i"), "invoice 7")

    first = look(None, reading("importing", mark=mark))
    second = look(row_of(first), reading("to_review", now=200, mark=mark))
    third = look(row_of(second), reading("exported", now=300, mark=mark, exported_at=clock(250)))

    told = [m.status for d in (first, second, third) for m in d.outcome.messages if isinstance(m, MarkSeen)]
    assert told == ["importing", "to_review"]


def test_a_link_that_comes_late_keeps_the_key() -> None:
    """The key is fixed at the first event; the import is known from then on."""
    row = row_of(look(None, reading("to_review")))
    linked = Linked(NUMBER, ImportId("i"), "invoice 7")

    decision = look(row, reading("exported", exported_at=clock(9)), linked=linked)

    assert decision.outcome.events[0].key == f"rossum:{NUMBER}"
    assert decision.outcome.events[0].import_id == "i"


def test_a_link_never_takes_an_annotation_from_another_import() -> None:
    """Whoever linked first keeps it; the second gets no answer."""
    row = row_of(look(None, reading("to_review", mark=Mark(ImportId("first"), "k"))))

    decision = decide(Subject(NUMBER, row, (), Linked(NUMBER, ImportId("second"), "k2")), None, RULES)

    assert decision.outcome.rows == {}
    assert decision.outcome.messages == ()


def test_a_split_names_its_children_and_tells_them() -> None:
    """Children carry no mark: they learn import, key and root from the annotation that was split."""
    mark = Mark(ImportId("i"), "invoice 7")
    children = (AnnotationId(1), AnnotationId(2))

    decision = look(None, reading("split", mark=mark), seen={"children": children})

    assert names(decision) == ["split"]
    links = [message for message in decision.outcome.messages if isinstance(message, Linked)]
    assert [(link.annotation, link.import_id, link.document_key, link.root) for link in links] == [
        (1, "i", "invoice 7", NUMBER),
        (2, "i", "invoice 7", NUMBER),
    ]


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


@settings(max_examples=200, deadline=None)
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
