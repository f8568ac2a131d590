"""Readings out of Rossum's JSON: what is taken, what is passed over, what is refused."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.domain.ids import AnnotationId, QueueId
from connector.domain.readings import MARK_KEY, Listing, Mark, TaskReading, UploadReading
from connector.errors import Retryable
from connector.rossum import wire
from connector.rossum.answer import Answer

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
BASE = "https://acme.rossum.app/api/v1"
MARK = {"import_id": "3f0c", "document_key": "po-77"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def answer(data: Any, *, location: str | None = None) -> Answer:
    """An answer with that body."""
    return Answer("GET /things", 200, AT, data, location)


def page(*items: Any, **pagination: Any) -> Answer:
    """A list's answer."""
    return answer({"pagination": {"total": len(items), "next": None, **pagination}, "results": list(items)})


def annotation(**changes: Any) -> dict[str, Any]:
    """A plausible annotation object."""
    return {
        "id": 4711,
        "url": f"{BASE}/annotations/4711",
        "status": "exported",
        "queue": f"{BASE}/queues/8198",
        "document": f"{BASE}/documents/99",
        "schema": f"{BASE}/schemas/5",
        "created_at": "2026-01-01T10:00:00.000001Z",
        "exported_at": "2026-01-01T11:00:00.5Z",
        "confirmed_at": None,
        "modifier": f"{BASE}/users/1",
        "modified_at": "2026-01-01T12:30:00+02:00",
        "relations": [f"{BASE}/relations/1"],
        "messages": None,
        "metadata": {"po": "77", MARK_KEY: MARK},
        "automated": False,
        "a_field_of_next_year": {"deep": [1]},
        **changes,
    }


def listing(clock: str = "exported_at") -> Listing:
    """A sweep's call."""
    return Listing(clock, (QueueId(8198),), "2026-01-01T00:00:00.000000Z", "2026-01-02T00:00:00.000000Z")


def test_an_annotation_is_read_with_normalised_clocks() -> None:
    """Ids come from URLs, clocks in one form, arrival from creation, unknown fields are ignored."""
    reading = wire.read_annotation(answer(annotation()))

    assert (reading.id, reading.queue, reading.document, reading.status) == (4711, 8198, 99, "exported")
    assert reading.clocks == {
        "exported_at": "2026-01-01T11:00:00.500000Z",
        "arrived_at": "2026-01-01T10:00:00.000001Z",
    }
    assert reading.modified_at == "2026-01-01T10:30:00.000000Z"
    assert (reading.at, reading.modifier, reading.automated) == (AT, f"{BASE}/users/1", False)
    assert reading.relations == (f"{BASE}/relations/1",)


def test_our_mark_is_taken_out_of_the_metadata() -> None:
    """The customer's metadata come back without our mark."""
    reading = wire.read_annotation(answer(annotation()))

    assert reading.mark == Mark("3f0c", "po-77")  # type: ignore[arg-type] # a literal id
    assert reading.metadata == {"po": "77"}


@pytest.mark.parametrize("metadata", [None, [], "x", {}, {MARK_KEY: None}, {MARK_KEY: {"import_id": 7}}])
def test_metadata_without_a_readable_mark_have_none(metadata: Any) -> None:
    """Damaged marks and odd metadata never break a reading."""
    reading = wire.read_annotation(answer(annotation(metadata=metadata)))

    assert reading.mark is None
    assert reading.metadata == {}


def test_an_unknown_status_is_passed_on() -> None:
    """Rossum may add statuses at any time."""
    reading = wire.read_annotation(answer(annotation(status="in_orbit", id=None)))

    assert (reading.status, reading.id) == ("in_orbit", 4711)


@pytest.mark.parametrize(
    "broken", [{"id": None, "url": "/annotations/"}, {"queue": None}, {"status": 7}, {"url": None}]
)
def test_an_annotation_that_cannot_be_identified_is_refused_by_itself(broken: dict[str, Any]) -> None:
    """A single read names endpoint and part; in a list only the broken one is missing."""
    whole = page(annotation(**broken), annotation(id=2, url=f"{BASE}/annotations/2"))

    with pytest.raises(Retryable, match=r"GET /things makes no sense: an? "):
        wire.read_annotation(answer(annotation(**broken)))

    assert set(wire.read_annotations(whole)) == {2}


def test_a_sweep_is_not_moved_past_an_unreadable_row() -> None:
    """Nobody would miss the row, so the page fails."""
    broken = page(annotation(), annotation(queue="?"))

    with pytest.raises(Retryable, match="without a queue"):
        wire.read_listing(broken, listing())


def test_messages_become_one_sentence() -> None:
    """Both forms of messages are joined, cut to 300 characters."""
    messages = [{"content": "Bad file", "id": None}, {"error": "x" * 400}, "odd"]

    reading = wire.read_annotation(answer(annotation(messages=messages)))

    assert reading.messages is not None
    assert reading.messages.startswith("Bad file; xxx")
    assert len(reading.messages) == 300


