"""Exports a fixed set by explicit ids, chunk by chunk, whatever happens to the annotations meanwhile."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO, Protocol

from connector.clock import Clock
from connector.domain.ids import AnnotationId, QueueId
from connector.errors import Fatal, Retryable
from connector.export.choice import Asked, why_not
from connector.export.folder import Fetched, Folder, chunks
from connector.export.forms import Form, Params, Part, Unreadable
from connector.export.whole_file import whole_file
from connector.ports import Lane
from connector.progress import Progress
from connector.window_listing import PAUSE, TRIES, patiently

#: Ids of one call: Rossum's largest page.
IDS_A_CALL = 100
#: The same where the call returns only after each of them went through all its export hooks.
IDS_MOVED_AT_ONCE = 20
#: Ids of a second call for what the first left out; Rossum gives so many without being told a page's size.
IDS_ASKED_AGAIN = 20
#: Calls under way at once: enough to hide their latency from the budget.
CALLS_AT_ONCE = 4
#: A part that is larger (bytes) is asked for in halves: one part is read into memory at a time.
LARGEST_PART = 32 * 1024 * 1024
#: Statuses of what an export has moved, or somebody else has.
MOVED = frozenset({"exporting", "exported", "failed_export"})


class Exports(Asked, Protocol):
    """The part of Rossum that exports."""

    async def export_file(self, queue: QueueId, ids: Collection[AnnotationId], params: Params, sink: "Sink") -> None:
        """The captured data of `ids`, into `sink`."""

    async def move(
        self, queue: QueueId, ids: Collection[AnnotationId], *, statuses: Collection[str], to_status: str
    ) -> frozenset[AnnotationId]:
        """Those of `ids` that were in one of `statuses` and are moved now."""


class Sink(Protocol):
    """Takes the pieces of an answer."""

    def __call__(self, piece: bytes, /) -> object:
        """The next piece."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to export.

    Attributes:
        to_status: `exporting` or `exported` to move what is exported there first, None to change nothing.
        movable: Statuses from which annotations may be moved.
    """

    queue: QueueId
    form: Form
    to_status: str | None = None
    movable: frozenset[str] = frozenset()


class _TooLarge(Exception):
    """A part outgrew what is read into memory at once."""


class Job:
    """One export.

    Args:
        folder: Holds the fixed set and takes the parts; what is there already is not fetched again.
        largest_part: Bytes of a part above which it is asked for in halves.
    """

    def __init__(  # noqa: PLR0913 - all that an export touches
        self,
        rossum: Exports,
        clock: Clock,
        order: Order,
        *,
        folder: Folder,
        progress: Progress,
        largest_part: int = LARGEST_PART,
    ) -> None:
        self._rossum = rossum
        self._clock = clock
        self._order = order
        self._folder = folder
        self._progress = progress
        self._largest_part = largest_part
        self._slots = asyncio.Semaphore(CALLS_AT_ONCE)

    async def run(self) -> None:
        """Fetch all that is not there yet.

        Raises:
            ExceptionGroup: Of `Retryable` (Rossum does not answer), `NotOurs` or `Fatal` (the disk is full).
        """
        size = IDS_MOVED_AT_ONCE if self._order.to_status == "exported" else IDS_A_CALL
        todo = chunks(self._folder.state.ids, size)
        self._progress.begin("annotations exported", len(self._folder.state.ids))
        async with asyncio.TaskGroup() as tasks:
            for number, ids in enumerate(todo):
                tasks.create_task(self._chunk(number, ids))

    def parts(self) -> list[Part]:
        """All parts in the order of the set; to be asked for after :meth:`run`."""
        return [part for fetched in self._all_fetched() for part in fetched.parts if part.ids]

    def left_out(self) -> dict[AnnotationId, str]:
        """Annotations of the set that are not in the parts, with the reason."""
        left_out = dict(self._folder.state.left_out)
        for fetched in self._all_fetched():
            left_out.update(fetched.left_out)
        return left_out

    def _all_fetched(self) -> list[Fetched]:
        found: list[Fetched] = []
        while (fetched := self._folder.fetched(len(found))) is not None:
            found.append(fetched)
        return found

    async def _chunk(self, number: int, ids: Sequence[AnnotationId]) -> None:
        async with self._slots:
            if self._folder.fetched(number) is None:
                left_out = await self._move(ids)
                wanted = [one for one in ids if one not in left_out]
                parts = await self._fetch(number, wanted, [])
                missing = _missing(wanted, parts)
                for again in chunks(missing, IDS_ASKED_AGAIN):
                    parts = await self._fetch(number, again, parts)
                left_out = {**left_out, **await self._reasons(_missing(wanted, parts))}
                self._folder.finish(number, Fetched(tuple(parts), left_out))
            self._progress.step(len(ids))

    async def _move(self, ids: Sequence[AnnotationId]) -> Mapping[AnnotationId, str]:
        """Move them where that is wanted; those that could not be, with the reason.

        What was moved by a call whose answer got lost is not in the next answer, so that its status is asked for;
        where that is still one to move from, Rossum's list may lag, and both are done again.
        """
        if self._order.to_status is None:
            return {}
        self._folder.begin_moving()
        others = ids
        for tries_left in reversed(range(TRIES)):
            moved = await patiently(partial(self._moved, others), self._clock)
            others = [one for one in others if one not in moved]
            left_out, in_doubt = await self._unmoved(others)
            if not (in_doubt and tries_left):
                break
            await self._clock.sleep(PAUSE)
        return left_out

    async def _moved(self, ids: Sequence[AnnotationId]) -> frozenset[AnnotationId]:
        order = self._order
        return await self._rossum.move(order.queue, ids, statuses=order.movable, to_status=order.to_status or "")

    async def _unmoved(self, ids: Sequence[AnnotationId]) -> tuple[Mapping[AnnotationId, str], bool]:
        """Those of what no call moved that are not moved, with the reason; and whether that is in doubt."""
        if not ids:
            return {}, False
        readings = await patiently(partial(self._rossum.annotations, ids, lane=Lane.OPS), self._clock)
        gone = {one: reason for one in ids if (reason := why_not(readings.get(one), self._order.queue))}
        kept = {one: readings[one].status for one in ids if one not in gone and readings[one].status not in MOVED}
        in_doubt = any(status in self._order.movable for status in kept.values())
        return {**gone, **{one: f"was not moved: it is {status} now" for one, status in kept.items()}}, in_doubt

    async def _fetch(self, number: int, ids: Sequence[AnnotationId], parts: list[Part]) -> list[Part]:
        """The parts so far and those of `ids`: one, or more where one would be too large."""
        if not ids:
            return parts
        path = self._folder.new_file(number, len(parts))
        try:
            found = await patiently(partial(self._download, ids, path), self._clock)
        except _TooLarge:
            middle = len(ids) // 2
            return await self._fetch(number, ids[middle:], await self._fetch(number, ids[:middle], parts))
        return [*parts, Part(path, tuple(one for one in ids if one in found))]

    async def _download(self, ids: Sequence[AnnotationId], path: Path) -> frozenset[AnnotationId]:
        order = self._order
        with whole_file(path) as file:
            size = 0

            def sink(piece: bytes, /) -> None:
                nonlocal size
                size += len(piece)
                if size > self._largest_part and len(ids) > 1:
                    raise _TooLarge
                _put(file, piece)

            await self._rossum.export_file(order.queue, ids, order.form.params, sink)
        try:
            return order.form.found(path)
        except Unreadable as error:
            raise Retryable(f"Rossum's export makes no sense: {error}; try again later") from error

    async def _reasons(self, missing: Sequence[AnnotationId]) -> Mapping[AnnotationId, str]:
        """Why Rossum leaves them out, as far as it tells."""
        if not missing:
            return {}
        readings = await patiently(partial(self._rossum.annotations, missing, lane=Lane.OPS), self._clock)
        return {
            one: why_not(readings.get(one), self._order.queue)
            or f"is {readings[one].status}, but Rossum's export leaves it out"
            for one in missing
        }


def _put(file: BinaryIO, piece: bytes) -> None:
    """Write, and tell a full disk from a broken connection: both are OSErrors to whoever reads the answer."""
    try:
        file.write(piece)
    except OSError as error:
        raise Fatal(f"cannot write a part of the export: {error.strerror}") from error


def _missing(wanted: Sequence[AnnotationId], parts: Sequence[Part]) -> list[AnnotationId]:
    found = {one for part in parts for one in part.ids}
    return [one for one in wanted if one not in found]
