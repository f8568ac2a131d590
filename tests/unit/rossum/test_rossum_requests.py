"""What is asked of Rossum, as values."""

from datetime import UTC, datetime

import pytest

from connector.domain.ids import AnnotationId, QueueId
from connector.domain.readings import Listing
from connector.errors import Retryable
from connector.ports import Lane
from connector.rossum import requests

AFTER, BEFORE = "2026-01-01T00:00:00.000000Z", "2026-01-02T00:00:00.000000Z"


def test_a_sweep_is_ordered_by_its_clock() -> None:
    """Window, queues, order and page of one listing call."""
    listing = Listing("exported_at", (QueueId(1), QueueId(2)), AFTER, BEFORE, page=3)

    call = requests.listing_page(listing)

    params = dict(call.params)
    assert (call.name, call.lane) == ("GET /annotations", Lane.SWEEPS)
    assert params["queue"] == "1,2"
    assert (params["exported_at_after"], params["exported_at_before"]) == (AFTER, BEFORE)
    assert params["ordering"] == "exported_at,document"
    assert (params["page_size"], params["page"], params["include_total"]) == ("100", "3", "true")
    assert {"id", "status", "queue", "document", "exported_at", "purged_at"} <= set(params["fields"].split(","))


def test_arrivals_are_ordered_by_document() -> None:
    """The list has no order by arrival."""
    call = requests.listing_page(Listing("arrived_at", (QueueId(1),), AFTER, BEFORE))

    assert dict(call.params)["ordering"] == "document"


def test_bulk_reads_name_their_ids() -> None:
    """One page of 100 holds them all."""
    listed = requests.annotations_by_id([AnnotationId(7), AnnotationId(8)], Lane.READS)
    exported = requests.exports_by_id(QueueId(5), [7, 8])

    assert dict(listed.params)["id"] == "7,8"
    assert (exported.method, exported.path, exported.lane) == ("GET", "/queues/5/export", Lane.CAPTURED)
    assert dict(exported.params) == {"format": "json", "id": "7,8", "page_size": "100"}


def test_objects_are_asked_for_below_our_own_base_url() -> None:
    """A URL from an answer gives only its id, so that the token stays at home."""
    calls = [
        requests.task("https://evil.example/api/v1/tasks/24"),
        requests.upload_object("https://acme.rossum.app/api/v1/uploads/5/"),
        requests.document_content("https://acme.rossum.app/api/v1/documents/9"),
        requests.document_content("https://acme.rossum.app/api/v1/documents/9/content"),
    ]

    assert [call.path for call in calls] == ["/tasks/24", "/uploads/5", "/documents/9/content", "/documents/9/content"]
    assert calls[0].params == (("no_redirect", "true"),)


@pytest.mark.parametrize(
    "url", ["", "https://acme.rossum.app/api/v1/tasks/", "https://acme.rossum.app/api/v1/uploads/5"]
)
def test_a_url_of_another_kind_is_not_asked_for(url: str) -> None:
    """An id of the wrong kind would find the wrong thing."""
    with pytest.raises(Retryable, match="/tasks/<id>"):
        requests.task(url)


def test_a_document_search_has_a_window_and_perhaps_a_name() -> None:
    """Without a name everything in the window is searched."""
    window = {"after": datetime(2026, 1, 1, tzinfo=UTC), "before": datetime(2026, 1, 2, tzinfo=UTC)}

    named = requests.documents_created(file_name="a, b.pdf", page=1, **window)
    every = requests.documents_created(file_name=None, page=2, **window)

    assert dict(named.params)["original_file_name"] == "a, b.pdf"
    assert "original_file_name" not in dict(every.params)
    assert dict(every.params)["created_at_after"] == AFTER
    assert dict(every.params)["page"] == "2"


def test_an_upload_can_be_strict() -> None:
    """Refusing identical files is asked for in the query."""
    strict = requests.upload(QueueId(8198), reject_identical=True)
    plain = requests.upload(QueueId(8198), reject_identical=False)

    assert strict.params == (("queue", "8198"), ("reject_identical", "true"))
    assert (plain.method, plain.lane, plain.params) == ("POST", Lane.UPLOADS, (("queue", "8198"),))
