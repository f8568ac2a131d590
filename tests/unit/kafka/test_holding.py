"""A partition that is taken away stays away, however its owner takes it."""

import asyncio
from collections.abc import Mapping
from typing import Any, cast

from connector.clock import SystemClock
from connector.contracts.catalogue import TopicRole
from connector.kafka.holding import Holding
from connector.telemetry import Telemetry


class Seat:
    """A member's place in the group, as far as a holding uses it."""

    def seek(self, partition: int, positions: Mapping[TopicRole, int]) -> bool:
        """Every partition is ours."""
        del partition, positions
        return True

    async def commit(self, offsets: Any) -> None:
        """Takes any."""


class FailsWhenCancelled:
    """An owner whose cancellation ends in an error: its task group raises that one, and not the cancellation."""

    def __init__(self) -> None:
        self.running = asyncio.Event()
        self.positions: Mapping[TopicRole, int] = {}
        self.state: tuple[()] = ()

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._work())
            await asyncio.Event().wait()

    async def _work(self) -> None:
        self.running.set()
        try:
            await asyncio.Event().wait()
        finally:
            raise RuntimeError("it can't even stop")

    def lose(self) -> None:
        """Told that the partition is gone."""

    async def close(self) -> None:
        """Nothing to let go of."""


async def test_that_a_closed_holding_never_opens_again() -> None:
    """An owner that fails in the moment of its cancellation is neither waited for nor replaced."""
    opened: list[FailsWhenCancelled] = []
    ended: list[object] = []

    async def open_owner(*_: object) -> Any:
        opened.append(FailsWhenCancelled())
        return opened[-1]

    holding = Holding(
        3,
        seat=cast("Any", Seat()),
        open_owner=open_owner,
        on_end=lambda partition, error: ended.append((partition, error)),
        telemetry=Telemetry(),
        clock=SystemClock(),
    )
    async with asyncio.timeout(30):
        while not opened:
            await asyncio.wait([holding._task], timeout=0.01)
        await opened[0].running.wait()

    async with asyncio.timeout(30):
        await holding.close()

    assert len(opened) == 1
    assert ended == []
