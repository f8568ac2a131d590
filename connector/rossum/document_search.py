"""Reads a document search to its end: what it misses would be imported twice."""

from collections.abc import Callable

from connector.domain.ids import DocumentId
from connector.domain.readings import DocumentReading
from connector.errors import Retryable
from connector.rossum.requests import Call
from connector.rossum.session import Session
from connector.rossum.wire import has_more, read_every_document, total_of

#: Times that a search is read before its pages are given up as too restless.
_READINGS = 3
#: Pages of one search; Rossum's searches end at 10,000 rows.
_LARGEST_SEARCH = 100


async def every_document(session: Session, page: Callable[[int], Call]) -> list[DocumentReading]:
    """All documents of a search, oldest first.

    Pages are numbered, so a document that goes away while they are read pushes another one past us; the total that
    Rossum names tells, and the search is read again.

    Args:
        session: Asks.
        page: The call for one page, from 1.

    Raises:
        Retryable: It could not be read to its end.
    """
    for _ in range(_READINGS):
        found, total = await _read(session, page)
        if total is None or len(found) >= total:
            return sorted(found.values(), key=lambda reading: (reading.created_at, reading.id))
    raise Retryable("a document search of Rossum's kept changing while its pages were read; ask again later")


async def _read(session: Session, page: Callable[[int], Call]) -> tuple[dict[DocumentId, DocumentReading], int | None]:
    """The documents of all pages, and the total that the last one named."""
    found: dict[DocumentId, DocumentReading] = {}
    total: int | None = None
    for number in range(1, _LARGEST_SEARCH + 1):
        answer = await session.ask_page(page(number), number)
        if answer is None:
            return found, total
        found.update((reading.id, reading) for reading in read_every_document(answer))
        total = total_of(answer)
        if not has_more(answer):
            return found, total
    raise Retryable(f"a document search has more than {_LARGEST_SEARCH} pages; ask about a shorter time")
