"""What is published of an annotation, whatever was hinted, lost, doubled, late or stale."""

from dataclasses import replace
from datetime import timedelta

from connector.domain import annotation_hints as promises
from connector.domain.annotation_hints import Need
from connector.domain.annotation_outcome import Seen, Subject, decide
from connector.domain.ids import AnnotationId, ImportId, event_id, event_namespace, format_clock
from connector.domain.messages import Linked, MarkSeen
from connector.domain.readings import Mark
from tests.unit.domain.annotation_story import (
    ENTITY,
    NUMBER,
    POLICY,
    RULES,
    START,
    at,
    clock,
    hint,
    look,
    names,
    reading,
    row_of,
)


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


def test_the_id_of_a_superseded_revision_is_made_of_the_clock_that_was_replaced() -> None:
    """As the contract says: whoever knows annotation and clock can tell it; a captured one names its status too."""
    decision = look(None, reading("exported", exported_at=clock(9)), hint("exported", exported_at=clock(6)))

    namespace = event_namespace(1)
    assert [(event.id, event.revision) for event in decision.outcome.events] == [
        (event_id(namespace, ENTITY, "annotation.superseded", clock(6)), clock(6)),
        (event_id(namespace, ENTITY, "annotation.captured", f"exported@{clock(9)}"), clock(9)),
    ]


def test_a_clock_that_two_statuses_had_is_superseded_once() -> None:
    """Their revisions are two, what is told is one: a consumer must never see an id twice."""
    both = replace(RULES, policy=replace(POLICY, capture=("exported", "confirmed")))
    shown = reading("purged", exported_at=clock(6), confirmed_at=clock(6), purged_at=clock(8))

    decision = decide(Subject(NUMBER, None), Seen(shown), both)

    assert names(decision) == ["confirmed", "superseded", "purged"]
    assert row_of(decision).captures == {"exported": [clock(6)], "confirmed": [clock(6)]}


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


def test_a_clock_of_the_same_second_as_its_answer_is_adopted() -> None:
    """An answer's `Date` has whole seconds: an export right before it may seem to come after it."""
    first = look(None, reading("exported", now=10))

    adopted = look(row_of(first), reading("exported", now=20, exported_at=clock(10.97)))

    assert adopted.outcome.events == ()
    assert row_of(adopted).published["annotation.captured:exported"] == clock(10.97)


def test_without_clocks_nothing_is_published_twice() -> None:
    """An account whose clocks stay null gets each status once."""
    row = row_of(look(None, reading("exported", now=10)))

    again = look(row, reading("exported", now=500))

    assert again.outcome.events == ()


def test_ready_without_clocks_comes_again_with_the_next_export() -> None:
    """What was told without a clock is as old as the answer that had none."""
    first = look(None, reading("to_review"))
    again = look(row_of(first), reading("to_review", now=120))
    back = look(row_of(first), reading("to_review", now=300, exported_at=clock(200)))

    assert "ready" in names(first)
    assert "ready" not in names(again)
    assert "ready" in names(back)


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


def test_a_link_tells_the_root_to_who_has_inherited_the_mark() -> None:
    """Its import is known by the mark; which annotation was split only the link says."""
    mark = Mark(ImportId("i"), "invoice 7")
    row = row_of(look(None, reading("importing", mark=mark)))
    linked = Linked(NUMBER, ImportId("i"), "invoice 7", root=AnnotationId(1))

    decision = look(row, reading("to_review", mark=mark), linked=linked)
    foreign = look(row, reading("to_review", mark=mark), linked=replace(linked, import_id=ImportId("other")))

    assert (row.root, row_of(decision).root, row_of(foreign).root) == (None, 1, None)
    assert [event.data.root for event in decision.outcome.events] == [1]  # type: ignore[attr-defined] # of an annotation


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
