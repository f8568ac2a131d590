"""What is held whole while it waits for others, and what goes up as a stream instead."""

from collections.abc import AsyncIterator

import pytest

from connector.engine.holding import LARGEST, Held, Room, hold
from connector.errors import Retryable
from connector.ports import FetchedDocument


async def chunks(*pieces: bytes, error: Exception | None = None) -> AsyncIterator[bytes]:
    """A source."""
    for piece in pieces:
        yield piece
    if error is not None:
        raise error


def fetched(*pieces: bytes, size: int | None, single: bool = True, error: Exception | None = None) -> FetchedDocument:
    """A document that is open."""
    return FetchedDocument(
        file_name="a.pdf",
        content_type="application/pdf",
        single=single,
        size=size,
        chunks=chunks(*pieces, error=error),
        sha256=lambda: "hash",
    )


async def whole(document: FetchedDocument) -> bytes:
    """All of it."""
    return b"".join([piece async for piece in document.chunks])


@pytest.mark.parametrize(("size", "taken"), [(6, 6), (None, LARGEST)])
async def test_a_small_document_is_held(size: int | None, taken: int) -> None:
    """With its hash; it takes its size of the room, or the most that it could have."""
    room = Room()
    before = room.free

    held = await hold(fetched(b"abc", b"def", size=size), room)

    assert isinstance(held, Held)
    assert (held.content, held.sha256, held.taken) == (b"abcdef", "hash", taken)
    assert room.free == before - taken
    assert await whole(held.opened()) == b"abcdef"


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(lambda: fetched(b"abc", size=3, single=False), id="may hold several"),
        pytest.param(lambda: fetched(b"abc", size=LARGEST + 1), id="too large"),
        pytest.param(lambda: fetched(b"abc", b"d" * LARGEST, size=None), id="too large, as it turns out"),
    ],
)
async def test_what_is_not_fit_for_it_is_a_stream(document: object) -> None:
    """Nothing of it is lost, and it takes no room."""
    assert callable(document)
    room = Room()
    before = room.free

    stream = await hold(document(), room)

    assert isinstance(stream, FetchedDocument)
    assert await whole(stream) == await whole(document())
    assert room.free == before


async def test_without_room_it_is_a_stream() -> None:
    """The memory of the process has its bounds."""
    room = Room(free=5)

    stream = await hold(fetched(b"abcdef", size=6), room)

    assert isinstance(stream, FetchedDocument)
    assert room.free == 5


async def test_a_source_that_fails_gives_the_room_back() -> None:
    """Nobody else has to wait for it."""
    room = Room()
    before = room.free

    with pytest.raises(Retryable):
        await hold(fetched(b"abc", size=6, error=Retryable("away")), room)

    assert room.free == before
