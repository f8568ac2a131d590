"""The answer to a webhook that was taken: always the same, so it is written as one ready piece.

Building its headers anew costs as much as reading and checking the request.
"""

from email.utils import formatdate

from aiohttp import HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter

from connector.clock import Clock

_BODY = b"{}"
_HEAD = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nDate: {date}\r\n\r\n"


class _Ready(web.Response):
    """An answer for a connection that stays open; it keeps nothing of a request, so that all may share it."""

    def __init__(self, written: bytes) -> None:
        super().__init__(body=_BODY, content_type="application/json")
        self._written = written

    @property
    def keep_alive(self) -> bool | None:
        """The next request comes on the same connection."""
        return True

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Write everything at once."""
        transport = request.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the sender has hung up")
        transport.write(self._written)
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """All is written."""


class Acceptance:
    """Makes the answer; a new one each second, for its `Date`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._second = -1
        self._ready = _Ready(b"")

    def answer(self, request: web.BaseRequest) -> web.Response:
        """The ready piece where it does; else the library's own way, which closes and waits as it has to."""
        transport = request.transport
        if (
            request.keep_alive
            and request.version == HttpVersion11
            and transport is not None
            and transport.get_write_buffer_size() == 0
        ):
            return self._of_this_second()
        return web.Response(body=_BODY, content_type="application/json")

    def _of_this_second(self) -> _Ready:
        second = int(self._clock.now().timestamp())
        if second != self._second:
            self._second = second
            head = _HEAD.format(length=len(_BODY), date=formatdate(second, usegmt=True))
            self._ready = _Ready(head.encode() + _BODY)
        return self._ready
