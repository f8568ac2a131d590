"""How a replay goes about it: some annotations at once, no faster than it may, and nothing in a dry run."""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from connector.contracts.envelope import Event
from connector.domain.ids import AnnotationId, QueueId, annotation_entity
from connector.domain.messages import Hint
from connector.domain.readings import AnnotationReading, DocumentReading, ExportReading, Listing, ListingPage
from connector.domain.rows import AnnotationRow
from connector.kafka.restore import RowSink
from connector.ports import Lane
from connector.replay.rebuilding import CAPTURED, Fate, Rebuilding, Step
from connector.replay.replayer import Replayer, Sources
from tests.support.virtual_clock import VirtualClock
from tests.unit.audit.evidence_of import QUEUE, at, clock
from tests.unit.replay.test_rebuilding import RULES

REVISION = {"exported_at": clock(10)}
KNOWN, UNKNOWN = 250, 50


@dataclass(slots=True)
class Rossum:
    """Has exported every annotation; counts what it is asked."""

    calls: list[int] = field(default_factory=list)

    async def list_annotations(self, listing: Listing, *, lane: Lane = Lane.SWEEPS) -> ListingPage:
        """Nothing is listed here."""
        del listing, lane
        return ListingPage((), 0, more=False, at=at(0))

    async def annotations(
        self, ids: Collection[AnnotationId], *, lane: Lane = Lane.READS
    ) -> Mapping[AnnotationId, AnnotationReading]:
        """All of them."""
        assert lane is Lane.OPS
        self.calls.append(len(ids))
        return {i: AnnotationReading(i, "url", "exported", QUEUE, None, REVISION, at(20)) for i in ids}

    async def exports(self, queue: QueueId, ids: Collection[AnnotationId]) -> Mapping[AnnotationId, ExportReading]:
        """All of them."""
        return {i: ExportReading(i, "url", "exported", queue, at(20), [], exported_at=clock(10)) for i in ids}

    async def children(self, document: int) -> Sequence[DocumentReading]:
        """Nothing was split."""
        del document
        return ()


class Ledger:
    """Two partitions; knows the first annotations."""

    async def partitions(self) -> int:
        """Two."""
        return 2

    async def fold(self, partition: int, sink: RowSink) -> None:
        """Every row of it, whatever the partition: a replay keeps what it wants."""
        published = {"annotation.captured:exported": clock(10)}
        row = AnnotationRow("exported", "key", published=published, captures={"exported": (clock(10),)})
        rows = {annotation_entity(AnnotationId(i)): row for i in range(1, KNOWN + 1)}
        sink.apply(rows, ledger_end=partition + KNOWN)


@dataclass(slots=True)
class Written:
    """What was written, and when (seconds)."""

    clock: VirtualClock
    events: list[tuple[float, Event]] = field(default_factory=list)
    hints: list[Hint] = field(default_factory=list)

    async def publish(self, events: Iterable[Event]) -> None:
        """Take events."""
        self.events += [(self.clock.monotonic(), event) for event in events]

    async def ask(self, hints: Sequence[Hint]) -> None:
        """Take hints."""
        self.hints += hints


class Nobody:
    """Who is told of progress."""

    def begin(self, what: str, total: int | None = None) -> None:
        """Nobody listens."""
        del what, total

    def step(self, count: int = 1) -> None:
        """Likewise."""
        del count


async def replay(
    written: Written, *, write: bool = True, rate: float | None = None, elsewhere: bool = False, count: int = KNOWN
) -> tuple[list[Step], Rossum]:
    """All steps of a replay of the first annotations."""
    rossum = Rossum()
    sources = Sources(rossum, Ledger(), written.clock, Nobody())
    replayer = Replayer(
        sources,
        Rebuilding("replay-1", (CAPTURED,), RULES),
        written if write else None,
        rate=rate,
        to_elsewhere=elsewhere,
    )

    async def all_steps() -> list[Step]:
        return [step async for step in replayer.run([AnnotationId(i) for i in range(1, count + 1)])]

    running = asyncio.create_task(all_steps())
    for _ in range(count):
        await written.clock.advance(1)
        if running.done():
            break
    return await running, rossum


async def test_annotations_are_read_a_hundred_at_a_time() -> None:
    """One call of the list for each hundred of a partition, not one for each annotation."""
    written = Written(VirtualClock())

    steps, rossum = await replay(written)

    assert len(steps) == len(written.events) == KNOWN
    assert len(rossum.calls) <= KNOWN // 100 + 2
    assert max(rossum.calls) <= 100


async def test_the_rate_is_kept() -> None:
    """In any second that many events, and a tenth more at most: they go out in small groups."""
    written = Written(VirtualClock())

    await replay(written, rate=20)

    times = [time for time, _ in written.events]
    assert len(times) == KNOWN
    assert all(sum(start <= time < start + 1 for time in times) <= 22 for start in times)
    assert times[-1] >= KNOWN / 20 - 1


async def test_a_dry_run_tells_everything_and_writes_nothing() -> None:
    """The same steps."""
    dry, real = Written(VirtualClock()), Written(VirtualClock())

    told, _ = await replay(dry, write=False, count=KNOWN + UNKNOWN)
    done, _ = await replay(real, count=KNOWN + UNKNOWN)

    assert [(s.annotation, s.fate) for s in told] == [(s.annotation, s.fate) for s in done]
    assert (dry.events, dry.hints) == ([], [])
    assert (len(real.events), len(real.hints)) == (KNOWN, UNKNOWN)


async def test_owners_are_not_asked_when_events_go_elsewhere() -> None:
    """They publish to the public topics only."""
    written = Written(VirtualClock())

    steps, _ = await replay(written, elsewhere=True, count=KNOWN + UNKNOWN)

    assert len(written.events) == KNOWN
    assert written.hints == []
    assert sum(step.fate is Fate.UNPUBLISHED for step in steps) == UNKNOWN
