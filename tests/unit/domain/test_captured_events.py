"""What settings and schemas do to the data of a captured event, and what they leave alone."""

from dataclasses import replace
from typing import Any

from connector.contracts.captured_form import CapturedForm
from connector.contracts.envelope import Event
from connector.contracts.events import AnnotationCaptured
from connector.domain.annotation_outcome import Seen, Subject, decide
from tests.unit.contracts.test_captured import group, point
from tests.unit.domain.annotation_story import NUMBER, QUEUE, RULES, clock, export_of, reading, row_of

CONTENT = [
    group("section", "basics", point("document_id", "A-7"), point("amount_total", "1e3", None)),
    group("multivalue", "line_items", group("tuple", "line_item", point("price", "2.50", None), point("code", "x"))),
]


def captured_with(form: CapturedForm, **export: Any) -> tuple[Event, AnnotationCaptured]:
    """The captured event of one decision, and its data."""
    shown = reading("exported", exported_at=clock(10))
    seen = Seen(shown, replace(export_of(shown), content=CONTENT, **export))
    decision = decide(Subject(NUMBER, None), seen, replace(RULES, form=form))
    (event,) = (event for event in decision.outcome.events if event.name == "annotation.captured")
    assert row_of(decision).published
    assert isinstance(event.data, AnnotationCaptured)
    return event, event.data


def test_settings_change_the_data_and_nothing_else() -> None:
    """Selected, renamed, without the tree: id, key, revision and all other data stay."""
    form = CapturedForm({"document_id": "number", "line_items": "lines", "code": "sku"}, content=False)

    (whole_event, whole), (event, data) = captured_with(CapturedForm()), captured_with(form)

    assert data.fields is not None
    assert data.tables is not None
    assert {name: field["value"] for name, field in data.fields.items()} == {"number": "A-7"}
    assert {name: [list(row) for row in rows] for name, rows in data.tables.items()} == {"lines": [["sku"]]}
    assert data.content is None
    changed = {"fields": None, "tables": None, "content": None}
    assert data.model_copy(update=changed) == whole.model_copy(update=changed)
    assert replace(event, data=whole) == whole_event


def test_the_form_is_that_of_the_queue_where_it_is_now() -> None:
    """Names of another queue do not touch it."""
    _, ours = captured_with(CapturedForm(by_queue={QUEUE: {"document_id": "number"}}))
    _, other = captured_with(CapturedForm(by_queue={QUEUE + 1: {"document_id": "number"}}))

    assert ours.fields is not None
    assert other.fields is not None
    assert list(ours.fields) == ["number"]
    assert list(other.fields) == ["document_id", "amount_total"]


def test_the_schema_tells_types_that_the_export_does_not() -> None:
    """Header fields and columns get their type, numbers their form; what the export says itself stands."""
    _, data = captured_with(CapturedForm(), types={"document_id": "enum", "amount_total": "number", "price": "number"})

    assert data.fields is not None
    assert data.tables is not None
    assert data.fields["amount_total"] == {"value": "1000", "type": "number", "confidence": 0.5}
    assert data.fields["document_id"]["type"] == "string"
    assert [row["price"]["type"] for row in data.tables["line_items"]] == ["number"]
