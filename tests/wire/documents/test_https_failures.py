"""What goes wrong over HTTPS: what is final, what is worth another attempt, and that it ends in time."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from connector.documents.dispatch import DocumentSources
from connector.documents.limits import DocumentLimits
from connector.errors import Rejected, Retryable, SettingsError, Stage
from tests.wire.documents.document_site import Answer
from tests.wire.documents.fetching import Far, at, failure, fetching, read

PDF = b"%PDF-1.7 " + b"x" * 5000


@pytest.fixture(scope="module")
async def far(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Far]:
    """The server and the sources; each test writes its own answers."""
    async with fetching(tmp_path_factory.mktemp("ca")) as far:
        yield far


@pytest.mark.parametrize("status", [204, 206, 300, 302, 304, 400, 401, 403, 404, 410, 451])
async def test_a_refusal_is_final(far: Far, status: int) -> None:
    """The server will not give this document; the event carries its status."""
    far.site.answers["/a"] = Answer(status=status)

    error = await failure(far.sources, at(far.site.url("/a")))

    assert isinstance(error, Rejected)
    assert (error.stage, error.http_status) == (Stage.FETCH, status)


@pytest.mark.parametrize("status", [202, 408, 425, 429, 500, 502, 503, 504, 599])
async def test_trouble_is_retried(far: Far, status: int) -> None:
    """The server may give it later."""
    far.site.answers["/a"] = Answer(status=status, headers={"Retry-After": "5"})

    error = await failure(far.sources, at(far.site.url("/a")))

    assert (isinstance(error, Retryable), str(status) in str(error)) == (True, True)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcde",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 20_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Le",
    ],
)
async def test_nonsense_is_retried_and_not_quoted(far: Far, raw: bytes) -> None:
    """A broken server is no reason to lose a document, and no error shows the query."""
    far.site.answers["/a"] = Answer(raw=raw)

    error = await failure(far.sources, at(far.site.url("/a?sig=secret")))

    assert isinstance(error, Retryable)
    assert far.site.url("/a") in str(error)
    assert "secret" not in str(error)
    assert error.__cause__ is None


async def test_a_body_that_is_cut_short_is_retried(far: Far) -> None:
    """Fewer bytes than announced."""
    far.site.answers["/a"] = Answer(PDF, length=len(PDF) + 1)

    error = await failure(far.sources, at(far.site.url("/a")))

    assert (isinstance(error, Retryable), "cut short" in str(error)) == (True, True)


@pytest.mark.parametrize("connection", ["close", "keep-alive"])
async def test_bytes_beyond_the_announced_are_no_document(far: Far, connection: str) -> None:
    """A server that announces too little contradicts itself; the rest is nobody else's document."""
    head = f"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: {connection}\r\n\r\n"
    far.site.answers["/a"] = Answer(raw=head.encode() + PDF)
    far.site.answers["/b"] = Answer(PDF)

    error = await failure(far.sources, at(far.site.url("/a"), sha256=hashlib.sha256(PDF).hexdigest()))
    next_body = await read(far.sources, at(far.site.url("/b")))

    assert isinstance(error, Rejected | Retryable)
    assert next_body == PDF


async def test_too_large_is_refused_by_its_announcement(far: Far) -> None:
    """Nothing of the body is waited for."""
    far.site.answers["/a"] = Answer(b"x", length=10**12, silent=True)

    error = await failure(far.sources, at(far.site.url("/a")))

    assert isinstance(error, Rejected)
    assert (error.stage, "IMPORTS__MAX_BYTES" in str(error)) == (Stage.VALIDATE, True)


async def test_too_large_is_refused_by_its_bytes(far: Far) -> None:
    """A body without announced length is counted."""
    far.site.answers["/a"] = Answer(b"x" * 500_000, length=-1, repeat=20)

    error = await failure(far.sources, at(far.site.url("/a")))

    assert isinstance(error, Rejected)
    assert (error.stage, "IMPORTS__MAX_BYTES" in str(error)) == (Stage.VALIDATE, True)


