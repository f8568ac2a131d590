"""One partition of ours: opened, worked, opened again after a failure, until it is taken away."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from connector.clock import Clock
from connector.contracts.catalogue import TopicRole
from connector.engine.owner import Owner
from connector.errors import Fatal, KafkaUnavailable, NotOurs, PartitionLost, Retryable, StateFailed
from connector.kafka.endings import ending_of
from connector.kafka.plain_log import CommitOffsets
from connector.kafka.seat import Seat
from connector.telemetry import Telemetry

#: Pauses (seconds) before a partition that could not be opened is tried again; the last one repeats.
OPEN_PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0)

ReadPositions = Callable[[], Awaitable[Mapping[TopicRole, int]]]
#: Makes the owner of a partition; asks for the committed offsets only after the former owner is fenced.
OpenOwner = Callable[[int, ReadPositions, CommitOffsets], Awaitable[Owner]]


class Holding:
    """See the module.

    Attributes:
        owner: There once the partition is open and may be given records.

    Args:
        on_end: Told the partition when it ends by itself: it is lost, or (`Fatal`) can't be worked at all.
    """

    def __init__(  # noqa: PLR0913 - a leaf of the group
        self,
        partition: int,
        *,
        seat: Seat,
        open_owner: OpenOwner,
        on_end: Callable[[int, Fatal | None], None],
        telemetry: Telemetry,
        clock: Clock,
    ) -> None:
        self.partition = partition
        self.owner: Owner | None = None
        self._seat = seat
        self._open_owner = open_owner
        self._on_end = on_end
        self._telemetry = telemetry
        self._clock = clock
        self._closing = False
        self._task = asyncio.create_task(self._work())

    async def close(self) -> None:
        """The partition is not ours any more: stop at once, nothing may be finished."""
        self._closing = True
        if self.owner is not None:
            self.owner.lose()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _work(self) -> None:
        failures = 0
        # An owner that fails in the moment of its cancellation swallows that; opening again would fence its successor.
        while not self._closing:
            try:
                owner = await self._open()
                failures = 0
                await self._run(owner)
            except Fatal as error:
                self._ended(error)
                return
            except PartitionLost:
                self._ended(None)
                return
            except (Retryable, NotOurs, StateFailed) as error:
                self._telemetry.partition_not_opened(self.partition, str(error))
            except Exception as error:  # noqa: BLE001 - a defect must not leave a partition without an owner
                self._telemetry.failed_unexpectedly(f"partition {self.partition}", error)
            if not self._closing:
                await self._clock.sleep(OPEN_PAUSES[min(failures, len(OPEN_PAUSES) - 1)])
                failures += 1

    def _ended(self, error: Fatal | None) -> None:
        if not self._closing:
            self._on_end(self.partition, error)

    async def _open(self) -> Owner:
        started = self._clock.monotonic()
        owner = await self._open_owner(self.partition, lambda: self._seat.committed(self.partition), self._seat.commit)
        if not self._seat.seek(self.partition, owner.positions):
            await owner.close()
            raise KafkaUnavailable("the partition was taken away before it was open")
        self.owner = owner
        self._telemetry.partition_ready(self.partition, self._clock.monotonic() - started, len(owner.state))
        return owner

    async def _run(self, owner: Owner) -> None:
        """Work until the ownership ends, and say why in one exception.

        An indefinite outcome may mean that this process was frozen and the partition moved. Opening it again at once
        would fence its rightful owner, so it counts as lost: only a new assignment says whose it is.
        """
        reason = "revoked"
        try:
            await owner.run()
        except BaseExceptionGroup as group:
            ending = ending_of(group)
            reason = ending.reason
            if reason == "defect":
                self._telemetry.failed_unexpectedly(f"owner of partition {self.partition}", group)
            raise ending.error from None
        finally:
            self.owner = None
            self._telemetry.partition_ended(self.partition, reason)
            await owner.close()
