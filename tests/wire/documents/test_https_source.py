"""Documents over HTTPS, from a real server on loopback."""

import gzip
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from connector.documents.limits import CHUNK
from connector.errors import Rejected
from tests.support.jumping import jump
from tests.wire.documents.document_site import HOST, Answer
from tests.wire.documents.fetching import Far, at, failure, fetching, read

PDF = b"%PDF-1.7 " + b"x" * 5000


@pytest.fixture(scope="module")
async def far(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Far]:
    """The server and the sources; each test writes its own answers."""
    async with fetching(tmp_path_factory.mktemp("ca")) as far:
        yield far


async def test_a_document_is_fetched(far: Far) -> None:
    """Content, name, kind, size and digest."""
    far.site.answers["/in/Invoice%201.pdf"] = Answer(PDF, headers={"Content-Type": "text/html"})

    async with far.sources.open(at(far.site.url("/in/Invoice%201.pdf?sig=x"))) as document:
        body = b"".join([piece async for piece in document.chunks])
        digest = document.sha256()

    assert body == PDF
    assert digest == hashlib.sha256(PDF).hexdigest()
    assert (document.file_name, document.content_type, document.single, document.size) == (
        "Invoice 1.pdf",
        "application/pdf",
        True,
        len(PDF),
    )


async def test_an_allowed_literal_is_fetched(far: Far) -> None:
    """An address is a host like any other once the list and the networks allow it."""
    far.site.answers["/a"] = Answer(PDF)

    assert await read(far.sources, at(f"https://0x7f.1:{far.site.port}/a")) == PDF


async def test_the_request_is_plain(far: Far) -> None:
    """No encoding but identity, no cookie although one was set, the query as it was signed."""
    far.site.answers["/set"] = Answer(PDF, headers={"Set-Cookie": "a=b"})
    await read(far.sources, at(far.site.url("/set")))

    await read(far.sources, at(far.site.url("/set?sig=a%2Fb+c%3D")))

    head = far.site.requests[-1]
    assert head.startswith("GET /set?sig=a%2Fb+c%3D HTTP/1.1\r\n")
    assert "Accept-Encoding: identity" in head
    assert "Cookie" not in head
    assert "Authorization" not in head


async def test_the_server_names_the_file(far: Far) -> None:
    """Content-Disposition wins over the path."""
    disposition = "attachment; filename=x.pdf; filename*=UTF-8''..%2F%C3%BA%C4%8Det.pdf"
    far.site.answers["/a"] = Answer(PDF, headers={"Content-Disposition": disposition})

    async with far.sources.open(at(far.site.url("/a"))) as document:
        name = document.file_name

    assert name == "účet.pdf"


async def test_compressed_bytes_pass_untouched(far: Far) -> None:
    """A server that encodes all the same is not unpacked: no bomb goes off here."""
    bomb = gzip.compress(b"\0" * 10_000_000)
    far.site.answers["/bomb"] = Answer(bomb, headers={"Content-Encoding": "gzip"})

    assert await read(far.sources, at(far.site.url("/bomb"))) == bomb


async def test_pieces_are_small(far: Far) -> None:
    """At most 256 KiB each."""
    far.site.answers["/big"] = Answer(b"x" * 1_000_000, repeat=3)

    async with far.sources.open(at(far.site.url("/big"))) as document:
        sizes = [len(piece) async for piece in document.chunks]

    assert (sum(sizes), max(sizes) <= CHUNK) == (3_000_000, True)


async def test_a_chunked_body_is_read(far: Far) -> None:
    """A size is not needed."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    far.site.answers["/chunked"] = Answer(raw=head + b"8\r\n%PDF-1.7\r\n0\r\n\r\n")

    async with far.sources.open(at(far.site.url("/chunked"))) as document:
        body = b"".join([piece async for piece in document.chunks])

    assert (body, document.size) == (b"%PDF-1.7", None)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_followed(far: Far, status: int) -> None:
    """Up to three; the name is that of the first URL."""
    far.site.answers["/one.pdf"] = Answer(b"moved" * 99, status=status, headers={"Location": "/two"})
    far.site.answers["/two"] = Answer(status=status, headers={"Location": f"//{HOST}:{far.site.port}/three?sig=x"})
    far.site.answers["/three"] = Answer(status=status, headers={"Location": far.site.url("/four")})
    far.site.answers["/four"] = Answer(PDF)

    async with far.sources.open(at(far.site.url("/one.pdf"))) as document:
        body = b"".join([piece async for piece in document.chunks])

    assert (body, document.file_name) == (PDF, "one.pdf")


async def test_a_redirect_loop_ends(far: Far) -> None:
    """Four requests, then it is refused."""
    far.site.answers["/loop"] = Answer(status=302, headers={"Location": "/loop"})
    far.site.requests.clear()

    error = await failure(far.sources, at(far.site.url("/loop")))

    assert (isinstance(error, Rejected), "redirects" in str(error), len(far.site.requests)) == (True, True, 4)


async def test_the_receivers_own_errors_stay_its_own(far: Far) -> None:
    """What breaks inside the block is not taken for a fault of the source."""
    far.site.answers["/big"] = Answer(b"x" * 1_000_000, repeat=3)

    async def receive() -> None:
        async with far.sources.open(at(far.site.url("/big"))) as document:
            await anext(document.chunks)
            raise OSError("receiver")

    with pytest.raises(OSError, match="receiver"):
        await receive()


@pytest.mark.asyncio(loop_scope="function")
async def test_a_slow_receiver_is_not_the_sources_fault(tmp_path: Path) -> None:
    """Time between reads doesn't count."""
    total = 0
    async with fetching(tmp_path) as far:
        far.site.answers["/a"] = Answer(b"x" * 1_000_000, repeat=3)
        async with (
            far.sources_with(transfer_timeout=30, read_timeout=1000) as sources,
            sources.open(at(far.site.url("/a"))) as document,
        ):
            async for piece in document.chunks:
                total += len(piece)
                if total < 700_000:
                    jump(60)

    assert total == 3_000_000
