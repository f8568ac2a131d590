"""Embedded mode on the side of Rossum: which annotations can be opened, and the URLs that open them.

What is ready is read from Rossum's own list, which is the same for every replica: none owns more than a part of the
ledger. A list of more than one page is read until a reading shows nothing new, since an annotation that leaves it
moves all later ones forward, and one of them past the page that is read next.
"""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self

import orjson

from connector.clock import Clock
from connector.domain.embedded import EmbeddedOrder, EmbeddedUrl, Ready, ReadyList
from connector.domain.ids import AnnotationId, QueueId
from connector.errors import NotOurs
from connector.rossum import requests, wire
from connector.rossum.answer import Answer
from connector.rossum.fields import id_of, text_or_none
from connector.rossum.session import Session

#: How often a long list is read at most.
READINGS = 5
#: How many pages are read at most: 10,000 annotations, more than people open.
MOST_PAGES = 100
#: How long (seconds) an answer is good for at least: several applications that poll cost no more than one. One that
#: took longer is good for as long as it took, or a long list would be read without a pause.
FRESH = 1.0

#: What an annotation becomes by `start_embedded`, whose answer does not tell.
_STARTED = "reviewing"


class Embedding:
    """See the module; used as `async with`.

    Args:
        session: The connector's own, which reads.
        user: Of the user whose tokens go into the URLs, where that is another.
        clock: Tells how old an answer is.
        most_pages: How many pages of a list are read.
    """

    def __init__(self, session: Session, user: Session | None, *, clock: Clock, most_pages: int = MOST_PAGES) -> None:
        self._session = session
        self._most_pages = most_pages
        self._user = user
        self._clock = clock
        self._stack = AsyncExitStack()
        self._lists: dict[QueueId, tuple[float, ReadyList]] = {}
        self._readings: dict[QueueId, asyncio.Task[ReadyList]] = {}

    async def __aenter__(self) -> Self:
        if self._user is not None:
            await self._stack.enter_async_context(self._user)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        readings = [*self._readings.values()]
        for reading in readings:
            reading.cancel()
        await asyncio.gather(*readings, return_exceptions=True)
        await self._stack.aclose()

    async def queue_of(self, annotation: AnnotationId) -> QueueId | None:
        """The queue that an annotation is in now; None when our own credentials see no such annotation.

        Raises:
            NotOurs: Rossum refuses us.
            Retryable: It does not answer.
        """
        answer = await self._session.ask_or_none(requests.annotation(annotation))
        return None if answer is None else wire.read_annotation(answer).queue

    async def url(self, order: EmbeddedOrder) -> EmbeddedUrl:
        """A URL that opens an annotation in the validation screen.

        Raises:
            Rejected: Its status does not allow that, somebody else reviews it, or Rossum refuses an option.
            NotOurs: There is no such annotation, or the user may not do that.
            Retryable: Rossum does not answer; asking again is harmless.
        """
        call = requests.embedded_url(order.annotation, orjson.dumps(order.options), start=order.start)
        try:
            answer = await (self._user or self._session).ask(call)
        except NotOurs as error:
            raise self._explained(error, start=order.start) from error
        data = answer.data if isinstance(answer.data, Mapping) else {}
        url = data.get("url")
        if not isinstance(url, str) or not url.startswith(("https://", "http://")):
            raise answer.senseless("an embedded URL that is none")
        return EmbeddedUrl(url, text_or_none(data.get("status")) or (_STARTED if order.start else "unknown"))

    async def check_user(self) -> None:
        """Make sure that Rossum knows the user of the URLs; raises as `url` does."""
        try:
            await (self._user or self._session).ask(requests.current_user())
        except NotOurs as error:
            raise self._explained(error, start=False) from error

    def _explained(self, error: NotOurs, *, start: bool) -> NotOurs:
        """The same with the setting to look at, where it is one of embedded mode's own."""
        if self._user is not None and error.http_status == HTTPStatus.UNAUTHORIZED:
            advice = "Rossum refuses the user of embedded URLs: check EMBEDDED__TOKEN, or its user name and password"
            return NotOurs(advice, http_status=error.http_status)
        if self._user is None and error.http_status == HTTPStatus.FORBIDDEN and start:
            advice = "admins may not start a review in embedded mode: set EMBEDDED__TOKEN, of an annotator_embedded"
            return NotOurs(f"{error}; {advice}", http_status=error.http_status)
        return error

    async def ready(self, queue: QueueId) -> ReadyList:
        """The annotations of a queue that a person can open now; who asks meanwhile shares the answer.

        Raises:
            NotOurs: Rossum refuses us.
            Retryable: It does not answer.
        """
        good_until, known = self._lists.get(queue, (float("-inf"), None))
        if known is not None and self._clock.monotonic() < good_until:
            return known
        reading = self._readings.get(queue)
        if reading is None:
            reading = self._readings[queue] = asyncio.create_task(self._read(queue))
            reading.add_done_callback(lambda ended: self._forget(queue, ended))
        return await asyncio.shield(reading)

    def _forget(self, queue: QueueId, reading: asyncio.Task[ReadyList]) -> None:
        del self._readings[queue]
        if not reading.cancelled():
            # Who asked may have gone; its error is nobody's then.
            reading.exception()

    async def _read(self, queue: QueueId) -> ReadyList:
        started = self._clock.monotonic()
        found: dict[AnnotationId, Ready] = {}
        complete = False
        for _ in range(READINGS):
            before = len(found)
            pages = await self._read_once(queue, found)
            complete = pages == 1 or len(found) == before
            if complete or pages > self._most_pages:
                break
        ready = tuple(sorted(found.values(), key=lambda one: (one.annotation.document or 0, one.annotation.id)))
        answer = ReadyList(ready, complete, self._session.time.now())
        ended = self._clock.monotonic()
        self._lists[queue] = (ended + max(FRESH, ended - started), answer)
        return answer

    async def _read_once(self, queue: QueueId, found: dict[AnnotationId, Ready]) -> int:
        """Add what the pages show; how many there were, or one more than are read."""
        page = 1
        while page <= self._most_pages:
            answer = await self._session.ask_page(requests.ready_page(queue, page), page)
            if answer is None:
                return page
            found |= {one.annotation.id: one for one in _ready(answer)}
            if not wire.has_more(answer):
                return page
            page += 1
        return page


def _ready(answer: Answer) -> list[Ready]:
    """The annotations of one page, each with its document; an unreadable one spoils it, since nobody would miss it."""
    readings = wire.read_annotations(answer)
    if len(readings) != len(answer.data["results"]):
        raise answer.senseless("an annotation that can't be read")
    documents = {id_of(item.get("id")): item for item in _sideloaded(answer.data.get("documents"))}
    return [_with_document(Ready(reading), documents) for reading in readings.values()]


def _sideloaded(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _with_document(one: Ready, documents: Mapping[int | None, Mapping[str, Any]]) -> Ready:
    shown = documents.get(one.annotation.document, {}) if one.annotation.document is not None else {}
    return Ready(one.annotation, text_or_none(shown.get("url")), text_or_none(shown.get("original_file_name")))
