"""An event loop whose time jumps, and on which whole processes can be frozen and killed.

Time passes only when nothing is left to do: then it jumps to the next timer. Every callback belongs to the process
in whose context it was scheduled; a frozen process's callbacks are put aside until it thaws, a dead one's never run,
so that nothing of it cleans up, as after kill -9.

Nothing real is ever waited for: connections are in memory, threads are calls. So there is no selector to ask, and
turns are as short as they can be: thousands of worlds pass through here.
"""

import asyncio
import contextvars
import socket
from collections import deque
from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from heapq import heappop, heappush
from itertools import count
from typing import Any

#: The process that this code belongs to; None is the world around them.
PROCESS: contextvars.ContextVar[str | None] = contextvars.ContextVar("process", default=None)
#: Virtual seconds after which a run counts as stuck.
END_OF_TIME = 1e6


class Standstill(AssertionError):
    """Nothing is left to do and nothing will ever happen."""


class Scheduled:
    """A callback that was asked for: what a loop's handles are to those who asked."""

    __slots__ = ("args", "callback", "context", "is_cancelled", "moment")

    def __init__(
        self, callback: Callable[..., Any], args: tuple[Any, ...], context: contextvars.Context, moment: float
    ) -> None:
        self.context = context
        self.callback = callback
        self.args = args
        self.moment = moment
        self.is_cancelled = False

    def cancel(self) -> None:
        """It must not happen any more."""
        self.is_cancelled = True

    def cancelled(self) -> bool:
        """Whether it must not."""
        return self.is_cancelled

    def when(self) -> float:
        """Its virtual time."""
        return self.moment


