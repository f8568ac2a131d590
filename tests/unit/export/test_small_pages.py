"""A Rossum whose pages are smaller than ours: nobody says how large they are in every form."""

from collections.abc import Collection, Mapping
from pathlib import Path

import orjson

from connector.domain.ids import AnnotationId, QueueId
from connector.domain.readings import AnnotationReading, Listing, ListingPage
from connector.export.folder import Folder, State
from connector.export.forms import Params
from connector.export.job import Job, Order, Sink
from connector.export.json_form import JsonForm
from connector.ports import Lane
from tests.support.virtual_clock import VirtualClock
from tests.unit.export.parts import url

PAGE = 20
IDS = tuple(AnnotationId(number) for number in range(1, 151))


class SmallPages:
    """Gives the first 20 of what is asked for, and says nothing of the rest."""

    def __init__(self) -> None:
        self.calls = 0

    async def export_file(self, queue: QueueId, ids: Collection[AnnotationId], params: Params, sink: Sink) -> None:
        """A page of JSON."""
        assert (queue, params[0]) == (QueueId(8198), ("format", "json"))
        self.calls += 1
        sink(orjson.dumps({"results": [{"url": url(number)} for number in list(ids)[:PAGE]]}))

    async def move(
        self, queue: QueueId, ids: Collection[AnnotationId], *, statuses: Collection[str], to_status: str
    ) -> frozenset[AnnotationId]:
        """Nobody asks."""
        raise AssertionError((queue, ids, statuses, to_status))

    async def annotations(
        self, ids: Collection[AnnotationId], *, lane: Lane = Lane.READS
    ) -> Mapping[AnnotationId, AnnotationReading]:
        """Nobody asks."""
        raise AssertionError((ids, lane))

    async def list_annotations(self, listing: Listing, *, lane: Lane = Lane.SWEEPS) -> ListingPage:
        """Nobody asks."""
        raise AssertionError((listing, lane))


class Counted:
    """Progress as numbers."""

    def __init__(self) -> None:
        self.stages: list[tuple[str, int | None]] = []
        self.steps = 0

    def begin(self, what: str, total: int | None = None) -> None:
        """A stage."""
        self.stages.append((what, total))

    def step(self, count: int = 1) -> None:
        """Some steps."""
        self.steps += count


async def test_what_a_page_leaves_out_is_asked_for_again(tmp_path: Path) -> None:
    """In portions that such a page has room for; nothing is left out, and the progress comes to its end."""
    rossum, progress = SmallPages(), Counted()
    folder = Folder.make(tmp_path / "x.partial", State({}, IDS, ("exported",) * len(IDS), {}, ""))
    job = Job(rossum, VirtualClock(), Order(QueueId(8198), JsonForm()), folder=folder, progress=progress)

    await job.run()

    assert sorted(number for part in job.parts() for number in part.ids) == list(IDS)
    assert job.left_out() == {}
    assert rossum.calls == 1 + 4 + 1 + 2
    assert (progress.stages, progress.steps) == ([("annotations exported", 150)], 150)
