"""The tasks of one owner, from before it runs until after it has ended."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

Work = Coroutine[Any, Any, None]


class Crew:
    """Takes work at any time: before the owner runs it waits, once the owner is ending it is dropped.

    Dropped work is not lost: its message is not finished, so that the next owner reads it again.
    """

    def __init__(self) -> None:
        self._waiting: list[Work] = []
        self._tasks: asyncio.TaskGroup | None = None

    def take(self, work: Work) -> None:
        """Do it beside everything else."""
        if self._tasks is None:
            self._waiting.append(work)
            return
        try:
            self._tasks.create_task(work)
        except RuntimeError:
            # The group is shutting down: one of its tasks has failed, and this may be the poll loop's own delivery.
            work.close()

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Work, until cancelled or until one of the tasks fails.

        Raises:
            ExceptionGroup: Of what failed.
        """
        try:
            async with asyncio.TaskGroup() as self._tasks:
                waiting, self._waiting = self._waiting, []
                for work in waiting:
                    self._tasks.create_task(work)
                yield
        finally:
            for work in self._waiting:
                work.close()