_NEVER = Scheduled(bool, (), copy_context(), 0.0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """See the module."""

    def __init__(self) -> None:
        super().__init__()
        self._virtual = 0.0
        self._now: deque[Scheduled] = deque()
        self._later: list[tuple[float, int, Scheduled | asyncio.Future[None]]] = []
        self._number = count()
        self.frozen: dict[str, float] = {}
        self.dead: set[str] = set()
        self._parked: dict[str, list[Scheduled]] = {}
        self._tasks: dict[asyncio.Task[Any], None] = {}
        self._forget = self._tasks.pop
        # As the loop's own methods do, without a turn through Python: every task and every future asks both.
        self.create_future = partial(asyncio.Future, loop=self)  # type: ignore[method-assign] # see above
        self.get_debug = bool  # type: ignore[method-assign] # false, as above

    def create_task(self, work: Any, **more: Any) -> asyncio.Task[Any]:  # type: ignore[override] # all by name
        """A task that is never collected while it waits: collecting closes it, and then it would clean up."""
        task = asyncio.Task(work, loop=self, **more)
        self._tasks[task] = None
        task.add_done_callback(self._forget)
        return task

    def time(self) -> float:
        """Virtual seconds since the start."""
        return self._virtual

    def call_soon(  # type: ignore[override] # the types of the callback's arguments don't matter here
        self, callback: Callable[..., Any], *args: Any, context: contextvars.Context | None = None
    ) -> Scheduled:
        """As usual, for the process of the context."""
        if callback == self._forget:
            # Each task ends with it, and it is nobody's business when.
            callback(*args)
            return _NEVER
        # An empty context is false, and it is the world's.
        scheduled = Scheduled(callback, args, copy_context() if context is None else context, self._virtual)
        self._now.append(scheduled)
        return scheduled

    call_soon_threadsafe = call_soon  # type: ignore[assignment] # likewise; there are no threads

    def call_at(  # type: ignore[override] # likewise
        self, when: float, callback: Callable[..., Any], *args: Any, context: contextvars.Context | None = None
    ) -> Scheduled:
        """Likewise."""
        scheduled = Scheduled(callback, args, copy_context() if context is None else context, when)
        heappush(self._later, (when, next(self._number), scheduled))
        return scheduled

    def call_later(  # type: ignore[override] # likewise
        self, delay: float, callback: Callable[..., Any], *args: Any, context: contextvars.Context | None = None
    ) -> Scheduled:
        """Likewise."""
        return self.call_at(self._virtual + delay, callback, *args, context=context)

    def _run_once(self) -> None:
        """Turns until somebody stops the loop: all that is to happen now, else all of the next moment."""
        while not self._stopping:  # type: ignore[attr-defined] # asyncio's own word
            if not self._now:
                self._jump()
            self._turn(self._now)

    def _turn(self, now: deque[Scheduled]) -> None:
        frozen, dead = self.frozen, self.dead
        for _ in range(len(now)):
            scheduled = now.popleft()
            if scheduled.is_cancelled:
                continue
            process = scheduled.context.get(PROCESS)
            if process in frozen:
                self._parked.setdefault(process, []).append(scheduled)
            elif process not in dead:
                try:
                    scheduled.context.run(scheduled.callback, *scheduled.args)
                except (SystemExit, KeyboardInterrupt):
                    raise
                except BaseException as error:  # noqa: BLE001 - told as every loop tells it
                    self.call_exception_handler({"message": f"in {scheduled.callback!r}", "exception": error})

    def _jump(self) -> None:
        """To the next moment at which something happens."""
        later = self._later
        while later and later[0][2].cancelled():
            heappop(later)
        if not later:
            # Whoever stops the loop has nothing to wait for.
            if self._stopping:  # type: ignore[attr-defined] # asyncio's own word
                return
            raise Standstill("every task waits for another")
        self._virtual = max(self._virtual, later[0][0])
        if self._virtual > END_OF_TIME:
            raise Standstill("the end of time")
        while later and later[0][0] <= self._virtual:
            due = heappop(later)[2]
            if isinstance(due, Scheduled):
                self._now.append(due)
            elif not due.cancelled():
                # Whoever waits for it is asked for with its context: whether that process runs is looked at then.
                due.set_result(None)

    def pause(self, seconds: float) -> asyncio.Future[None]:
        """What is done after so long."""
        waiter: asyncio.Future[None] = self.create_future()
        heappush(self._later, (self._virtual + seconds, next(self._number), waiter))
        return waiter

    def freeze(self, process: str) -> None:
        """Stop a process where it stands."""
        self.frozen.setdefault(process, self.time())

    def thaw(self, process: str) -> None:
        """Let it go on; what was due meanwhile happens at once, in order."""
        self.frozen.pop(process, None)
        self._now.extend(self._parked.pop(process, []))

    def kill(self, process: str) -> None:
        """End it without a word."""
        self.dead.add(process)
        self.frozen.pop(process, None)
        self._parked.pop(process, None)

    def forget_everything(self) -> None:
        """The world is over."""
        self._tasks.clear()
        self._now.clear()
        self._later.clear()

    def later_in_the_world(self, seconds: float, callback: Callable[..., Any], *args: Any) -> None:
        """Schedule something that outlives the process that asks for it."""
        context = contextvars.copy_context()
        context.run(PROCESS.set, None)
        self.call_later(seconds, callback, *args, context=context)

    def runs(self, process: str | None) -> bool:
        """Whether it is neither frozen nor dead."""
        return process not in self.dead and process not in self.frozen

    def run_in_executor(  # type: ignore[override] # at once, so that no thread decides what happens first
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """The result of a blocking call, made here and now."""
        del executor
        future: asyncio.Future[Any] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - it is the caller's
            future.set_exception(error)
        return future

    async def getaddrinfo(self, host: Any, port: Any, **_more: Any) -> list[tuple[Any, ...]]:
        """Every name is this machine."""
        del host
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", int(port or 0)))]

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Tasks of the dead are destroyed while they wait, their connections left open: that is what a kill is."""
        message = str(context.get("message"))
        if "was destroyed but it is pending" not in message and "Unclosed" not in message:
            super().call_exception_handler(context)


async def pause(seconds: float) -> None:
    """Let virtual time pass."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    await loop.pause(seconds)
