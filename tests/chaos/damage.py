"""What can happen to one wire, and how it is put right."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.chaos.plan import Stroke
from tests.support.fleet import Berth
from tests.support.proxy import Proxy

#: Bytes of a request after which the connection is cut: in its head or in its body.
CUT_AFTER = 1_500
#: Seconds that each packet is late.
LATE = 0.1


@dataclass(frozen=True, slots=True)
class Damage:
    """One kind of fault of a wire.

    Attributes:
        wire: Which of a replica's wires.
    """

    wire: Callable[[Berth], Proxy]
    begin: Callable[[Proxy], Awaitable[None]]
    end: Callable[[Proxy], Awaitable[None]]


def _to_rossum(berth: Berth) -> Proxy:
    return berth.rossum


def _to_kafka(berth: Berth) -> Proxy:
    assert berth.kafka is not None, "this replica has no proxy to Kafka"
    return berth.kafka


async def _cut(wire: Proxy) -> None:
    wire.to_server.cut_after = CUT_AFTER


async def _uncut(wire: Proxy) -> None:
    wire.to_server.cut_after = None


async def _reset(wire: Proxy) -> None:
    wire.reset()


async def _nothing(_: Proxy) -> None:
    return


async def _hold(wire: Proxy) -> None:
    wire.hold()


async def _release(wire: Proxy) -> None:
    wire.release()


async def _slow(wire: Proxy) -> None:
    wire.to_server.delay = LATE


async def _fast(wire: Proxy) -> None:
    wire.to_server.delay = 0.0


DAMAGES: dict[Stroke, Damage] = {
    Stroke.CUT_UPLOAD: Damage(_to_rossum, _cut, _uncut),
    Stroke.RESET_ROSSUM: Damage(_to_rossum, _reset, _nothing),
    Stroke.HOLE_ROSSUM: Damage(_to_rossum, _hold, _release),
    Stroke.RESET_KAFKA: Damage(_to_kafka, _reset, _nothing),
    Stroke.HOLE_KAFKA: Damage(_to_kafka, _hold, _release),
    Stroke.DOWN_KAFKA: Damage(_to_kafka, Proxy.down, Proxy.up),
    Stroke.SLOW_KAFKA: Damage(_to_kafka, _slow, _fast),
}
