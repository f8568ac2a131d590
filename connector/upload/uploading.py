"""Uploads files one by one, a few at once; what became of one that ended in the dark is looked up, never repeated."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import uuid4

from connector.clock import Clock
from connector.contracts.arrivals import FileSource, Source
from connector.domain.ids import AnnotationId, ImportId, QueueId
from connector.domain.readings import AnnotationReading, DocumentReading, Mark, UploadRequest
from connector.errors import Ambiguous, Identical, NotOurs, Rejected, Retryable, Throttled
from connector.ports import FetchedDocument, Lane, UploadGate
from connector.progress import Progress
from connector.upload.local_files import LocalFile
from connector.upload.outcomes import Fate, Sent
from connector.upload.stopping import sleep_unless

#: Uploads under way at once: the budget is what limits them.
UPLOADS_AT_ONCE = 4
#: Pauses before a file that certainly did not arrive is sent again (seconds).
SEND_AGAIN_AFTER = (1.0, 3.0, 10.0)
#: Pauses between looks for an upload that nobody answered (seconds): some two minutes in all.
LOOK_AGAIN_AFTER = (2.0, 5.0, 10.0, 15.0, 30.0, 60.0)
#: How long Rossum may take to answer what it has got whole when a person wants to stop (seconds).
GRACE = 10.0
#: How far the creation window of such a look reaches back and forward.
MARGIN, REACH = timedelta(seconds=5), timedelta(hours=1)
_LATER = "look for it in Rossum before you import it again"
_INTERRUPTED = "interrupted before it was sent whole"


class Rossum(Protocol):
    """The part of Rossum that takes documents, and tells which it has."""

    async def upload(self, request: UploadRequest, chunks: AsyncIterator[bytes], *, gate: UploadGate) -> str:
        """Import one document; the URL of its task."""

    async def find_documents(
        self, *, file_name: str | None, after: datetime, before: datetime
    ) -> Sequence[DocumentReading]:
        """Documents created in the window."""

    async def annotations(
        self, ids: Collection[AnnotationId], *, lane: Lane = Lane.READS
    ) -> Mapping[AnnotationId, AnnotationReading]:
        """Those of `ids` that the annotation list shows."""

    async def server_time(self) -> datetime:
        """Rossum's time."""

    def now(self) -> datetime:
        """Rossum's time as far as it is known."""


class Documents(Protocol):
    """Opens files."""

    def open(self, source: Source) -> AbstractAsyncContextManager[FetchedDocument]:
        """The document of `source`, open."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where documents go, and with what.

    Attributes:
        metadata: For all annotations, beside our mark.
        values: For fields of the schema, keys `upload:<id>`.
        skip_identical: Whether Rossum was asked to refuse what it has under the same name and content.
    """

    queue: QueueId
    metadata: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    skip_identical: bool = False


class _StoppedError(Exception):
    """A person wants to stop, and this document is not in Rossum yet."""


