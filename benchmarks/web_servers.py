"""The two servers that intake is measured with, each run as a program that prints its port.

`product` is the connector's webhook port with its Kafka producer and nothing else of it; `bare` is an aiohttp
`Application` that reads the body and answers: what the same stack can do at most.
"""

import argparse
import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from aiohttp import web

from benchmarks.broker import settings_for
from benchmarks.hook_bodies import PATH
from benchmarks.program import on_best_loop
from connector import assembly
from connector.clock import SystemClock
from connector.collector import calm_collector
from connector.kafka.connection import KafkaConnection
from connector.kafka.plain_producer import PlainProducer
from connector.kafka.preflight import look_at_broker
from connector.kafka.work_log import KafkaWorkLog
from connector.rossum.hooks import read_hook
from connector.telemetry import Telemetry
from connector.web.receiver import WebhookReceiver
from connector.web.server import listening


@asynccontextmanager
async def product(bootstrap: str, prefix: str) -> AsyncIterator[int]:
    """The connector's webhook port, wired as the composition root does it."""
    settings = settings_for(bootstrap, prefix)
    connection = KafkaConnection(settings.kafka)
    broker = await look_at_broker(connection, settings.kafka)
    producer = PlainProducer(connection, max_bytes=broker.max_bytes)
    work = KafkaWorkLog(producer, broker.names)
    receiver = WebhookReceiver(
        settings.webhook,
        verify=assembly.verifier(settings.webhook),
        read_hook=read_hook,
        work=work,
        queues=assembly.queues_of(settings.rossum),
        telemetry=Telemetry(),
        clock=SystemClock(),
    )
    try:
        async with listening(receiver.handle, host="127.0.0.1", port=0) as port:
            yield port
    finally:
        await work.close()
        await producer.close()


@asynccontextmanager
async def bare() -> AsyncIterator[int]:
    """An aiohttp application that only answers."""

    async def answer(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(body=b"{}", content_type="application/json")

    application = web.Application()
    application.router.add_post(PATH, answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def _serve(server: AbstractAsyncContextManager[int]) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with server as port:
        calm_collector()
        print(port, flush=True)
        await stop.wait()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("which", choices=("product", "bare"))
    parser.add_argument("--bootstrap-servers", default="")
    parser.add_argument("--prefix", default="")
    given = parser.parse_args()
    server = bare() if given.which == "bare" else product(given.bootstrap_servers, given.prefix)
    on_best_loop(_serve(server))


if __name__ == "__main__":
    main()
