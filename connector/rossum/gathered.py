"""Tells which import an annotation belongs to that went up with others, and which metadata is its own.

All of them carry the mark of the whole upload; the name of an annotation's document says which part of it is its own.
Names never change, so each document is asked for once, a hundred in a call.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from connector.domain.file_names import sign_of
from connector.domain.ids import AnnotationId, DocumentId
from connector.domain.readings import AnnotationReading, DocumentReading, ExportReading, GatherMark
from connector.ports import Lane

#: Documents whose name is remembered.
_REMEMBERED = 20_000
#: How far up a document's parents are followed: parts of a split may keep the mark, but not the name.
_GENERATIONS = 4

ReadDocument = Callable[[DocumentId], Awaitable[DocumentReading | None]]
ReadDocuments = Callable[[Collection[DocumentId], Lane], Awaitable[Mapping[DocumentId, DocumentReading]]]
R = TypeVar("R", AnnotationReading, ExportReading)


@dataclass(frozen=True, slots=True)
class _Named:
    name: str
    parent: DocumentId | None


class GatheredMarks:
    """See the module.

    Args:
        read: Those of some documents that the document list shows.
        read_one: One document as it is now, which lists may show only later; None when it is gone.
    """

    def __init__(self, read: ReadDocuments, read_one: ReadDocument) -> None:
        self._read = read
        self._read_one = read_one
        self._known: OrderedDict[DocumentId, _Named] = OrderedDict()

    async def told(self, readings: Mapping[AnnotationId, R], lane: Lane) -> dict[AnnotationId, R]:
        """The readings with their own marks.

        Those whose document Rossum does not show yet are left out, as if it did not show them either: without a mark
        they would be taken for strangers.

        Raises:
            Retryable, NotOurs: Rossum can't tell now.
        """
        await self._learn({d for r in readings.values() if (d := _asked(r)) is not None}, lane)
        return {number: self._with_mark(r) for number, r in readings.items() if self._is_clear(r)}

    async def told_as_it_is(self, reading: AnnotationReading, lane: Lane) -> AnnotationReading:
        """One reading, with its own mark if its document is there at all, whatever lists show."""
        document = _asked(reading)
        if document is not None:
            await self._learn({document}, lane)
            await self._learn_each(document)
        return self._with_mark(reading)

    async def _learn(self, documents: set[DocumentId], lane: Lane) -> None:
        for _ in range(_GENERATIONS):
            unknown = documents - self._known.keys()
            if unknown:
                for document in (await self._read(unknown, lane)).values():
                    self._note(document)
            parents = (self._known[d].parent for d in documents if d in self._known)
            documents = {parent for parent in parents if parent is not None}
            if not documents:
                break
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)

    async def _learn_each(self, document: DocumentId | None) -> None:
        """Ask for a document and its parents by themselves, where no list has shown them: only a 404 means gone."""
        for _ in range(_GENERATIONS):
            if document is None:
                return
            if document not in self._known:
                found = await self._read_one(document)
                if found is None:
                    return
                self._note(found)
            document = self._known[document].parent

    def _note(self, document: DocumentReading) -> None:
        self._known[document.id] = _Named(document.file_name, document.parent)

    def _is_clear(self, reading: AnnotationReading | ExportReading) -> bool:
        document = _asked(reading)
        return document is None or document in self._known

    def _with_mark(self, reading: R) -> R:
        if reading.gathered is None or reading.mark is not None:
            return reading
        sign = self._sign(reading.gathered, reading.document)
        if sign is None:
            return reading
        # What somebody has written there since is newer than what came with the upload.
        metadata = {**reading.gathered.own.get(sign, {}), **reading.metadata}
        return replace(reading, mark=reading.gathered.members[sign], metadata=metadata)

    def _sign(self, gathered: GatherMark, document: DocumentId | None) -> str | None:
        """Of the document or the nearest of its parents that is a member."""
        for _ in range(_GENERATIONS):
            named = self._known.get(document) if document is not None else None
            if named is None:
                return None
            if (sign := sign_of(named.name)) in gathered.members:
                return sign
            document = named.parent
        return None


def _asked(reading: AnnotationReading | ExportReading) -> DocumentId | None:
    """The document whose name is wanted."""
    return reading.document if reading.gathered is not None and reading.mark is None else None
