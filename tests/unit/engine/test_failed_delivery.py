"""A local state that can't be read ends one ownership: not the loop that delivers, and nothing counts as finished."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest

from connector.contracts.catalogue import TopicRole
from connector.domain.annotation_state import Policy
from connector.domain.identity import Identity
from connector.domain.ids import AnnotationId, event_namespace
from connector.domain.messages import Hint, Via, encode_work
from connector.domain.rows import AnnotationRow, AnyRow
from connector.engine.lease import Lease
from connector.engine.owner import Owner
from connector.errors import StateFailed
from connector.kafka.endings import ending_of
from connector.kafka.holding import Holding
from connector.metrics import NAMESPACE
from connector.ports import InnerRecord, State
from connector.state.memory import MemoryState
from connector.telemetry import Telemetry
from tests.support.virtual_clock import VirtualClock, settle
from tests.unit.engine.forgetful_partition import Log, clock
from tests.unit.engine.test_upload_counts import POLICY

CLOCKS = {"arrived_at": clock(-5)}
#: A state that reads no row of this annotation.
DAMAGED = AnnotationId(8)
#: Neither a sweep nor the watch of webhooks lives here.
PARTITION, PARTITIONS = 5, 1000


class DamagedState(MemoryState):
    """The disk gives some rows, and others not."""

    def get(self, key: str) -> AnyRow | None:
        """As the local state on a disk does."""
        if key == f"annotation/{DAMAGED}":
            raise StateFailed("the local state can't be used: corruption")
        return super().get(key)


def hints(offset: int, *annotations: int) -> InnerRecord:
    """A record of the work log; the rows of 7 and 9 know what it says."""
    told = [Hint(AnnotationId(number), Via.WEBHOOK, status="to_review", clocks=CLOCKS) for number in annotations]
    return InnerRecord(offset, None, encode_work(told), (), 0)


class Partition:
    """One that is held, over whatever state comes next."""

    def __init__(self, *states: MemoryState) -> None:
        self.time, self.telemetry, self.log = VirtualClock(), Telemetry(), Log()
        self.states = list(states)
        self.owners: list[Owner] = []
        self.ended: list[object] = []

    async def open_owner(self, *_: object) -> Owner:
        """The next owner; the rows of its ledger are those of 7 and 9."""
        state = self.states.pop(0)
        rows = {f"annotation/{number}": AnnotationRow("to_review", "k", clocks=CLOCKS) for number in (7, 9)}
        state.apply(rows, ledger_end=1)
        services = SimpleNamespace(
            partitions=PARTITIONS,
            rossum=self.time,
            work=self.log,
            telemetry=self.telemetry,
            clock=self.time,
            identity=Identity(event_namespace(1), "https://example.test/api/v1"),
            annotations=SimpleNamespace(policy=Policy((), clock(-100))),
            imports=POLICY,
            retention=1000.0,
            record_bytes=10_000,
            lease=Lease(self.time, 10.0),
            claimed_queues=frozenset(),
        )
        owner = Owner(
            PARTITION,
            services=cast("Any", services),
            log=self.log,
            state=cast("State", state),
            positions={TopicRole.WORK: 0, TopicRole.IMPORTS: 0},
            encode=lambda _event: [],
        )
        self.owners.append(owner)
        return owner

    def seek(self, partition: int, positions: Mapping[TopicRole, int]) -> bool:
        """Every partition is ours."""
        del partition, positions
        return True

    async def commit(self, offsets: Any) -> None:
        """Takes any."""

    def held(self) -> Holding:
        """As a member of the group holds it."""
        return Holding(
            PARTITION,
            seat=cast("Any", self),
            open_owner=self.open_owner,
            on_end=lambda partition, error: self.ended.append((partition, error)),
            telemetry=self.telemetry,
            clock=self.time,
        )

    def lost(self, reason: str) -> float:
        """Ownerships that ended so."""
        labels = {"reason": reason}
        return self.telemetry.registry.get_sample_value(f"{NAMESPACE}_partitions_lost_total", labels) or 0.0


async def test_that_a_failing_read_ends_one_ownership() -> None:
    """The loop delivers on, and the partition is opened again; only what came before the failed record is finished."""
    partition = Partition(DamagedState(), MemoryState())
    holding = partition.held()
    await settle()
    first = partition.owners[0]

    first.deliver(TopicRole.WORK, [hints(0, 7), hints(1, 9, DAMAGED, 9), hints(2, 7)])
    first.deliver(TopicRole.WORK, [hints(3, 7)])
    committable = first.committable[TopicRole.WORK]
    await partition.time.advance(5)
    again = holding.owner
    await holding.close()

    assert committable == 1
    assert first.committable[TopicRole.WORK] == 1
    assert again is not None
    assert partition.owners == [first, again]
    assert partition.lost("state_failed") == 1
    assert partition.ended == []


async def test_that_what_fails_before_the_owner_runs_ends_it_too() -> None:
    """Records may come that early; they stay unfinished."""
    owner = await Partition(DamagedState()).open_owner()

    owner.deliver(TopicRole.WORK, [hints(0, DAMAGED), hints(1, 7)])
    with pytest.raises(ExceptionGroup) as raised:
        await owner.run()

    assert owner.committable[TopicRole.WORK] == 0
    assert ending_of(raised.value).reason == "state_failed"


async def test_that_an_open_row_that_cannot_be_read_ends_the_ownership() -> None:
    """Its rows are read first of all; the end has the same reason as later."""
    damaged = DamagedState()
    damaged.apply({f"annotation/{DAMAGED}": AnnotationRow("to_review", "k", clocks=CLOCKS)}, ledger_end=1)
    partition = Partition(damaged, MemoryState())
    holding = partition.held()
    await partition.time.advance(5)
    again = holding.owner
    await holding.close()

    assert partition.owners[1:] == [again]
    assert partition.lost("state_failed") == 1
