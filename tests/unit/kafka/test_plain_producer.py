"""The producer of all that is written outside of transactions is replaced after its first error."""

import asyncio
from typing import Any, cast

import pytest
from aiokafka.errors import KafkaTimeoutError

from connector.errors import KafkaUnavailable
from connector.kafka.plain_producer import PlainProducer, PlainRecord

RECORD = PlainRecord("work", 0, b"[]")


class Client:
    """A client of Kafka; once a record of its was lost there is a hole in what it numbers."""

    def __init__(self, *, loses: bool) -> None:
        self.loses = loses
        self.sent = 0
        self.stopped = asyncio.Event()

    async def start(self) -> None:
        """At once."""

    async def stop(self) -> None:
        """Somebody lets go of it."""
        self.stopped.set()

    async def send(self, topic: str, **record: Any) -> asyncio.Future[None]:
        """Stored, or lost."""
        del topic, record
        self.sent += 1
        sent: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.loses:
            sent.set_exception(KafkaTimeoutError())
        else:
            sent.set_result(None)
        return sent


class Connection:
    """Makes clients, the first of which loses what it sends."""

    connecting = "connecting"

    def __init__(self) -> None:
        self.made: list[Client] = []

    def producer(self, **more: Any) -> Client:
        """Another one."""
        del more
        self.made.append(Client(loses=not self.made))
        return self.made[-1]


async def test_that_a_client_is_not_used_again_after_an_error() -> None:
    """What is sent next goes by a new one, and the old one is let go."""
    connection = Connection()
    producer = PlainProducer(cast("Any", connection), max_bytes=1_000_000)

    with pytest.raises(KafkaUnavailable, match="a record was not acknowledged: KafkaTimeoutError"):
        await producer.send([RECORD])
    await producer.send([RECORD, RECORD])
    async with asyncio.timeout(5):
        await connection.made[0].stopped.wait()
    await producer.close()

    assert [client.sent for client in connection.made] == [1, 2]