@pytest.mark.parametrize("length", [None, -1])
@pytest.mark.parametrize("size", [len(PDF) - 1, len(PDF) + 1])
async def test_another_size_than_declared_is_refused(far: Far, size: int, length: int | None) -> None:
    """The arrival describes another file."""
    far.site.answers["/a"] = Answer(PDF, length=length)

    error = await failure(far.sources, at(far.site.url("/a"), size=size))

    assert isinstance(error, Rejected)
    assert (error.stage, "as the arrival says" in str(error)) == (Stage.FETCH, True)


async def test_an_empty_document_is_refused(far: Far) -> None:
    """Nothing to import."""
    far.site.answers["/a"] = Answer(b"")

    error = await failure(far.sources, at(far.site.url("/a")))

    assert isinstance(error, Rejected)
    assert (error.stage, "empty" in str(error)) == (Stage.VALIDATE, True)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(b"%PDF", length=10, silent=True),
        Answer(raw=b"HTTP/1.1 200 OK\r\n", silent=True),
        Answer(raw=b"HTTP/1.1 200 OK\r\nX: " + PDF, drip=0.02),
        Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + PDF, drip=0.002),
    ],
    ids=["stalled body", "stalled head", "dripping head", "dripping body"],
)
async def test_patience_ends(far: Far, answer: Answer) -> None:
    """Neither silence nor a byte now and then holds a slot for long."""
    far.site.answers["/slow"] = answer

    async with far.sources_with(connect_timeout=0.5, read_timeout=0.2, transfer_timeout=0.4) as impatient:
        error = await failure(impatient, at(far.site.url("/slow")))

    assert isinstance(error, Retryable)


@pytest.mark.parametrize("host", ["nowhere.example.test", "void.example.test"])
async def test_a_name_that_does_not_resolve_is_retried(far: Far, host: str) -> None:
    """Name servers have bad days."""
    error = await failure(far.sources, at(far.site.url("/a", host)))

    assert (isinstance(error, Retryable), "resolved" in str(error)) == (True, True)


async def test_a_closed_port_is_retried(far: Far) -> None:
    """Servers restart."""
    async with DocumentSources(replace(far.limits, allowed_hosts=("127.0.0.1:1",))) as elsewhere:
        error = await failure(elsewhere, at("https://127.0.0.1:1/a"))

    assert isinstance(error, Retryable)


async def test_a_wrong_certificate_is_retried(far: Far) -> None:
    """Nothing is read from it; the sentence says what is wrong."""
    far.site.requests.clear()

    error = await failure(far.sources, at(far.site.url("/a", "other.example.test")))

    assert (isinstance(error, Retryable), "certificate" in str(error), far.site.requests) == (True, True, [])


async def test_an_unknown_authority_is_not_trusted(far: Far) -> None:
    """Without its CA file the server is a stranger."""
    far.site.requests.clear()

    async with DocumentSources(replace(far.limits, ca_file=None), resolver=far.names) as strangers:
        error = await failure(strangers, at(far.site.url("/a")))

    assert (isinstance(error, Retryable), "IMPORTS__CA_FILE" in str(error), far.site.requests) == (
        True,
        True,
        [],
    )


async def test_https_is_off_without_hosts() -> None:
    """The sentence names the setting."""
    async with DocumentSources(DocumentLimits(max_bytes=1)) as sources:
        error = await failure(sources, at("https://docs.example.test/"))

    assert isinstance(error, Rejected)
    assert (error.stage, "IMPORTS__ALLOWED_HOSTS" in str(error)) == (Stage.VALIDATE, True)


@pytest.mark.parametrize("content", [None, b"no certificate"])
def test_a_useless_ca_file_is_a_settings_error(tmp_path: Path, content: bytes | None) -> None:
    """Found at the start, not at the first document."""
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(SettingsError, match="IMPORTS__CA_FILE"):
        DocumentSources(DocumentLimits(max_bytes=1, ca_file=path))


async def test_the_body_of_a_refusal_is_not_waited_for(far: Far) -> None:
    """However long the server says that its error page is."""
    far.site.answers["/a"] = Answer(b"sorry", status=404, length=10**12, silent=True)

    error = await failure(far.sources, at(far.site.url("/a")))

    assert isinstance(error, Rejected)
    assert error.http_status == 404
