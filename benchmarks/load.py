"""The load generator: writes ready requests to many kept-open connections, each waiting for its answer.

Run as a program, it prints one JSON object: what was answered, how fast, and how often each annotation was
acknowledged. It parses no more of an answer than it must, so that it is cheaper than what it measures.
"""

import argparse
import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import cast

import orjson

from benchmarks.figures import percentile
from benchmarks.hook_bodies import request
from benchmarks.program import on_best_loop
from connector.clock import SystemClock
from connector.collector import calm_collector

#: Different requests; they come round again in a long run.
POOL = 8_192
_CLOCK = SystemClock()


@dataclass(slots=True)
class Tally:
    """What all connections have seen."""

    pool: list[bytes]
    running: bool = False
    sent: int = 0
    acknowledged: Counter[int] = field(default_factory=Counter)
    other: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)

    def take(self) -> int:
        """The place of the next request."""
        self.sent += 1
        return (self.sent - 1) % len(self.pool)


class Connection(asyncio.Protocol):
    """One connection: the next request leaves when the answer to the one before is complete."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._transport: asyncio.WriteTransport | None = None
        self._answer = b""
        self._place = 0
        self._since = 0.0
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way to write (uvloop's transports are of no class of asyncio's)."""
        self._transport = cast("asyncio.WriteTransport", transport)

    def start(self) -> None:
        """Send one request."""
        assert self._transport is not None
        self._place = self._tally.take()
        self._since = _CLOCK.monotonic()
        self._transport.write(self._tally.pool[self._place])

    def data_received(self, data: bytes) -> None:
        """Collect an answer; when it is complete, note it and go on."""
        self._answer += data
        head, found, body = self._answer.partition(b"\r\n\r\n")
        if not found or len(body) < _length(head):
            return
        tally, status = self._tally, head[9:12]
        self._answer = b""
        tally.seconds.append(_CLOCK.monotonic() - self._since)
        if status.startswith(b"2"):
            tally.acknowledged[self._place] += 1
        else:
            tally.other[status.decode()] += 1
        if tally.running:
            self.start()
        else:
            self._end()

    def connection_lost(self, exc: Exception | None) -> None:
        """A connection that the server closes counts as an answer of its own kind."""
        if not self.ended.done():
            self._tally.other[f"connection lost: {exc}"] += 1
            self._end()

    def _end(self) -> None:
        if not self.ended.done():
            self.ended.set_result(None)
        if self._transport is not None:
            self._transport.close()


def _length(head: bytes) -> int:
    """Of the body, from the answer's head."""
    _, _, rest = head.lower().partition(b"content-length:")
    return int(rest.split(b"\r\n", 1)[0] or 0)


async def _run(port: int, *, connections: int, seconds: float, first: int) -> None:
    tally = Tally([request(first + place, port) for place in range(POOL)])
    calm_collector()
    loop = asyncio.get_running_loop()
    made = [await loop.create_connection(lambda: Connection(tally), "127.0.0.1", port) for _ in range(connections)]
    protocols = [protocol for _, protocol in made]
    tally.running = True
    since = _CLOCK.monotonic()
    for protocol in protocols:
        protocol.start()
    await asyncio.sleep(seconds)
    tally.running = False
    await asyncio.gather(*(protocol.ended for protocol in protocols))
    took = _CLOCK.monotonic() - since
    result = {
        "requests_per_second": len(tally.seconds) / took,
        "answers": len(tally.seconds),
        "p50_ms": percentile(tally.seconds, 0.5) * 1000,
        "p99_ms": percentile(tally.seconds, 0.99) * 1000,
        "max_ms": max(tally.seconds, default=0.0) * 1000,
        "other": dict(tally.other),
        "acknowledged": {str(first + place): count for place, count in tally.acknowledged.items()},
    }
    print(orjson.dumps(result).decode(), flush=True)


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--first", type=int, default=1, help="the lowest annotation id")
    given = parser.parse_args()
    on_best_loop(_run(given.port, connections=given.connections, seconds=given.seconds, first=given.first))


if __name__ == "__main__":
    main()
