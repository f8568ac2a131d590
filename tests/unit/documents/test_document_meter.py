"""What a source says of a document, what the arrival says, and what comes."""

from collections.abc import AsyncGenerator, Sequence
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.documents.guard import Expected, Meter, Opened, verified
from connector.errors import Rejected, Retryable

MOST = 100


async def _pieces(sizes: Sequence[int]) -> AsyncGenerator[bytes, None]:
    for size in sizes:
        yield b"x" * size


async def _read(sizes: Sequence[int], *, announced: int | None, declared: int | None) -> list[int]:
    """Sizes of the pieces that come out."""
    opened = Opened("a source", announced, _pieces(sizes))
    meter = Meter(opened, Expected(MOST, declared))
    return [len(piece) async for piece in verified(opened.chunks, meter)]


@pytest.mark.parametrize("announced", [9, 11])
async def test_another_number_of_bytes_than_announced_is_tried_again(announced: int) -> None:
    """The connection broke, or somebody wrote to it meanwhile; too few and too many."""
    with pytest.raises(Retryable, match=f"announced {announced} bytes and gave 10"):
        await _read([4, 6], announced=announced, declared=None)


@given(
    st.lists(st.integers(min_value=1, max_value=60), max_size=5),
    st.one_of(st.none(), st.integers(min_value=0, max_value=150)),
    st.one_of(st.none(), st.integers(min_value=0, max_value=150)),
)
async def test_what_comes_out_whole_is_what_was_said(
    sizes: list[int], announced: int | None, declared: int | None
) -> None:
    """Only a document that is as its source and its arrival say, and not too large, has an end."""
    total = sum(sizes)
    is_right = 0 < total <= MOST and announced in (None, total) and declared in (None, total)

    try:
        found = await _read(sizes, announced=announced, declared=declared)
    except (Rejected, Retryable):
        assert not is_right
    else:
        assert is_right
        assert list(accumulate(found)) == list(accumulate(sizes))