class Uploading:
    """Brings files to one queue.

    Args:
        stop: Once it is set, nothing more is sent: what has not arrived whole is broken off.
    """

    def __init__(  # noqa: PLR0913 - all that an upload touches
        self,
        rossum: Rossum,
        documents: Documents,
        clock: Clock,
        *,
        destination: Destination,
        stop: asyncio.Event,
        progress: Progress,
    ) -> None:
        self._rossum = rossum
        self._documents = documents
        self._clock = clock
        self._destination = destination
        self._stop = stop
        self._progress = progress
        self._slots = asyncio.Semaphore(UPLOADS_AT_ONCE)
        self._whole: set[ImportId] = set()
        self._refusal: NotOurs | None = None

    async def run(self, files: Sequence[LocalFile]) -> list[Sent]:
        """Upload all of them; how each ended, in their order.

        Raises:
            NotOurs: Rossum refuses us, or the queue, before anything was sent.
        """
        await self._rossum.server_time()
        self._progress.begin("documents uploaded", len(files))
        unsent = [Sent(file, Fate.NOT_SENT, ImportId(str(uuid4()))) for file in files]
        tasks = [asyncio.create_task(self._one(one)) for one in unsent]
        await self._until_done(tasks)
        ended = [self._end_of(one, task) for one, task in zip(unsent, tasks, strict=True)]
        if self._refusal is not None and all(one.fate is Fate.NOT_SENT for one in ended):
            raise self._refusal
        return ended

    async def _until_done(self, tasks: Sequence[asyncio.Task[Sent]]) -> None:
        """Wait for them; when a person wants to stop, not for long."""
        stopping = asyncio.create_task(self._stop.wait())
        everything = asyncio.create_task(_all_ended(tasks))
        try:
            await asyncio.wait({everything, stopping}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait({everything}, timeout=GRACE)
        finally:
            stopping.cancel()
            for task in tasks:
                task.cancel()
            await asyncio.gather(everything, *tasks, return_exceptions=True)

    def _end_of(self, unsent: Sent, task: asyncio.Task[Sent]) -> Sent:
        if not task.cancelled():
            return task.result()
        if unsent.import_id in self._whole:
            return replace(unsent, fate=Fate.UNKNOWN, sentence=f"interrupted before Rossum answered; {_LATER}")
        return replace(unsent, sentence=_INTERRUPTED)

    async def _one(self, unsent: Sent) -> Sent:
        async with self._slots:
            try:
                if self._refusal is not None:
                    raise self._refusal
                return await self._patiently(unsent)
            except NotOurs as error:
                self._refusal = error
                return replace(unsent, sentence=str(error))
            finally:
                self._progress.step()

    async def _patiently(self, unsent: Sent) -> Sent:
        """Send until it is certain what became of it; being told to slow down counts for nothing."""
        pauses = list(SEND_AGAIN_AFTER)
        while not self._stop.is_set():
            started = self._rossum.now()
            try:
                return await self._send(replace(unsent, at=started))
            except _StoppedError:
                break
            except Ambiguous as error:
                return await self._resolve(replace(unsent, at=started), str(error))
            except (Identical, Rejected) as error:
                fate = Fate.IDENTICAL if isinstance(error, Identical) else Fate.FAILED
                return replace(unsent, fate=fate, sentence=str(error))
            except Throttled as error:
                await sleep_unless(self._stop, self._clock, error.retry_after)
            except Retryable as error:
                if not pauses:
                    return replace(unsent, sentence=str(error))
                await sleep_unless(self._stop, self._clock, pauses.pop(0))
        return replace(unsent, sentence=_INTERRUPTED)

    async def _send(self, unsent: Sent) -> Sent:
        destination = self._destination
        async with self._documents.open(FileSource(kind="file", path=str(unsent.file.path))) as document:
            request = UploadRequest(
                queue=destination.queue,
                file_name=document.file_name or unsent.file.path.name,
                content_type=document.content_type,
                metadata=Mark(unsent.import_id, unsent.file.key).beside(destination.metadata),
                values=destination.values,
                size=document.size,
            )
            task = await self._rossum.upload(request, self._until_stopped(unsent, document.chunks), gate=_always)
            return replace(unsent, fate=Fate.UPLOADED, single=document.single, task=task)

    async def _until_stopped(self, unsent: Sent, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """What Rossum has not got whole is certainly not imported."""
        self._whole.discard(unsent.import_id)
        async for chunk in chunks:
            if self._stop.is_set():
                raise _StoppedError
            yield chunk
        self._whole.add(unsent.import_id)

    async def _resolve(self, sent: Sent, reason: str) -> Sent:
        """Look for an upload that nobody answered by its mark; the last look does not trust the file name."""
        pauses = LOOK_AGAIN_AFTER[:1] if self._stop.is_set() else LOOK_AGAIN_AFTER
        for pause in pauses:
            await self._clock.sleep(pause)
            by_name = None if pause == pauses[-1] else sent.file.path.name
            try:
                found = await self._look(sent, by_name)
            except (Retryable, NotOurs):
                continue
            if found:
                return replace(sent, fate=Fate.UPLOADED, annotations=found)
        return replace(sent, fate=Fate.UNKNOWN, sentence=f"{reason}; {_LATER}")

    async def _look(self, sent: Sent, file_name: str | None) -> tuple[AnnotationId, ...]:
        """Annotations that carry the mark of this upload."""
        started = sent.at or self._rossum.now()
        documents = await self._rossum.find_documents(
            file_name=file_name, after=started - MARGIN, before=started + REACH
        )
        ids = {number for document in documents for number in document.annotations}
        readings = await self._rossum.annotations(ids, lane=Lane.OPS) if ids else {}
        return tuple(
            number
            for number, reading in readings.items()
            if reading.mark is not None and reading.mark.import_id == sent.import_id
        )


async def _all_ended(tasks: Sequence[asyncio.Task[Sent]]) -> bool:
    await asyncio.wait(tasks)
    return True


def _always() -> bool:
    return True
