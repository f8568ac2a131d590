"""Holds chosen requests of the Kafka protocol on their way: what makes a moment inside a transaction certain."""

import asyncio
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from tests.support.proxy import Gate

#: Numbers of requests (https://kafka.apache.org/protocol#protocol_api_keys).
PRODUCE = 0
END_TXN = 26
_LENGTH = 4
_KEY = 2


@dataclass(slots=True)
class Hold:
    """Requests of some kinds wait, and what follows them on their connection; set it as the `gate` of a flow.

    Attributes:
        keys: Which requests, by number; none = nothing is held.
        most: How many may wait; those after them pass.
        held: How many wait now.
        since: When the first of them came, on the loop's clock.
    """

    keys: frozenset[int] = frozenset()
    most: int | None = None
    held: int = 0
    since: float | None = None
    _go_on: asyncio.Event = field(default_factory=asyncio.Event)

    def hold(self, *keys: int, most: int | None = None) -> None:
        """From now on."""
        self.keys, self.most, self.since = frozenset(keys), most, None
        self._go_on = asyncio.Event()

    @property
    def held_for(self) -> float:
        """Seconds since the first request came that waits; 0 while there is none."""
        return 0.0 if self.since is None else asyncio.get_running_loop().time() - self.since

    def release(self) -> None:
        """Let them go on, and hold no more."""
        self.keys = frozenset()
        self._go_on.set()

    def __call__(self) -> Gate:
        """The gate of one connection."""
        return _Requests(self)

    async def pass_by(self, key: int) -> None:
        """Wait if such a request has to."""
        if key not in self.keys or self.held == self.most:
            return
        self.since = self.since or asyncio.get_running_loop().time()
        self.held += 1
        try:
            await self._go_on.wait()
        finally:
            self.held -= 1


class _Requests:
    """Cuts the stream of one connection into requests."""

    def __init__(self, hold: Hold) -> None:
        self._hold = hold
        self._rest = b""

    async def pieces(self, data: bytes) -> AsyncIterator[bytes]:
        """Whole requests in their order."""
        self._rest += data
        while (request := self._next()) is not None:
            (key,) = struct.unpack_from(">h", request, _LENGTH)
            await self._hold.pass_by(key)
            yield request

    def _next(self) -> bytes | None:
        if len(self._rest) < _LENGTH + _KEY:
            return None
        (length,) = struct.unpack_from(">i", self._rest)
        if len(self._rest) < _LENGTH + length:
            return None
        request, self._rest = self._rest[: _LENGTH + length], self._rest[_LENGTH + length :]
        return request
