"""A circuit that opens when the other side is at fault and heals by itself."""

from connector.clock import Clock
from connector.telemetry import Telemetry

#: Pauses (seconds) after failures in a row; the last one repeats.
PAUSES = (1.0, 2.0, 5.0, 10.0, 30.0)


class Circuit:
    """Closed: work goes on. Open: nothing new is begun until a pause is over, then the next attempt decides.

    While it is open no message is parked and none counts an attempt: the cause is not theirs.
    """

    def __init__(self, name: str, *, clock: Clock, telemetry: Telemetry) -> None:
        self._name = name
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

    async def closed(self) -> None:
        """Wait until work may begin."""
        while self.is_open:
            await self._clock.sleep(self._until - self._clock.monotonic())

    def failed(self, reason: str) -> float:
        """The other side failed; the pause in seconds that follows."""
        pause = PAUSES[min(self._failures, len(PAUSES) - 1)]
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
        self._until = 0.0
