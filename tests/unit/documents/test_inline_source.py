"""Inline documents: strict base64, decoded in pieces."""

import base64
import hashlib
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.contracts.arrivals import InlineSource
from connector.documents.dispatch import DocumentSources
from connector.documents.limits import CHUNK, DocumentLimits
from connector.errors import Rejected, Stage

SOURCES = DocumentSources(DocumentLimits(max_bytes=16_000_000))


def inline(content: bytes, *, size: int | None = None, sha256: str | None = None) -> InlineSource:
    """An arrival's source with that content."""
    text = base64.b64encode(content).decode()
    return InlineSource(kind="inline", base64=text, size=size, sha256=sha256)


async def read(source: InlineSource, sources: DocumentSources = SOURCES) -> tuple[bytes, list[int], str]:
    """Content, sizes of the pieces, digest."""
    async with sources.open(source) as document:
        pieces = [piece async for piece in document.chunks]
        return b"".join(pieces), [len(piece) for piece in pieces], document.sha256()


async def refusal(source: InlineSource, sources: DocumentSources = SOURCES) -> Rejected:
    """The error that reading ends in."""
    with pytest.raises(Rejected) as caught:
        await read(source, sources)
    return caught.value


@pytest.mark.parametrize("size", [1, 2, 3, 1023, 1024, CHUNK, CHUNK * 3 // 4, CHUNK * 3 // 4 + 1, 1_000_000])
async def test_the_document_comes_out_whole(size: int) -> None:
    """Content and digest are right at every border between pieces, and no piece is too large."""
    content = bytes(i % 251 for i in range(size))

    body, sizes, digest = await read(inline(content, size=size, sha256=hashlib.sha256(content).hexdigest()))

    assert body == content
    assert max(sizes) <= CHUNK
    assert digest == hashlib.sha256(content).hexdigest()


async def test_what_the_document_is() -> None:
    """Kind and size are known when it opens; it has no name."""
    async with SOURCES.open(inline(b"%PDF-1.7")) as document:
        seen = (document.file_name, document.content_type, document.single, document.size)

    assert seen == (None, "application/pdf", True, 8)


@pytest.mark.parametrize(
    "text", ["A", "AAA", "AA=A", "AA==AAAA", "A===", "====", "AAA\n", "AA-_", "AÁAA", "AA A", "QUJD\nREVG"]
)
async def test_bad_base64_is_refused(text: str) -> None:
    """Anything but padded standard base64 can never succeed."""
    error = await refusal(InlineSource(kind="inline", base64=text))

    assert error.stage is Stage.VALIDATE
    assert "base64" in str(error)


async def test_padding_between_pieces_is_refused() -> None:
    """A text made of two padded ones is refused even when the border of a piece falls between them."""
    error = await refusal(InlineSource(kind="inline", base64="A" * (CHUNK - 4) + "AA==" + "AAAA"))

    assert "base64" in str(error)


@given(st.text(min_size=1, max_size=60))
async def test_any_text_is_refused_or_read(text: str) -> None:
    """No text breaks the decoder in another way."""
    try:
        body, _, _ = await read(InlineSource(kind="inline", base64=text))
    except Rejected as error:
        assert error.stage is Stage.VALIDATE  # noqa: PT017 - either outcome is right
    else:
        assert base64.b64encode(body).decode() == text


async def test_an_empty_document_is_refused() -> None:
    """Nothing to import."""
    error = await refusal(InlineSource.model_construct(kind="inline", base64=""))

    assert (error.stage, "empty" in str(error)) == (Stage.VALIDATE, True)


async def test_a_large_document_is_refused_before_it_is_decoded() -> None:
    """The cap is known to be passed from the length of the text."""
    small = DocumentSources(DocumentLimits(max_bytes=100))

    error = await refusal(inline(b"x" * 101), small)

    assert (error.stage, "IMPORTS__MAX_BYTES" in str(error)) == (Stage.VALIDATE, True)


@pytest.mark.parametrize(("size", "sha256"), [(3, None), (5, None), (None, "0" * 64)])
async def test_another_document_than_announced_is_refused(size: int | None, sha256: str | None) -> None:
    """A size or digest that differs is the announcer's mistake."""
    error = await refusal(inline(b"abcd", size=size, sha256=sha256))

    assert error.stage is Stage.FETCH
    assert "as the arrival says" in str(error)


async def test_a_digest_may_be_in_upper_case() -> None:
    """Hex is hex."""
    body, _, _ = await read(inline(b"abcd", sha256=hashlib.sha256(b"abcd").hexdigest().upper()))

    assert body == b"abcd"


async def test_a_wrong_document_is_never_completed() -> None:
    """The last piece is held back until the digest is known to be right."""
    seen: list[bytes] = []

    async def receive() -> None:
        async with SOURCES.open(inline(b"x" * 600_000, sha256="0" * 64)) as document:
            async for piece in document.chunks:
                seen.append(piece)  # noqa: PERF401 - it breaks off in mid-stream

    with pytest.raises(Rejected):
        await receive()

    assert 0 < len(b"".join(seen)) < 600_000


async def test_the_digest_is_not_told_early() -> None:
    """A digest of a part would be taken for that of the whole."""
    async with SOURCES.open(inline(b"x" * 600_000)) as document:
        with pytest.raises(RuntimeError, match="after the last chunk"):
            document.sha256()


async def test_there_is_no_second_copy_in_memory() -> None:
    """Decoding 12 MB takes well under 2 MB."""
    source = inline(b"x" * 12_000_000)
    tracemalloc.start()

    async with SOURCES.open(source) as document:
        async for _ in document.chunks:
            pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 2_000_000
