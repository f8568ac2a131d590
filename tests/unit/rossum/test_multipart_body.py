"""The body of an upload, piece by piece."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from connector.domain.ids import QueueId
from connector.domain.readings import Enclosed, UploadRequest
from connector.errors import PartitionLost, Rejected, Retryable, Stage
from connector.rossum.multipart import MultipartBody

DOCUMENT = [b"%PDF-", b"1.4 ", b"end"]


def request(**changes: Any) -> UploadRequest:
    """An upload of 12 bytes."""
    whole: dict[str, Any] = {
        "queue": QueueId(8198),
        "file_name": "a.pdf",
        "content_type": "application/pdf",
        "metadata": {"po": "77"},
        "values": {"upload:id": "1"},
        "size": 12,
        **changes,
    }
    return UploadRequest(**whole)


async def chunks(*pieces: bytes, error: Exception | None = None) -> AsyncIterator[bytes]:
    """A source."""
    for piece in pieces:
        yield piece
    if error is not None:
        raise error


def body_of(*pieces: bytes, owned: bool = True, error: Exception | None = None, **changes: Any) -> MultipartBody:
    """A body whose gate says `owned`."""
    return MultipartBody(request(**changes), chunks(*pieces, error=error), lambda: owned)


async def sent(body: MultipartBody) -> bytes:
    """All that goes over the wire."""
    return b"".join([piece async for piece in body.pieces()])


async def test_the_announced_length_is_the_sent_one() -> None:
    """With a known size the body needs no chunks."""
    body = body_of(*DOCUMENT)

    whole = await sent(body)

    assert body.headers["Content-Length"] == str(len(whole))
    assert (body.started, body.complete, body.failure) == (True, True, None)


async def test_json_parts_come_first_and_have_no_file_name() -> None:
    """With a file name Rossum would take them for documents."""
    whole = await sent(body_of(*DOCUMENT))

    head, _, rest = whole.partition(b'name="content"')
    assert b'name="metadata"\r\nContent-Type: application/json\r\n\r\n{"po":"77"}\r\n' in head
    assert b'name="values"\r\nContent-Type: application/json\r\n\r\n{"upload:id":"1"}\r\n' in head
    assert b"filename" not in head
    assert rest.startswith(b'; filename="a.pdf"\r\nContent-Type: application/pdf\r\n\r\n%PDF-1.4 end\r\n--')


async def test_without_a_size_there_is_no_length() -> None:
    """The transport sends chunks then."""
    body = body_of(*DOCUMENT, size=None, values={})

    assert "Content-Length" not in body.headers
    assert b'name="values"' not in await sent(body)


@pytest.mark.parametrize(
    ("name", "parameter"),
    [
        ("plain name (1).pdf", b'; filename="plain name (1).pdf"\r\n'),
        ("účet.pdf", b"; filename=\"__et.pdf\"; filename*=utf-8''%C3%BA%C4%8Det.pdf\r\n"),
        ('a"\r\nX: y.pdf', b"; filename=\"a___X: y.pdf\"; filename*=utf-8''a%22%0D%0AX%3A%20y.pdf\r\n"),
    ],
)
async def test_file_names_are_quoted_or_encoded(name: str, parameter: bytes) -> None:
    """No name breaks out of its header."""
    assert parameter in await sent(body_of(*DOCUMENT, file_name=name))


async def test_a_content_type_cannot_smuggle_headers() -> None:
    """What is no media type goes as bytes."""
    whole = await sent(body_of(*DOCUMENT, content_type="a/b\r\nX: y"))

    assert b"Content-Type: application/octet-stream\r\n\r\n%PDF" in whole


@pytest.mark.parametrize(("size", "word"), [(11, "longer"), (13, "ended after 12 of the 13")])
async def test_a_source_that_announced_another_size_breaks_the_body_off(size: int, word: str) -> None:
    """Neither too much nor too little is passed off as the document."""
    body = body_of(*DOCUMENT, size=size)

    with pytest.raises(Retryable, match=word):
        await sent(body)

    assert not body.complete
    assert isinstance(body.failure, Retryable)


async def test_an_error_of_the_source_is_kept_as_it_is() -> None:
    """The caller learns what the source said."""
    error = Rejected("too large", stage=Stage.FETCH)
    body = body_of(*DOCUMENT, error=error)

    with pytest.raises(Rejected):
        await sent(body)

    assert body.failure is error
    assert (body.started, body.complete) == (True, False)


async def test_without_the_gate_the_closing_boundary_never_leaves() -> None:
    """Everything may be sent but the boundary that makes it an upload."""
    body = body_of(*DOCUMENT, owned=False)
    pieces: list[bytes] = []

    with pytest.raises(PartitionLost):
        pieces += [piece async for piece in body.pieces()]

    assert not body.complete
    assert isinstance(body.failure, PartitionLost)


async def test_nothing_has_started_before_the_first_piece() -> None:
    """Until the first byte is asked for, nothing can have been imported."""
    body = body_of(*DOCUMENT)

    assert (body.started, body.complete) == (False, False)


async def test_enclosed_documents_follow_and_count() -> None:
    """Each is a part of its own, before the one closing boundary; the announced length is that of all."""
    enclosed = (Enclosed("b.png", "image/png", b"\x89PNG" * 100_000), Enclosed("ü.pdf", "application/pdf", b"%PDF-c"))
    body = body_of(*DOCUMENT, enclosed=enclosed)

    whole = await sent(body)

    assert body.headers["Content-Length"] == str(len(whole))
    assert whole.count(b'name="content"') == 3
    assert whole.count(b'name="metadata"') == 1
    assert whole.index(b"%PDF-1.4 end") < whole.index(b"\x89PNG" * 100_000) < whole.index(b"%PDF-c")
    assert body.size == 12 + 400_000 + 6


async def test_a_lost_partition_breaks_an_upload_of_several_off() -> None:
    """The gate is asked behind the last document."""
    body = body_of(*DOCUMENT, owned=False, enclosed=(Enclosed("b.png", "image/png", b"\x89PNG"),))

    with pytest.raises(PartitionLost):
        await sent(body)

    assert not body.complete
