"""What documents in Rossum contain, by hash and size: streamed once each, since a content never changes."""

import asyncio
import hashlib
from collections import OrderedDict

from connector.domain.readings import ContentReading
from connector.rossum.requests import document_content
from connector.rossum.session import Session

#: Contents remembered: enough for a crowd of look-ups, two megabytes.
REMEMBERED = 10_000


class Contents:
    """See the module."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._known: OrderedDict[str, ContentReading] = OrderedDict()
        # One at a time: several look-ups may want the same document, and none of them is urgent.
        self._reading = asyncio.Lock()

    async def read(self, url: str) -> ContentReading | None:
        """Hash and size of a document's content; None when it is gone.

        Raises:
            Retryable, NotOurs: Rossum can't tell now.
        """
        async with self._reading:
            if url in self._known:
                self._known.move_to_end(url)
                return self._known[url]
            found = await self._read(url)
            if found is not None:
                self._known[url] = found
                if len(self._known) > REMEMBERED:
                    self._known.popitem(last=False)
            return found

    async def _read(self, url: str) -> ContentReading | None:
        digest, size = hashlib.sha256(), 0

        def take(piece: bytes) -> None:
            nonlocal size
            digest.update(piece)
            size += len(piece)

        answer = await self._session.ask_or_none(document_content(url), sink=take)
        return None if answer is None else ContentReading(digest.hexdigest(), size)