def test_an_export_keeps_its_tree_and_its_revision() -> None:
    """The id comes from the URL, the content is untouched, objects are named by their URLs."""
    content = [{"category": "section", "children": []}]
    element = {
        "url": f"{BASE}/annotations/4711",
        "status": "exported",
        "arrived_at": "2026-01-01T10:00:00.000000Z",
        "exported_at": "2026-01-01T11:00:00.000000Z",
        "document": {"url": f"{BASE}/documents/99", "file_name": "a.pdf", "file": f"{BASE}/documents/99/content"},
        "modifier": {"url": f"{BASE}/users/1", "username": "jane@example.com"},
        "schema": {"url": f"{BASE}/schemas/5"},
        "metadata": {MARK_KEY: MARK},
        "content": content,
    }

    [export] = wire.read_exports(page(element), QueueId(8198)).values()

    assert (export.id, export.queue, export.document, export.file_name) == (4711, 8198, 99, "a.pdf")
    assert (export.exported_at, export.schema, export.modifier) == (
        "2026-01-01T11:00:00.000000Z",
        f"{BASE}/schemas/5",
        f"{BASE}/users/1",
    )
    assert export.content is content
    assert (export.metadata, export.automated) == ({}, None)


def test_a_bare_export_element_is_enough() -> None:
    """Everything but URL and status may be absent or null."""
    element = {"url": f"{BASE}/annotations/1", "status": "to_review", "document": None, "content": None}

    [export] = wire.read_exports(page(element), QueueId(1)).values()

    assert (export.exported_at, export.document, export.content) == (None, None, [])


def test_a_listing_tells_rows_total_and_more() -> None:
    """A sweep gets ids, clocks and whether the walk goes on."""
    found = wire.read_listing(page(annotation(), total=250, next=f"{BASE}/annotations?page=2"), listing())

    assert [(row.id, row.clocks) for row in found.rows] == [(4711, {"exported_at": "2026-01-01T11:00:00.500000Z"})]
    assert (found.total, found.more, found.at) == (250, True, AT)


def test_the_arrivals_listing_falls_back_to_creation() -> None:
    """An annotation object may lack arrived_at; its creation stands in, in that listing only."""
    found = wire.read_listing(page(annotation()), listing("arrived_at"))

    assert found.rows[0].clocks["arrived_at"] == "2026-01-01T10:00:00.000001Z"


def test_without_a_pagination_block_a_full_page_means_more() -> None:
    """Newer endpoints may leave the block out."""
    full = answer({"results": [annotation()] * 100})
    part = answer({"results": [annotation()] * 99})

    assert (wire.has_more(full), wire.has_more(part), wire.total_of(full)) == (True, False, None)


def test_documents_are_read_with_parent_and_annotations() -> None:
    """A document names its parent and its annotations by URL."""
    element = {
        "id": 99,
        "url": f"{BASE}/documents/99",
        "original_file_name": "a.pdf",
        "arrived_at": "2026-01-01T10:00:00Z",
        "parent": f"{BASE}/documents/98",
        "annotations": [f"{BASE}/annotations/1", f"{BASE}/annotations/2"],
    }

    [document] = wire.read_every_document(page(element))

    assert (document.id, document.parent, document.annotations) == (99, 98, (1, 2))
    assert (document.file_name, document.created_at) == ("a.pdf", "2026-01-01T10:00:00.000000Z")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"status": "running", "content": None}, TaskReading("running")),
        (
            {"status": "succeeded", "content": {"upload": f"{BASE}/uploads/5"}},
            TaskReading("succeeded", f"{BASE}/uploads/5"),
        ),
        ({"status": "succeeded", "result_url": f"{BASE}/uploads/5"}, TaskReading("succeeded", f"{BASE}/uploads/5")),
        ({"status": "failed", "detail": "No. 7", "code": "e"}, TaskReading("failed", None, "No. 7", "e")),
        ({"status": "postponed_to_mars"}, TaskReading("running")),
    ],
)
def test_a_task_is_read(data: dict[str, Any], expected: TaskReading) -> None:
    """The upload is named by the content or the result; an unknown status is not an end."""
    reading = wire.read_task(answer(data))

    assert reading == expected


def test_a_task_that_redirects_has_succeeded() -> None:
    """A server that ignores no_redirect still tells the upload."""
    reading = wire.read_task(answer(None, location=f"{BASE}/uploads/5"))

    assert reading == TaskReading("succeeded", f"{BASE}/uploads/5")


def test_an_upload_without_annotations_is_empty() -> None:
    """Null lists are empty ones."""
    reading = wire.read_upload(answer({"annotations": None, "documents": [f"{BASE}/documents/9"]}))

    assert reading == UploadReading((), (9,))  # type: ignore[arg-type] # a literal id


def test_the_organization_comes_from_a_user_or_a_list() -> None:
    """Both forms give an id; an empty list none."""
    user = answer({"organization": f"{BASE}/organizations/1024"})

    numbers = [wire.read_organization(each) for each in (user, page({"id": 7}, {"id": 8}), page())]

    assert numbers == [1024, 7, None]


@given(data=JSON)
def test_any_json_is_read_or_refused_with_a_sentence(data: Any) -> None:
    """No body, however odd, gets past as another error than Retryable, and none of it is quoted."""
    readers = (
        wire.read_annotation,
        wire.read_annotations,
        lambda body: wire.read_exports(body, QueueId(1)),
        lambda body: wire.read_listing(body, listing()),
        wire.read_documents,
        wire.read_every_document,
        wire.read_task,
        wire.read_upload,
        wire.read_task_url,
        wire.read_organization,
        wire.read_login,
    )
    for read in readers:
        for body in (data, {"results": [data]}, {"results": data}, annotation(metadata=data, messages=data)):
            try:
                read(answer(body))
            except Retryable as error:
                assert str(error).startswith("Rossum's answer to GET /things makes no sense: ")  # noqa: PT017 - either is right


def test_annotation_ids_are_keys_of_bulk_reads() -> None:
    """Callers look their own ids up."""
    found = wire.read_annotations(page(annotation()))

    assert found[AnnotationId(4711)].status == "exported"
