"""Whatever a Kafka call ends in, its caller is told "not now", and nothing that looks like a defect."""

import asyncio
import contextlib

import pytest
import uvloop

from connector.errors import KafkaUnavailable
from connector.kafka.connection import within

#: Seconds that stand for ever: many times the deadline.
FOREVER = 2.0


async def _written_to_a_closed_connection() -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.sockets[0].getsockname()[1])
        await reader.read()
        writer.transport.abort()
        await asyncio.wait([asyncio.ensure_future(writer.wait_closed())])

        async def send() -> None:
            writer.write(b"a request")

        await within(1, send(), "testing")


async def test_that_a_connection_closed_under_a_call_is_kafka_unavailable() -> None:
    """The service's own loop says it in its own way, which aiokafka does not catch."""
    with pytest.raises(KafkaUnavailable, match="Kafka failed while testing: ConnectionResetError"):
        await asyncio.to_thread(uvloop.run, _written_to_a_closed_connection())


async def test_that_a_call_ends_by_its_deadline_whatever_it_does() -> None:
    """Some of aiokafka's calls wait for ever when nobody answers, and swallow a cancellation."""

    async def hangs() -> None:
        never = asyncio.get_running_loop().create_future()
        until = asyncio.get_running_loop().time() + FOREVER
        while (left := until - asyncio.get_running_loop().time()) > 0:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait({never}, timeout=left)

    with pytest.raises(KafkaUnavailable, match=r"Kafka did not answer within 0\.05 s while testing"):
        await within(0.05, hangs(), "testing")
