"""The proxy that tests damage wires with: each control does what it says, to one direction only."""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from tests.support.kafka_requests import END_TXN, PRODUCE, Hold
from tests.support.proxy import Proxy, proxied
from tests.support.waiting import eventually

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def echoed() -> AsyncIterator[tuple[Proxy, bytearray]]:
    """A proxy before a server that sends back what it gets, and what that server got."""
    got = bytearray()

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(1000):
                got.extend(data)
                writer.write(data)
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with server, proxied(server.sockets[0].getsockname()[1]) as proxy:
        yield proxy, got


@asynccontextmanager
async def client(proxy: Proxy) -> AsyncIterator[Ends]:
    """A connection through it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def nothing_comes(reader: asyncio.StreamReader) -> bool:
    """Whether a moment passes without a byte."""
    try:
        async with asyncio.timeout(0.2):
            return not await reader.read(1)
    except TimeoutError:
        return True


async def test_that_bytes_pass_unless_something_is_set() -> None:
    """Untouched, it is not there."""
    async with echoed() as (proxy, _), client(proxy) as (reader, writer):
        writer.write(b"hello")

        assert await reader.readexactly(5) == b"hello"
        assert (proxy.to_server.passed, proxy.to_client.passed) == (5, 5)


async def test_that_a_black_hole_keeps_the_bytes() -> None:
    """Nothing comes through while it is held; on release nothing is missing."""
    async with echoed() as (proxy, got), client(proxy) as (reader, writer):
        proxy.hold()
        writer.write(b"hello")
        silent = await nothing_comes(reader)
        held = bytes(got)
        proxy.release()

        assert (silent, held) == (True, b"")
        assert await reader.readexactly(5) == b"hello"


async def test_that_an_answer_is_swallowed() -> None:
    """The server gets the request; its answer never arrives."""
    async with echoed() as (proxy, got), client(proxy) as (reader, writer):
        proxy.to_client.swallow = True
        writer.write(b"hello")

        await eventually(lambda: bytes(got) == b"hello")
        assert await nothing_comes(reader)
        assert proxy.to_client.swallowed == 5


async def test_that_a_connection_is_cut_after_so_many_bytes() -> None:
    """The server gets that many and not one more; the client a reset."""
    async with echoed() as (proxy, got), client(proxy) as (reader, writer):
        proxy.to_server.cut_after = 3
        writer.write(b"hello")

        with pytest.raises(ConnectionResetError):
            await reader.readexactly(5)
        assert bytes(got) in (b"", b"hel")
        assert proxy.to_server.passed == 3


async def test_that_down_refuses_and_up_is_the_same_port() -> None:
    """Connections there are are reset, new ones refused; afterwards all is as before."""
    async with echoed() as (proxy, _):
        async with client(proxy) as (reader, _):
            await eventually(lambda: proxy.connections == 1)
            await proxy.down()
            with pytest.raises(ConnectionResetError):
                await reader.read(1)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", proxy.port)
        await proxy.up()

        async with client(proxy) as (reader, writer):
            writer.write(b"hello")
            assert await reader.readexactly(5) == b"hello"


def request(key: int, body: bytes) -> bytes:
    """A request of the Kafka protocol, as far as the proxy looks at it."""
    version, number = 0, 7
    return struct.pack(">ihhi", 8 + len(body), key, version, number) + body


async def test_that_a_held_request_arrives_although_its_sender_has_left() -> None:
    """Others pass before it; it arrives on release, even if its client's connection is long gone."""
    hold = Hold()
    async with echoed() as (proxy, got):
        proxy.to_server.gate = hold
        hold.hold(END_TXN, most=1)
        async with client(proxy) as (reader, writer):
            writer.write(request(PRODUCE, b"one") + request(END_TXN, b"late"))
            await eventually(lambda: hold.held == 1)
            await reader.readexactly(len(request(PRODUCE, b"one")))
            before = bytes(got)
            proxy.hang_up()
            with pytest.raises(ConnectionResetError):
                await reader.read(1)
        async with client(proxy) as (reader, writer):
            writer.write(request(END_TXN, b"again"))
            await reader.readexactly(len(request(END_TXN, b"again")))
        hold.release()

        assert before == request(PRODUCE, b"one")
        await eventually(lambda: bytes(got).endswith(request(END_TXN, b"again") + request(END_TXN, b"late")))
