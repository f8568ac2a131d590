"""A hint that its annotation's row knows already is finished no sooner than that row is on Kafka."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

from connector.contracts.catalogue import TopicRole
from connector.domain.annotation_state import Policy
from connector.domain.ids import AnnotationId
from connector.domain.messages import Hint, Via, WorkMessage
from connector.domain.outcome import Outcome
from connector.domain.rows import AnnotationRow
from connector.engine.annotation_desk import AnnotationDesk
from connector.engine.tickets import Ticket
from tests.support.virtual_clock import settle
from tests.unit.engine.forgetful_partition import Log, Partition, clock

HINT = Hint(AnnotationId(7), Via.WEBHOOK, status="to_review", clocks={"arrived_at": clock(-5)})
ROW = AnnotationRow("to_review", "k", clocks=HINT.clocks)


@dataclass
class SlowLog(Log):
    """Messages of a transaction take a while."""

    sent: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, messages: Iterable[WorkMessage]) -> None:
        """Wait until they may be there."""
        del messages
        await self.sent.wait()


def hinted(partition: Partition) -> None:
    """The hint comes, and its row knows it."""
    services = SimpleNamespace(
        telemetry=partition.telemetry,
        clock=partition.time,
        annotations=SimpleNamespace(policy=Policy((), clock(-100))),
        claimed_queues=frozenset(),
    )
    desk = AnnotationDesk(cast("Any", services), partition.view, partition.committer, spawn=asyncio.create_task)
    tracker = partition.trackers[TopicRole.WORK]
    tracker.deliver(0, now=0)
    desk.take(HINT, Ticket(TopicRole.WORK, tracker, 0, remaining=1))
    assert HINT.annotation not in desk


async def test_a_row_that_is_on_its_way_goes_first() -> None:
    """It was read again without any hint, and the transaction that is under way goes without it."""
    log = SlowLog()
    partition = Partition({}, log=log)
    async with partition.working():
        partition.committer.submit(Outcome(rows={"annotation/8": ROW}, messages=(HINT,)))
        await settle()
        partition.committer.submit(Outcome(rows={HINT.entity: ROW}))
        hinted(partition)
        log.sent.set()
        await partition.time.advance(5)

    assert [({*batch.rows}, batch.offsets) for batch in log.batches] == [
        ({"annotation/8"}, {}),
        ({HINT.entity}, {TopicRole.WORK: 1}),
    ]


async def test_a_row_that_is_there_lets_the_hint_go() -> None:
    """At once: most hints say what is known, and cost no transaction."""
    partition = Partition({HINT.entity: ROW})

    hinted(partition)

    assert partition.trackers[TopicRole.WORK].committable == 1
