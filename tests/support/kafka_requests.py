"""Holds chosen requests of the Kafka protocol on their way: what makes a moment inside a transaction certain."""

import asyncio
import struct
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

from tests.support.proxy import Gate

#: Numbers of requests (https://kafka.apache.org/protocol#protocol_api_keys).
PRODUCE = 0
END_TXN = 26
#: Errors (https://kafka.apache.org/protocol#protocol_error_codes) by which a broker turns down a former owner.
FENCED = frozenset({47, 90})
_LENGTH = 4
#: Bytes of the answer to END_TXN before version 3: its number, a throttle time, an error.
_ANSWER = 10


@dataclass(slots=True)
class Hold:
    """Requests of some kinds wait, and what follows them on their connection; set it as the `gate` of a flow.

    Attributes:
        keys: Which requests, by number; none = nothing is held.
        most: How many may wait; those after them pass.
        held: How many wait now.
        since: When the first of them came, on the loop's clock.
        codes: The broker's errors, 0 for none, in its answers to each END_TXN that was held.
    """

    keys: frozenset[int] = frozenset()
    most: int | None = None
    held: int = 0
    since: float | None = None
    codes: list[int] = field(default_factory=list)
    _go_on: asyncio.Event = field(default_factory=asyncio.Event)
    _unanswered: Counter[int] = field(default_factory=Counter)

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

    def answers(self) -> Gate:
        """The gate of the other direction of one connection; it only listens."""
        return _Answers(self)

    def answered(self, number: int, code: int) -> None:
        """The broker has answered a request of that number on some connection, perhaps one that was held."""
        if self._unanswered[number]:
            self._unanswered[number] -= 1
            self.codes.append(code)

    async def pass_by(self, key: int, number: int) -> None:
        """Wait if such a request has to."""
        if key not in self.keys or self.held == self.most:
            return
        self.since = self.since or asyncio.get_running_loop().time()
        self.held += 1
        try:
            await self._go_on.wait()
        finally:
            self.held -= 1
        if key == END_TXN:
            self._unanswered[number] += 1


class _Frames:
    """Cuts the stream of one direction of a connection into requests, or answers."""

    def __init__(self) -> None:
        self._rest = b""

    def cut(self, data: bytes) -> Iterator[bytes]:
        """Each that is whole now, with its length before it."""
        self._rest += data
        while len(self._rest) >= _LENGTH:
            end = _LENGTH + struct.unpack_from(">i", self._rest)[0]
            if len(self._rest) < end:
                return
            frame, self._rest = self._rest[:end], self._rest[end:]
            yield frame


class _Requests:
    """What goes to the broker."""

    def __init__(self, hold: Hold) -> None:
        self._hold = hold
        self._frames = _Frames()

    async def pieces(self, data: bytes) -> AsyncIterator[bytes]:
        """Whole requests in their order."""
        for request in self._frames.cut(data):
            key, _, number = struct.unpack_from(">hhi", request, _LENGTH)
            await self._hold.pass_by(key, number)
            yield request


class _Answers:
    """What comes from it, as it comes."""

    def __init__(self, hold: Hold) -> None:
        self._hold = hold
        self._frames = _Frames()

    async def pieces(self, data: bytes) -> AsyncIterator[bytes]:
        """Unchanged."""
        for answer in self._frames.cut(data):
            if len(answer) == _LENGTH + _ANSWER:
                number, _, code = struct.unpack_from(">iih", answer, _LENGTH)
                self._hold.answered(number, code)
        yield data
