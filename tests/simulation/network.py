"""TCP without a kernel: connections between ports of one loop, with latency, resets and silence on request."""

import asyncio
import contextvars
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.simulation.effects import Phase
from tests.simulation.virtual_loop import PROCESS, VirtualLoop

#: Seconds from one end to the other.
LATENCY = (0.0002, 0.003)
FIRST_PORT = 20_000


@dataclass(slots=True)
class Trouble:
    """What happens to bytes that travel towards a port, until it is taken back.

    Attributes:
        delay: More seconds on the way.
        reset: Chance that a connection is reset instead of carrying a piece.
        swallow: Chance that a piece and all after it never arrive.
    """

    delay: float = 0.0
    reset: float = 0.0
    swallow: float = 0.0


class _End(asyncio.Transport):
    """One end of a connection."""

    def __init__(self, network: "Network", port: int, *, is_client: bool) -> None:
        super().__init__({"sockname": ("127.0.0.1", port), "peername": ("127.0.0.1", port), "socket": None})
        self._network = network
        self._port = port
        self.is_client = is_client
        self._context = contextvars.copy_context()
        self._closing = False
        self._lost = False
        self._muted = False
        self._paused = False
        self._held: list[bytes] = []
        self._arrives = 0.0
        self.peer: _End
        self.protocol: Any = None

    @property
    def process(self) -> str | None:
        return self._context.get(PROCESS)

    def write(self, data: Any) -> None:
        if self._closing or self._lost or self._muted or not data or self._network.is_stopped_by(self, data):
            return
        ours = self.process is None and self.peer.process is None
        trouble = _NONE if ours else self._network.trouble.get(self._port, _NONE)
        chance = self._network.random
        if trouble.reset and chance.random() < trouble.reset:
            self.sever(ConnectionResetError("reset"))
            return
        if trouble.swallow and chance.random() < trouble.swallow:
            self._muted = True
            return
        self._later(self.peer, self.peer._arrived, bytes(data), delay=trouble.delay)

    def writelines(self, list_of_data: Any) -> None:
        self.write(b"".join(list_of_data))

    def _later(self, end: "_End", what: Callable[..., None], *args: Any, delay: float = 0.0) -> None:
        """Something happens at an end, in its process, after what was sent before."""
        loop = self._network.loop
        # Strictly later than the piece before: timers of one moment have no order.
        self._arrives = max(self._arrives + 1e-6, loop.time() + self._network.random.uniform(*LATENCY) + delay)
        loop.call_at(self._arrives, what, *args, context=end._context)

    def _arrived(self, data: bytes) -> None:
        self._held.append(data)
        self._hand_over()

    def _hand_over(self) -> None:
        while self._held and not self._paused and not self._lost:
            data = self._held.pop(0)
            self.protocol.data_received(data)
            self._network.has_arrived(self.peer, data)

    def pause_reading(self) -> None:
        self._paused = True

    def resume_reading(self) -> None:
        self._paused = False
        self._network.loop.call_soon(self._hand_over, context=self._context)

    def is_reading(self) -> bool:
        return not self._paused

    def close(self) -> None:
        if self._closing:
            return
        self._closing = True
        if not self._muted:
            self._later(self.peer, self.peer._ended)
        self._network.loop.call_soon(self._lose, None, context=self._context)

    def abort(self) -> None:
        self.sever(None)

    def sever(self, error: Exception | None) -> None:
        """Both ends are gone at once."""
        for end in (self, self.peer):
            self._network.loop.call_soon(end._lose, error, context=end._context)

    def _ended(self) -> None:
        """The other end has said all."""
        if not self._lost:
            self.protocol.eof_received()
            self._closing = True
            self._lose(None)

    def _lose(self, error: Exception | None) -> None:
        if not self._lost:
            self._lost = self._closing = True
            self._network.forget(self)
            self.protocol.connection_lost(error)

    def is_closing(self) -> bool:
        return self._closing

    def can_write_eof(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Buffers have no limit here."""

    def set_protocol(self, protocol: Any) -> None:
        self.protocol = protocol

    def get_protocol(self) -> Any:
        return self.protocol


_NONE = Trouble()


@dataclass(slots=True)
class _Listener:
    """A port that somebody listens on; looks like asyncio's server."""

    network: "Network"
    port: int
    factory: Callable[[], Any]
    context: contextvars.Context

    @property
    def sockets(self) -> list["_Listener"]:
        return [self]

    def getsockname(self) -> tuple[str, int]:
        """As a socket says it."""
        return "127.0.0.1", self.port

    def close(self) -> None:
        """Accept nobody any more."""
        self.network.listeners.pop(self.port, None)

    async def wait_closed(self) -> None:
        """There is nothing to wait for."""

    def is_serving(self) -> bool:
        """Whether it accepts."""
        return self.port in self.network.listeners


@dataclass(slots=True)
class Network:
    """All ports and connections of one world; :meth:`install` puts it under a loop."""

    loop: VirtualLoop
    random: Random
    listeners: dict[int, _Listener] = field(default_factory=dict)
    trouble: dict[int, Trouble] = field(default_factory=dict)
    ends: dict[_End, None] = field(default_factory=dict)
    tap: Callable[[_End, bytes, Phase], bool] | None = None
    _next_port: int = FIRST_PORT
    _addresses: dict[int, int] = field(default_factory=dict)

    def install(self) -> None:
        """From here on the loop's connections are these."""
        loop: Any = self.loop
        loop.create_server = self.create_server
        loop.create_connection = self.create_connection
        loop.sock_connect = self.sock_connect

    async def create_server(
        self, factory: Callable[[], Any], host: Any = None, port: Any = None, **_more: Any
    ) -> _Listener:
        """Listen."""
        del host
        number = int(port or 0)
        if number == 0:
            self._next_port += 1
            number = self._next_port
        listener = _Listener(self, number, factory, contextvars.copy_context())
        self.listeners[number] = listener
        return listener

    async def sock_connect(self, sock: socket.socket, address: tuple[str, int]) -> None:
        """Only take note: the connection is made with its protocol."""
        if address[1] not in self.listeners:
            raise ConnectionRefusedError(111, "Connection refused")
        self._addresses[sock.fileno()] = address[1]

    async def create_connection(
        self, factory: Callable[[], Any], host: Any = None, port: Any = None, *, sock: Any = None, **_more: Any
    ) -> tuple[_End, Any]:
        """Connect both ends."""
        del host
        if sock is not None:
            port = self._addresses.pop(sock.fileno())
            sock.close()
        listener = self.listeners.get(int(port))
        if listener is None:
            raise ConnectionRefusedError(111, "Connection refused")
        client = _End(self, int(port), is_client=True)
        server = listener.context.copy().run(lambda: _End(self, int(port), is_client=False))
        client.peer, server.peer = server, client
        self.ends.update({client: None, server: None})
        server.protocol = server._context.run(listener.factory)
        self.loop.call_soon(server.protocol.connection_made, server, context=server._context)
        client.protocol = factory()
        client.protocol.connection_made(client)
        return client, client.protocol

    def is_stopped_by(self, end: _End, data: bytes) -> bool:
        """Whether who wants to send is dead, perhaps since this moment."""
        if self.tap is not None and self.tap(end, data, Phase.BEFORE):
            return True
        return end.process in self.loop.dead

    def has_arrived(self, sender: _End, data: bytes) -> None:
        """A piece is with the other end."""
        if self.tap is not None:
            self.tap(sender, data, Phase.AFTER)

    def forget(self, end: _End) -> None:
        """It is over."""
        self.ends.pop(end, None)

    def process_died(self, process: str) -> None:
        """The kernel of a dead process resets its connections and frees its ports."""
        for port in [n for n, listener in self.listeners.items() if listener.context.get(PROCESS) == process]:
            del self.listeners[port]
        for end in [end for end in self.ends if end.process == process]:
            # After what it had sent: that is on its way.
            end._later(end.peer, end.peer._lose, ConnectionResetError("peer died"))
            self.forget(end)
