"""Documents inside of the arrival itself."""

import binascii
from collections.abc import AsyncGenerator

from connector.contracts.arrivals import InlineSource
from connector.documents.guard import Opened
from connector.documents.limits import CHUNK
from connector.errors import Rejected, Stage

_SHOWN = "The inline document"
#: Characters; four of them are three bytes, so a piece decodes to less than `CHUNK`.
_PIECE = CHUNK


def open_inline(source: InlineSource) -> Opened:
    """The document that the arrival carries; decoded piece by piece, so there is never a second whole copy.

    Raises:
        Rejected: The length is not that of base64 text.
    """
    text = source.base64
    if len(text) % 4:
        raise _unreadable()
    padding = len(text[-2:]) - len(text[-2:].rstrip("="))
    return Opened(shown=_SHOWN, size=len(text) // 4 * 3 - padding, chunks=_decode(text))


async def _decode(text: str) -> AsyncGenerator[bytes, None]:
    for start in range(0, len(text), _PIECE):
        yield _decode_piece(text[start : start + _PIECE], is_last=start + _PIECE >= len(text))


def _decode_piece(piece: str, *, is_last: bool) -> bytes:
    if not is_last and piece.endswith("="):
        raise _unreadable()
    try:
        return binascii.a2b_base64(piece, strict_mode=True)
    except ValueError:
        raise _unreadable() from None


def _unreadable() -> Rejected:
    return Rejected(
        f"{_SHOWN} is not base64 (RFC 4648, section 4: the standard alphabet, padded, no line breaks).",
        stage=Stage.VALIDATE,
    )
