"""A step of an import that raises what it never should ends that import, once, and nothing else."""

import asyncio
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest

from connector.contracts.arrivals import Coordinates
from connector.contracts.catalogue import TopicRole
from connector.domain.copies import copy_headers
from connector.domain.floor import FloorRow, place_of
from connector.domain.identity import Identity
from connector.domain.ids import AnnotationId, ImportId, event_namespace, import_entity
from connector.domain.messages import MarkSeen
from connector.domain.rows import AnyRow, ImportRow, ImportState
from connector.engine.import_defects import DEFECT_PAUSE
from connector.engine.import_desk import ImportDesk
from connector.engine.tickets import Ticket
from connector.ports import InnerRecord
from tests.support.virtual_clock import settle
from tests.unit.engine.forgetful_partition import FLOOR, Log, Partition, clock

ONE = ImportId("one")
ENTITY = import_entity(ONE)


class BrokenLog(Log):
    """Its reader of arrivals has a defect."""

    async def read_arrival(self, at: Coordinates) -> InnerRecord | None:
        """Raise what nobody expects."""
        raise LookupError(at)


class BrokenPolicy:
    """Settings with a defect: whichever step looks at one of them raises what nobody expects."""

    gather = None

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> object:
        """Any other setting."""
        self.asked.append(name)
        raise LookupError(name)


@dataclass
class Imports:
    """The desk of a partition, with defects."""

    rows: dict[str, AnyRow] = field(default_factory=dict)
    log: BrokenLog = field(default_factory=BrokenLog)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    policy: BrokenPolicy = field(default_factory=BrokenPolicy)

    def __post_init__(self) -> None:
        """Build it."""
        self.partition = Partition(self.rows, log=self.log)
        services = SimpleNamespace(
            rossum=self.partition,
            telemetry=self.partition.telemetry,
            identity=Identity(event_namespace(1), "https://example.test/api/v1"),
            imports=self.policy,
            clock=self.partition.time,
        )
        self.desk = ImportDesk(
            cast("Any", services),
            self.partition.view,
            self.partition.committer,
            self.log,
            spawn=lambda work: self.tasks.append(asyncio.create_task(work)),
            gate=lambda: True,
        )

    def announce(self, offset: int, held: int, *, by_reference: bool = False) -> None:
        """A copy of the arrival at that offset, which is empty or too large to be copied."""
        tracker = self.partition.trackers[TopicRole.IMPORTS]
        tracker.deliver(held, now=0)
        at = Coordinates("cluster", "arrived", 0, offset, 0)
        headers = tuple(copy_headers(at, None, [], by_reference=by_reference))
        record = InnerRecord(held, ENTITY.encode(), None, headers, 0)
        self.desk.take_copy(record, Ticket(TopicRole.IMPORTS, tracker, held, remaining=1))

    async def ended(self) -> int:
        """All is decided and committed; the offset below which all is finished."""
        committing = asyncio.create_task(self.partition.committer.run())
        await settle()
        await self.partition.time.advance(5)
        committing.cancel()
        await asyncio.gather(committing, return_exceptions=True)
        await asyncio.gather(*self.tasks)
        return self.partition.trackers[TopicRole.IMPORTS].committable

    @property
    def letters(self) -> int:
        """Dead letters on Kafka."""
        return sum(role is TopicRole.DEAD_LETTERS for batch in self.log.batches for role, _ in batch.records)

    @property
    def row(self) -> ImportRow:
        """Of the import."""
        row = self.partition.view.import_row(ENTITY)
        assert row is not None
        return row


@pytest.mark.parametrize("by_reference", [False, True], ids=["before it is kept", "as its arrival is read"])
async def test_a_copy_ends_with_one_dead_letter(*, by_reference: bool) -> None:
    """However often it was copied; its offsets are finished."""
    one = Imports()
    one.announce(5, 0, by_reference=by_reference)
    one.announce(5, 1, by_reference=by_reference)

    finished = await one.ended()

    assert (one.letters, finished) == (1, 2)
    assert (one.row.state, one.row.announced) == (ImportState.FAILED, {place_of("arrived", 0): 5})


async def test_a_generation_goes_on_above_forgotten_ones() -> None:
    """An event of the forgotten import may have had the id that generation 1 would give."""
    floor = FloorRow(clock(0), generation=3)
    one = Imports({FLOOR: floor})
    one.announce(5, 0)

    finished = await one.ended()

    assert (one.letters, finished) == (1, 1)
    assert (one.row.generation, one.row.born) == (4, 4)


async def test_a_defect_in_a_mark_leaves_the_copies_alone() -> None:
    """They wait in one mail."""
    row = ImportRow(ImportState.COMPLETED, "doc", announced={place_of("arrived", 0): 5})
    one = Imports({ENTITY: row})
    work = one.partition.trackers[TopicRole.WORK]
    work.deliver(0, now=0)
    mark = MarkSeen(ONE, AnnotationId(7), "to_review")
    one.desk.take_mark(mark, Ticket(TopicRole.WORK, work, 0, remaining=1))
    one.announce(5, 0)

    finished = await one.ended()

    assert (finished, work.committable) == (1, 1)
    assert (one.letters, one.row.state) == (0, ImportState.COMPLETED)


@pytest.mark.parametrize("state", [ImportState.COMPLETED, ImportState.FAILED])
async def test_a_timer_of_an_import_that_is_over_is_tried_again_later(state: ImportState) -> None:
    """Its twin still waits to be put away, whoever owns the partition by then."""
    row = ImportRow(state, "doc", due=clock(0), annotations={"6": "to_review"}, twins={"7": 8}, pending=(7,))
    one = Imports({ENTITY: row})
    running = [asyncio.create_task(one.desk.run()), asyncio.create_task(one.partition.committer.run())]

    await one.partition.time.advance(DEFECT_PAUSE - 1)
    early, waiting = one.policy.asked.count("on_twin"), one.row
    await one.partition.time.advance(4 * DEFECT_PAUSE)

    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    assert (early, one.policy.asked.count("on_twin")) == (1, 5)
    assert (waiting.state, waiting.pending) == (state, (7,))
    assert clock(DEFECT_PAUSE) <= (waiting.due or "") < clock(DEFECT_PAUSE + 1)
    assert ENTITY in one.log.batches[0].rows
