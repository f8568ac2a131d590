"""What answers and broken connections mean."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import aiohttp
import orjson
import pytest

from connector.domain.ids import QueueId
from connector.domain.readings import UploadRequest
from connector.errors import (
    Ambiguous,
    BrokenOff,
    ConnectorError,
    Identical,
    NotOurs,
    PartitionLost,
    Rejected,
    Retryable,
    Stage,
    Throttled,
)
from connector.rossum.answer import Received, retry_after_of
from connector.rossum.failures import failure_of_login, failure_of_read, failure_of_sending, failure_of_upload
from connector.rossum.multipart import MultipartBody

AT = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


def received(status: int, body: object = None, *, content_type: str = "application/json") -> Received:
    """An answer with that body."""
    return Received(status, content_type, orjson.dumps(body), AT, 7.0)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (429, Throttled), (401, NotOurs), (403, NotOurs), (404, NotOurs), (400, Retryable), (408, Retryable),
        (301, Retryable), (308, Retryable), (410, Retryable), (500, Retryable), (502, Retryable), (503, Retryable),
    ],
)  # fmt: skip
def test_what_a_read_makes_of_a_status(status: int, kind: type[ConnectorError]) -> None:
    """A read can always be repeated; only credentials and rights are nobody's to retry."""
    failure = failure_of_read("GET /x", received(status, {"detail": "Words."}))

    assert type(failure) is kind
    assert f"answered {status} to GET /x: Words." in str(failure)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Rejected), (409, Rejected), (413, Rejected), (415, Rejected), (422, Rejected), (429, Throttled),
        (401, NotOurs), (403, NotOurs), (404, NotOurs), (405, Retryable), (408, Ambiguous), (302, Ambiguous),
        (500, Ambiguous), (502, Ambiguous), (503, Ambiguous), (504, Ambiguous),
    ],
)  # fmt: skip
def test_what_an_upload_makes_of_a_status(status: int, kind: type[ConnectorError]) -> None:
    """An upload that may have been accepted is never simply repeated."""
    failure = failure_of_upload("POST /uploads", received(status, {"detail": "Words."}), is_complete=True)

    assert type(failure) is kind


@pytest.mark.parametrize("status", [408, 500, 503, 302])
def test_an_upload_that_was_not_complete_was_not_imported(status: int) -> None:
    """Without its closing boundary a body is nothing that could be imported: no look-up is needed."""
    failure = failure_of_upload("POST /uploads", received(status, {}), is_complete=False)

    assert type(failure) is BrokenOff


@pytest.mark.parametrize("is_complete", [True, False])
def test_identical_is_said_only_where_it_was_asked(*, is_complete: bool) -> None:
    """A conflict is a refusal for good, unless Rossum was asked to refuse what it has."""
    body = {"detail": "Exists.", "document": "https://x/api/v1/documents/7", "annotations": ["https://x/annotations/9"]}

    strict = failure_of_upload("POST /uploads", received(409, body), is_complete=is_complete, refuses_identical=True)
    plain = failure_of_upload("POST /uploads", received(409, body), is_complete=is_complete)

    assert isinstance(strict, Identical)
    assert (strict.documents, strict.annotations) == ((7,), (9,))
    assert type(plain) is Rejected


def test_a_refusal_tells_stage_and_status() -> None:
    """The terminal event needs both."""
    failure = failure_of_upload("POST /uploads", received(413, {"detail": "Too big."}), is_complete=True)

    assert isinstance(failure, Rejected)
    assert (failure.stage, failure.http_status) == (Stage.UPLOAD, 413)


@pytest.mark.parametrize("status", [403, 404])
def test_a_refusal_that_is_not_rossums_own_is_no_verdict(status: int) -> None:
    """A page of some proxy does not mean that a thing is gone or forbidden."""
    failure = failure_of_read("GET /annotations/{id}", received(status, "nginx", content_type="text/html"))

    assert type(failure) is Retryable
    assert "ROSSUM__BASE_URL" in str(failure)


def test_status_and_pause_are_on_the_errors() -> None:
    """Callers decide by them."""
    gone = failure_of_read("GET /x", received(404))
    throttled = failure_of_read("GET /x", received(429))

    assert isinstance(gone, NotOurs)
    assert isinstance(throttled, Throttled)
    assert (gone.http_status, throttled.retry_after) == (404, 7.0)


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_refused_login_never_looks_like_a_missing_queue(status: int) -> None:
    """403 and 404 would make the caller give up a document."""
    failure = failure_of_login(received(status, {"detail": "No."}))

    assert isinstance(failure, NotOurs)
    assert failure.http_status == 401


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"detail": "Not found.", "code": "x"}, ": Not found."),
        (
            {"values": ["Value must be valid JSON."], "queue": "Required."},
            "values: Value must be valid JSON.; queue: Req",
        ),
        ("plain", ": plain"),
        ([1], "answered 400 to POST /uploads"),
        ({"detail": "x" * 900}, "x" * 300),
    ],
)
def test_rossums_words_are_passed_on(body: object, words: str) -> None:
    """Detail, else the fields it names, cut to 300 characters."""
    sentence = str(failure_of_upload("POST /uploads", received(400, body), is_complete=True))

    assert words in sentence
    assert len(sentence) < 400


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("10", 10.0), (" 3 ", 3.0), (None, 1.0), ("", 1.0), ("soon", 1.0), ("-5", 1.0), ("nan", 1.0),
        ("9" * 30, 999999999),
        ("Mon, 23 Nov 2026 12:00:30 GMT", 30.0), ("Mon, 23 Nov 2026 11:00:00 GMT", 0.0),
    ],
)  # fmt: skip
def test_a_pause_is_a_number_or_a_date(header: str | None, seconds: float) -> None:
    """Both forms of RFC 9110; anything else is a second."""
    assert retry_after_of(header, AT) == seconds


async def _nothing() -> AsyncIterator[bytes]:
    yield b"x"


def _body(*, started: bool, complete: bool = False, failure: Exception | None = None) -> MultipartBody:
    request = UploadRequest(QueueId(1), "a.pdf", "application/pdf", {}, {}, None)
    body = MultipartBody(request, _nothing(), lambda: True)
    body.started, body.complete, body.failure = started, complete, failure
    return body


@pytest.mark.parametrize("error", [TimeoutError(), aiohttp.ServerDisconnectedError(), ConnectionResetError()])
def test_a_connection_that_breaks_is_ambiguous_from_the_last_byte(error: Exception) -> None:
    """Before the closing boundary nothing can have been imported, after it anything."""
    before = failure_of_sending("POST /uploads", error, _body(started=False))
    within = failure_of_sending("POST /uploads", error, _body(started=True))
    after = failure_of_sending("POST /uploads", error, _body(started=True, complete=True))

    assert (type(before), type(within), type(after)) == (Retryable, BrokenOff, Ambiguous)


def test_what_broke_the_body_off_is_the_reason() -> None:
    """The connection's own complaint is only a consequence."""
    lost = PartitionLost("gone")

    assert failure_of_sending("POST /uploads", aiohttp.ClientError(), _body(started=True, failure=lost)) is lost
