"""Documents small enough to be held whole while they wait for others to go up with."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

from connector.ports import FetchedDocument

#: Bytes of the largest document that waits for others: with larger ones the line is busy, not the number of calls.
LARGEST = 4_000_000
#: Bytes that a process holds at once; what finds no room goes up alone, as a stream.
ROOM = 64_000_000


@dataclass(slots=True)
class Room:
    """Memory (bytes) that the documents of one process share while they wait."""

    free: int = ROOM

    def take(self, size: int) -> bool:
        """Whether there is so much; it is taken then."""
        if size > self.free:
            return False
        self.free -= size
        return True

    def give(self, size: int) -> None:
        """Give it back."""
        self.free += size


@dataclass(frozen=True, slots=True)
class Held:
    """A document that was read to its end.

    Attributes:
        taken: Bytes of the room that it was given, which may be more than it has.
    """

    file_name: str | None
    content_type: str
    content: bytes = field(repr=False)
    sha256: str
    taken: int

    def opened(self) -> FetchedDocument:
        """It as a source gives documents."""

        async def whole() -> AsyncIterator[bytes]:
            yield self.content

        return FetchedDocument(
            file_name=self.file_name,
            content_type=self.content_type,
            single=True,
            size=len(self.content),
            chunks=whole(),
            sha256=lambda: self.sha256,
        )


async def hold(document: FetchedDocument, room: Room) -> Held | FetchedDocument:
    """The document, read to its end; as a stream, nothing of it lost, where it is not fit for going up with others.

    Only kinds that hold a single document are: of any other several annotations may come, with names of their own.

    Raises:
        Rejected, Retryable: From its source.
    """
    wanted = LARGEST if document.size is None else document.size
    if not document.single or wanted > LARGEST or not room.take(wanted):
        return document
    content = bytearray()
    try:
        async for chunk in document.chunks:
            content += chunk
            if len(content) > wanted:
                room.give(wanted)
                return replace(document, chunks=_followed(bytes(content), document.chunks))
    except BaseException:
        room.give(wanted)
        raise
    return Held(document.file_name, document.content_type, bytes(content), document.sha256(), wanted)


async def _followed(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in rest:
        yield chunk
