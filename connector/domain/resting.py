"""Tells rows at rest by their bytes: rebuilding a large ledger parses none of them."""

import orjson

from connector.domain.rows import AT_REST, ENDED, AnnotationRow, ImportRow

#: How they begin, as `encode_row` writes them: the state is the first field of their kind.
_BEGINNINGS = (
    *(b'{"kind":"%b","row":{"status":"%b"' % (AnnotationRow.kind.encode(), status.encode()) for status in AT_REST),
    *(b'{"kind":"%b","row":{"state":"%b"' % (ImportRow.kind.encode(), state.encode()) for state in ENDED),
)
#: Perhaps a field of the row; never a part of a text, where quotation marks are escaped.
_DUE, _HELD = b'"due":', b'"held":'


def surely_rests(value: bytes) -> bool:
    """Whether a written row wants nothing of its owner; some that are False do neither."""
    return value.startswith(_BEGINNINGS) and _DUE not in value and _HELD not in value


def surely_of(owner: str | None) -> bytes:
    """How a row ends that this owner has written, or a transaction (None)."""
    return b"}}" if owner is None else b'},"owner":%b}' % orjson.dumps(owner)
