"""How several documents go up together where Rossum fails: one failure, and each alone where one may be to blame."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from connector.domain import import_state as rules
from connector.domain.readings import UploadRequest
from connector.domain.rows import ImportRow
from connector.engine.attempts import Accepted, Again, Attempt, Cause, Refused, Unknown
from connector.engine.gather import Member
from connector.engine.gathering import Gathering, Ways
from connector.engine.holding import Room
from connector.engine.services import GatherPolicy
from connector.errors import Ambiguous, BrokenOff, ConnectorError, KafkaUnavailable, Rejected, Retryable, Stage
from tests.support.virtual_clock import settle
from tests.unit.engine.forgetful_partition import Partition
from tests.unit.engine.test_gather import member

COUNT = 3
#: Seconds that Rossum takes for an upload.
TAKES = 0.5


class Circuit:
    """Rossum is well."""

    async def closed(self) -> None:
        """At once."""

    def worked(self) -> None:
        """Nobody counts it."""

    def of(self, _queue: int) -> None:
        """No queue has one of its own."""


class Together:
    """Imports that go up together to a Rossum that fails: when it is asked the time, or at the upload."""

    def __init__(self, *, time: Exception | None = None, upload: Exception | None = None) -> None:
        self._time, self._refusal = time, upload
        self._partition = Partition({})
        self.judged: list[ImportRow] = []
        self.running: set[str] = set()
        self.all_run = asyncio.Event()
        self.lost: set[str] = set()
        services = SimpleNamespace(
            partitions=1,
            imports=SimpleNamespace(file_name="{name}"),
            circuit=Circuit(),
            queues=Circuit(),
            slots=asyncio.Semaphore(COUNT),
            telemetry=self._partition.telemetry,
            clock=self._partition.time,
            rossum=self,
        )
        ways = Ways(gate=lambda: True, outcome_of=self._outcome_of, alone=self._alone)
        policy = GatherPolicy(COUNT, 1.0, (), 10_000, Room())
        self._gathering = Gathering(cast("Any", services), self._partition.committer, policy, ways)

    async def server_time(self) -> object:
        """Rossum's time."""
        if self._time is not None:
            raise self._time
        return self._partition.now()

    async def upload(self, _request: UploadRequest, _chunks: AsyncIterator[bytes], *, gate: object) -> str:
        """An import of several documents."""
        del gate
        await self._partition.time.elapsed(TAKES)
        if self._refusal is not None:
            raise self._refusal
        return "task"

    async def _outcome_of(self, row: ImportRow, _received: object, error: Exception) -> Attempt:
        self.judged.append(row)
        if isinstance(error, Rejected):
            return Refused(row, error)
        if isinstance(error, Ambiguous):
            return Unknown(row, str(error))
        if isinstance(error, BrokenOff):
            return Again(row, Cause.BROKEN, str(error))
        return Again(row, Cause.UNREACHABLE, str(error), 1.0)

    async def _alone(self, one: Member) -> Attempt:
        self.running.add(one.import_id)
        if len(self.running) == COUNT:
            self.all_run.set()
        await self.all_run.wait()
        if one.import_id in self.lost:
            raise KafkaUnavailable("away")
        return Accepted(one.row, "task", "hash")

    async def ends(self, members: Sequence[Member]) -> list[Attempt | BaseException]:
        """How it went for each."""
        committing = asyncio.create_task(self._partition.committer.run())
        going = [asyncio.create_task(self._gathering.upload(one)) for one in members]
        await settle()
        await self._partition.time.advance(1 + TAKES)
        done, waiting = await asyncio.wait(going, timeout=1.0)
        for task in (*waiting, committing):
            task.cancel()
        await asyncio.gather(*waiting, committing, return_exceptions=True)
        assert len(done) == COUNT
        return [task.exception() or task.result() for task in going]


def three() -> list[Member]:
    """Imports that are ready."""
    return [member(number) for number in range(COUNT)]


async def test_a_rossum_that_is_away_has_failed_once() -> None:
    """However many documents wait for it: each failure that the circuit hears of makes its pause longer."""
    together = Together(time=Retryable("away"))
    members = three()

    ends = await together.ends(members)

    assert len(together.judged) == 1
    assert ends == [Again(one.row, Cause.UNREACHABLE, "away", 1.0) for one in members]


@pytest.mark.parametrize(
    ("failure", "alone"),
    [
        (Rejected("one of them", stage=Stage.UPLOAD), True),
        (BrokenOff("in the middle"), True),
        (Ambiguous("no answer"), True),
        (Retryable("away"), None),
    ],
    ids=["refused", "broken off", "unknown", "away"],
)
async def test_after_a_failure_that_may_be_of_one_each_goes_up_alone(failure: Exception, *, alone: bool | None) -> None:
    """Whatever it waits for before; what is unknown is looked up, and says so when it is made again."""
    together = Together(upload=failure)

    ends = await together.ends(three())

    for end in ends:
        assert isinstance(end, Accepted | Again | Unknown)
        again = rules.once_more(end.row) if isinstance(end, Unknown) else end.row
        assert again.alone is alone


@pytest.mark.parametrize("upload", [None, Retryable("away")])
async def test_what_goes_up_together_takes_equally_long(upload: Exception | None) -> None:
    """Each import is told how long their upload took, without the wait for others."""
    together = Together(upload=upload)

    ends = await together.ends(three())

    assert [end.seconds for end in ends if isinstance(end, Accepted | Again)] == [pytest.approx(TAKES)] * COUNT


async def test_documents_that_go_up_alone_go_at_once() -> None:
    """One after the other the last would wait for all, and hold its bytes meanwhile."""
    together = Together(upload=Rejected("one of them", stage=Stage.UPLOAD))

    ends = await together.ends(three())

    assert [type(end) for end in ends] == [Accepted] * COUNT


async def test_one_that_is_lost_alone_takes_no_other_with_it() -> None:
    """Each import hears of its own end."""
    together = Together(upload=Rejected("one of them", stage=Stage.UPLOAD))
    members = three()
    together.lost.add(members[1].import_id)

    ends = await together.ends(members)

    assert [isinstance(end, ConnectorError) for end in ends] == [False, True, False]
