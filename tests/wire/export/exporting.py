"""Exports of the real client against the real simulator, step by step."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from connector.clock import SystemClock
from connector.domain.ids import AnnotationId, QueueId, format_clock
from connector.domain.readings import AnnotationReading, Listing, ListingPage
from connector.export.choice import Choice, FixedSet, Span, fixed_set
from connector.export.folder import Folder, State
from connector.export.forms import Form, Params
from connector.export.job import Exports, Job, Order, Sink
from connector.export.json_form import JsonForm
from connector.export.whole_file import whole_file
from connector.ports import Lane
from connector.rossum.client import RossumClient
from tests.wire.rossum.client_harness import QUEUE

START, END = datetime.fromisoformat("2026-05-01T00:00:00Z"), datetime.fromisoformat("2026-05-01T01:00:00Z")
#: When `Side.finished` is to make annotations of the window.
INSIDE = {"from": START.timestamp() + 1, "to": END.timestamp() - 1}


class Silent:
    """Progress that nobody sees."""

    def begin(self, what: str, total: int | None = None) -> None:
        """A stage."""

    def step(self, count: int = 1) -> None:
        """Some steps."""


class Hasty(SystemClock):
    """Does not wait long before something is tried again."""

    async def sleep(self, seconds: float) -> None:
        """A hundredth of it."""
        await super().sleep(seconds / 100)


@dataclass
class Disturbed:
    """Rossum, with something happening in it before each call."""

    client: RossumClient
    disturb: Callable[[], Awaitable[object]]

    async def list_annotations(self, listing: Listing, *, lane: Lane = Lane.SWEEPS) -> ListingPage:
        """As the client."""
        await self.disturb()
        return await self.client.list_annotations(listing, lane=lane)

    async def annotations(
        self, ids: Collection[AnnotationId], *, lane: Lane = Lane.READS
    ) -> Mapping[AnnotationId, AnnotationReading]:
        """As the client."""
        await self.disturb()
        return await self.client.annotations(ids, lane=lane)

    async def export_file(self, queue: QueueId, ids: Collection[AnnotationId], params: Params, sink: Sink) -> None:
        """As the client."""
        await self.disturb()
        await self.client.export_file(queue, ids, params, sink)

    async def move(
        self, queue: QueueId, ids: Collection[AnnotationId], *, statuses: Collection[str], to_status: str
    ) -> frozenset[AnnotationId]:
        """As the client."""
        await self.disturb()
        return await self.client.move(queue, ids, statuses=statuses, to_status=to_status)


@dataclass
class Export:
    """One export and what it came to."""

    folder: Path
    rossum: Exports
    form: Form = field(default_factory=JsonForm)
    statuses: frozenset[str] = frozenset()
    to_status: str | None = None
    more: dict[str, Any] = field(default_factory=dict)

    async def chosen(self, *ids: int, clock: str = "exported_at") -> FixedSet:
        """The set by ids, or by the window."""
        span = None if ids else Span(clock, format_clock(START), format_clock(END))
        choice = Choice(QUEUE, span, tuple(AnnotationId(number) for number in ids), self.statuses)
        return await fixed_set(choice, self.rossum, Hasty(), Silent())

    async def fetched(self, found: FixedSet) -> Job:
        """Fetch what is chosen, or what is not there yet of it."""
        state = State({}, tuple(found.statuses), tuple(found.statuses.values()), found.left_out, "")
        folder = Folder.make(self.folder, state)
        order = Order(QUEUE, self.form, self.to_status, self.statuses)
        job = Job(self.rossum, Hasty(), order, folder=folder, progress=Silent(), **self.more)
        await job.run()
        return job

    def elements(self, job: Job) -> list[dict[str, Any]]:
        """The elements of the JSON that comes out."""
        path = self.folder / "export.json"
        with whole_file(path) as file:
            self.form.write(job.parts(), file)
        results: list[dict[str, Any]] = orjson.loads(path.read_bytes())["results"]
        return results

    def numbers(self, job: Job) -> list[int]:
        """Their ids."""
        return [int(element["url"].rpartition("/")[2]) for element in self.elements(job)]
