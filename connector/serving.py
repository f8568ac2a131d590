"""The life of a process: start, work until told to stop, leave."""

import asyncio

from connector.app import started
from connector.clock import Clock
from connector.collector import calm_collector
from connector.kafka.connection import KafkaConnection
from connector.settings import Settings


async def serve(
    settings: Settings, stop: asyncio.Event, *, clock: Clock | None = None, connection: KafkaConnection | None = None
) -> None:
    """Run the connector until `stop`, then drain and leave; what has not started by then is given up.

    Args:
        settings: Complete ones.
        stop: Set by whoever wants it to end.
        clock: As for :func:`started`.
        connection: Likewise.

    Raises:
        Fatal, NotOurs: It can't work like this; the sentence says why.
        Retryable: Kafka or Rossum was not there at the start.
    """
    begun = False

    async def live() -> None:
        nonlocal begun
        async with started(settings, clock=clock, connection=connection) as app:
            begun = True
            calm_collector()
            await app.run(stop)

    serving, stopping = asyncio.create_task(live()), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if begun or not stop.is_set():
            await serving
    finally:
        serving.cancel()
        stopping.cancel()
        await asyncio.gather(serving, stopping, return_exceptions=True)
