"""Nobody takes a document out of Rossum's queue that is not on Kafka."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import cast

import pytest

from connector.domain.annotation_state import captured_name
from connector.domain.ids import AnnotationId, QueueId
from connector.domain.outcome import Outcome
from connector.domain.rows import AnnotationRow
from connector.engine.circuits import QueueCircuits
from connector.engine.claiming import Claiming
from connector.engine.services import Services
from connector.errors import KafkaUnavailable
from connector.ports import Batch
from connector.telemetry import Telemetry
from tests.support.virtual_clock import VirtualClock, settle
from tests.unit.engine.forgetful_partition import Log, Partition

QUEUE, OTHER = QueueId(8198), QueueId(8199)
ONE = AnnotationId(7)
TOLD = {captured_name("confirmed"): "2026-01-01T00:00:00.000000Z"}


@dataclass
class SlowLog(Log):
    """Kafka that answers when it is told to, or not at all."""

    answers: asyncio.Event = field(default_factory=asyncio.Event)
    fails: bool = False

    async def commit(self, batch: Batch) -> int:
        """Take it, sooner or later."""
        await self.answers.wait()
        if self.fails:
            raise KafkaUnavailable("away")
        return await super().commit(batch)


@dataclass
class Rossum:
    """What a claim needs of an owner's services; Rossum counts as exported whatever is claimed."""

    claimed: list[AnnotationId] = field(default_factory=list)
    telemetry: Telemetry = field(default_factory=Telemetry)
    queues: QueueCircuits = field(
        default_factory=lambda: QueueCircuits({QUEUE}, clock=VirtualClock(), telemetry=Telemetry())
    )

    @property
    def rossum(self) -> "Rossum":
        """Itself."""
        return self

    async def claim(self, queue: QueueId, ids: Collection[AnnotationId]) -> frozenset[AnnotationId]:
        """Export them."""
        assert queue == QUEUE
        self.claimed += ids
        return frozenset(ids)


class Confirmed:
    """An annotation that a person has confirmed, decided about just now."""

    def __init__(self, row: Mapping[str, object] | None = None, *, fails: bool = False) -> None:
        self.log = SlowLog(fails=fails)
        self.partition = Partition({}, log=self.log)
        self.rossum = Rossum()
        self.tasks: list[asyncio.Task[None]] = []
        self._claiming = Claiming(
            cast("Services", self.rossum),
            self.partition.committer,
            {QUEUE},
            spawn=lambda work: self.tasks.append(asyncio.create_task(work)),
        )
        given = {"status": "confirmed", "key": "k", "queue": QUEUE, "published": TOLD, **(row or {})}
        self.row = AnnotationRow(**given)  # type: ignore[arg-type] # of the row's own fields

    async def decided(self) -> None:
        """Its row is staged; the commit is under way."""
        self.committing = asyncio.create_task(self.partition.committer.run())
        self.partition.committer.submit(Outcome(rows={"annotation/7": self.row}))
        self._claiming.look(ONE, self.row)
        await settle()

    async def kafka_answers(self) -> None:
        """To every commit, a little later."""
        self.log.answers.set()
        await self.partition.time.advance(5)

    async def over(self) -> None:
        """The owner goes."""
        self.committing.cancel()
        await asyncio.gather(self.committing, *self.tasks, return_exceptions=True)


async def test_a_claim_waits_for_the_commit() -> None:
    """Its event and its row are on Kafka first."""
    one = Confirmed()

    await one.decided()
    before = list(one.rossum.claimed)
    await one.kafka_answers()
    await one.over()

    assert (before, one.rossum.claimed) == ([], [ONE])
    assert "annotation/7" in one.log.batches[0].rows


async def test_what_could_not_be_committed_is_not_claimed() -> None:
    """Whoever owns the partition next reads it again."""
    one = Confirmed(fails=True)

    await one.decided()
    await one.kafka_answers()
    await one.over()

    assert one.rossum.claimed == []


@pytest.mark.parametrize(
    "row",
    [{"published": {}}, {"status": "exported"}, {"queue": OTHER}, {"published": {captured_name("exported"): "first"}}],
    ids=["not told", "exported already", "another queue", "told as something else"],
)
async def test_only_what_was_told_as_confirmed_is_claimed(row: dict[str, object]) -> None:
    """Of the queues that were chosen."""
    one = Confirmed(row)

    await one.decided()
    await one.kafka_answers()
    await one.over()

    assert one.rossum.claimed == []
