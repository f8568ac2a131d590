"""Deadlines of many requests at once: a timer for each would cost more than reading what it is for."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class Deadlines:
    """Ends what runs for longer than it may; all have the same time, so that the oldest is always the next.

    Args:
        seconds: What each has.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._until: dict[asyncio.Task[object], float] = {}
        self._late: set[asyncio.Task[object]] = set()
        self._timer: asyncio.TimerHandle | None = None

    @contextmanager
    def running(self) -> Iterator[None]:
        """The current task's time runs; it may not begin another before this one is over.

        Raises:
            TimeoutError: It took too long.
        """
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        assert task is not None
        self._until[task] = loop.time() + self._seconds
        if self._timer is None:
            self._timer = loop.call_later(self._seconds, self._look)
        try:
            yield
        except asyncio.CancelledError:
            # Others may want its end as well, and theirs is no matter of time.
            if task in self._late and task.uncancel() == 0:
                raise TimeoutError from None
            raise
        finally:
            self._until.pop(task, None)
            self._late.discard(task)

    def _look(self) -> None:
        """End whose time is over, and look again when the oldest of the others has had its time."""
        self._timer, loop = None, asyncio.get_running_loop()
        now = loop.time()
        while self._until:
            task, until = next(iter(self._until.items()))
            if until > now:
                self._timer = loop.call_at(until, self._look)
                return
            del self._until[task]
            self._late.add(task)
            task.cancel()
