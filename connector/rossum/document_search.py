"""Searches for documents, read to their end: what a search misses would be imported twice.

Searches that fall together share calls. After many swallowed answers each import looks for its document by name and
time; one walk over the common window answers all of them, and costs a call for a hundred documents that came in it.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence, Sized
from dataclasses import dataclass
from datetime import datetime, timedelta

from connector.domain.ids import DocumentId
from connector.domain.readings import DocumentReading
from connector.errors import Retryable
from connector.rossum.answer import Answer
from connector.rossum.requests import LARGEST_PAGE, Call, documents_created
from connector.rossum.session import Session
from connector.rossum.wire import has_more, read_every_document, total_of

#: Times that a search is read before its pages are given up as too restless.
_READINGS = 3
#: Pages of one search; Rossum's searches end at 10,000 rows. A longer time is searched in halves.
_LARGEST_SEARCH = 100
#: Halves overlap by so much (seconds) on both sides: bounds may be cut to whole seconds, and be inclusive or not.
_OVERLAP = 2.0

Page = Callable[[int], Call]


class TooManyError(Retryable):
    """A document search has more pages than can be read."""


@dataclass(frozen=True, slots=True)
class _Search:
    file_name: str | None
    after: datetime
    before: datetime
    answer: asyncio.Future[Sequence[DocumentReading]]

    def tell(self, documents: Iterable[DocumentReading]) -> None:
        """Answer with those that are meant."""
        if not self.answer.done():
            self.answer.set_result([d for d in documents if self.file_name in (None, d.file_name)])

    def fail(self, error: Exception) -> None:
        """There is no answer."""
        if not self.answer.done():
            self.answer.set_exception(error)


class DocumentSearches:
    """See the module."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._waiting: list[_Search] = []
        self._worker: asyncio.Task[None] | None = None

    async def find(self, *, file_name: str | None, after: datetime, before: datetime) -> Sequence[DocumentReading]:
        """Documents of that name (any, when None) created in the window, oldest first, perhaps with some from around.

        Raises:
            Retryable: It could not be read to its end.
        """
        answer: asyncio.Future[Sequence[DocumentReading]] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Search(file_name, after, before, answer))
        if self._worker is None or self._worker.done():
            self._worker = asyncio.get_running_loop().create_task(self._work(), name="rossum-document-search")
        return await answer

    def close(self) -> None:
        """Stop; whoever waits is told so."""
        if self._worker is not None:
            self._worker.cancel()
        for search in self._waiting:
            search.fail(_closed())
        self._waiting.clear()

    async def _work(self) -> None:
        while self._waiting:
            together = [search for search in self._waiting if not search.answer.done()]
            self._waiting.clear()
            try:
                await self._answer(together)
            except asyncio.CancelledError:
                _fail(together, _closed())
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, the callers must learn it
                _fail(together, error)

    async def _answer(self, together: list[_Search]) -> None:
        names = {search.file_name for search in together}
        if len(names) == 1 or None in names:
            name = names.pop() if len(names) == 1 else None
            _tell(together, await self._between(name, *_window(together)))
        else:
            await self._answer_names(together, names)

    async def _answer_names(self, together: list[_Search], names: set[str | None]) -> None:
        """One walk over the window of all, unless to ask for each name takes fewer calls; the first page tells."""
        after, before = _window(together)
        first = await self._session.ask(documents_created(None, after, before, page=1))
        found = read_every_document(first)
        if not has_more(first) and _is_whole(found, total_of(first)):
            _tell(together, _sorted(found))
        elif _pages(first) <= len(names):
            _tell(together, await self._between(None, after, before))
        else:
            for name in names:
                alike = [search for search in together if search.file_name == name]
                _tell(alike, await self._between(name, *_window(alike)))

    async def _between(self, name: str | None, after: datetime, before: datetime) -> list[DocumentReading]:
        try:
            return await every_document(self._session, lambda page: documents_created(name, after, before, page=page))
        except TooManyError:
            if before - after < timedelta(seconds=4 * _OVERLAP):
                raise
        middle, overlap = after + (before - after) / 2, timedelta(seconds=_OVERLAP)
        early = await self._between(name, after, middle + overlap)
        return _sorted([*early, *await self._between(name, middle - overlap, before)])


async def every_document(session: Session, page: Page) -> list[DocumentReading]:
    """All documents of a search, oldest first.

    Pages are numbered, so a document that goes away while they are read pushes another one past us; the total that
    Rossum names tells, and the search is read again.

    Args:
        session: Asks.
        page: The call for one page, from 1.

    Raises:
        TooManyError: There are more pages than a search can have.
        Retryable: It could not be read to its end.
    """
    for _ in range(_READINGS):
        found, total = await _read(session, page)
        if _is_whole(found, total):
            return _sorted(found.values())
    raise Retryable("a document search of Rossum's kept changing while its pages were read; ask again later")


async def _read(session: Session, page: Page) -> tuple[dict[DocumentId, DocumentReading], int | None]:
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
        if total is not None and total > _LARGEST_SEARCH * LARGEST_PAGE:
            break
    raise TooManyError(f"a document search has more than {_LARGEST_SEARCH} pages; ask about a shorter time")


def _is_whole(found: Sized, total: int | None) -> bool:
    """Whether as many documents were read as Rossum says there are."""
    return total is None or len(found) >= total


def _pages(first: Answer) -> int:
    """How many pages a search has, by its first; as many as possible where Rossum does not say it."""
    total = total_of(first)
    return _LARGEST_SEARCH if total is None else -(-total // LARGEST_PAGE)


def _window(searches: Iterable[_Search]) -> tuple[datetime, datetime]:
    """The time that covers them all."""
    bounds = [(search.after, search.before) for search in searches]
    return min(after for after, _ in bounds), max(before for _, before in bounds)


def _sorted(documents: Iterable[DocumentReading]) -> list[DocumentReading]:
    unique = {reading.id: reading for reading in documents}
    return sorted(unique.values(), key=lambda reading: (reading.created_at, reading.id))


def _tell(searches: Iterable[_Search], documents: Sequence[DocumentReading]) -> None:
    for search in searches:
        search.tell(documents)


def _fail(searches: Iterable[_Search], error: Exception) -> None:
    for search in searches:
        search.fail(error)


def _closed() -> Retryable:
    return Retryable("the Rossum client was closed before the answer came")
