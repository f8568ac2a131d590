"""Sees every attempt to connect: listeners on loopback, and Python's own audit of `connect` calls."""

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_watched: list[list[object]] = []


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    if _watched and event == "socket.connect":
        for addresses in _watched:
            addresses.append(arguments[1])


# An audit hook stays for good: there is one, and it looks at nothing unless somebody watches.
sys.addaudithook(_audit)


@contextmanager
def connects() -> Iterator[list[object]]:
    """The addresses that this process tries to connect to meanwhile."""
    addresses: list[object] = []
    _watched.append(addresses)
    try:
        yield addresses
    finally:
        # By identity: another list may hold the same addresses.
        _watched[:] = [each for each in _watched if each is not addresses]


class Canary:
    """Listens on one port of 127.0.0.1, and of ::1 where there is one; accepts nobody unless asked."""

    def __init__(self) -> None:
        self._listeners = [socket.create_server(("127.0.0.1", 0))]
        self.port: int = self._listeners[0].getsockname()[1]
        with suppress(OSError):  # no IPv6 on this machine
            self._listeners.append(socket.create_server(("::1", self.port), family=socket.AF_INET6))
        for listener in self._listeners:
            listener.settimeout(0)

    def visitors(self) -> int:
        """How many connections have arrived since the last call."""
        count = 0
        for listener in self._listeners:
            while True:
                try:
                    listener.accept()[0].close()
                except BlockingIOError:
                    break
                count += 1
        return count

    def close(self) -> None:
        """Stop listening."""
        for listener in self._listeners:
            listener.close()
