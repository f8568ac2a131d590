"""A circuit that opens when the other side is at fault and heals by itself."""

from collections.abc import Collection, Sequence
from random import Random

from connector.clock import Clock
from connector.domain.ids import QueueId
from connector.telemetry import Telemetry

#: Pauses (seconds) after failures in a row; the last one repeats.
PAUSES = (1.0, 2.0, 5.0, 10.0, 30.0)
#: The same for one queue: somebody has to give rights or make the queue, and each attempt costs a fetch.
QUEUE_PAUSES = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0)
#: Part of a pause that is left to chance, so that replicas that failed together do not come back together.
JITTER = 0.2
#: Where chance comes from; a simulation seeds it.
RANDOM = Random()  # noqa: S311 - nothing secret rests on it
#: Answers (HTTP) that refuse one queue and say nothing of the others.
NO_SUCH_QUEUE = (403, 404)
#: Shortest pause that is answered (seconds).
SHORTEST = 0.5


class Circuit:
    """Closed: work goes on. Open: nothing new is begun until a pause is over, then the next attempt decides.

    While it is open no message counts an attempt: the cause is not theirs.
    """

    def __init__(self, name: str, *, clock: Clock, telemetry: Telemetry, pauses: Sequence[float] = PAUSES) -> None:
        self._name = name
        self._pauses = pauses
        self._probing = False
        self._clock = clock
        self._telemetry = telemetry
        self._failures = 0
        self._until = 0.0

    @property
    def is_open(self) -> bool:
        """Whether new work must wait."""
        return self._clock.monotonic() < self._until

    @property
    def failing(self) -> bool:
        """Whether the last attempt failed, open or about to be tried again."""
        return self._failures > 0

    @property
    def pause(self) -> float:
        """Seconds until the next attempt may begin."""
        return max(self._until - self._clock.monotonic(), SHORTEST)

    def admits(self) -> bool:
        """Whether an attempt may begin; after a failure only one at a time, and the others wait for what it finds."""
        if self.is_open:
            return False
        if self._failures:
            self._probing = True
            self._until = self._clock.monotonic() + self._next_pause()
        return True

    async def closed(self) -> None:
        """Wait until work may begin."""
        while self.is_open:
            await self._clock.sleep(self._until - self._clock.monotonic())

    def failed(self, reason: str) -> float:
        """The other side failed; the pause in seconds that follows.

        Attempts that were under way together when it failed are one failure.
        """
        if self.is_open and not self._probing:
            return self.pause
        pause = self._next_pause()
        self._probing = False
        self._until = self._clock.monotonic() + pause
        if not self._failures:
            self._telemetry.circuit(self._name, open=True, reason=reason)
        self._failures += 1
        return pause

    def worked(self) -> None:
        """The other side answered sensibly."""
        if self._failures:
            self._telemetry.circuit(self._name, open=False, reason="answered")
        self._failures = 0
        self._probing = False
        self._until = 0.0

    def _next_pause(self) -> float:
        longest = self._pauses[min(self._failures, len(self._pauses) - 1)]
        return longest * RANDOM.uniform(1 - JITTER, 1)


class QueueCircuits:
    """A circuit for each configured queue: one that Rossum refuses stops alone."""

    def __init__(self, queues: Collection[QueueId], *, clock: Clock, telemetry: Telemetry) -> None:
        self._circuits = {
            queue: Circuit(f"queue {queue}", clock=clock, telemetry=telemetry, pauses=QUEUE_PAUSES) for queue in queues
        }

    def of(self, queue: QueueId | None) -> Circuit | None:
        """The circuit of a queue; None where nobody configured it."""
        return self._circuits.get(queue) if queue is not None else None
