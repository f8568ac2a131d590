"""Asks a port whether a Kafka broker answers there: an open port is not enough, Docker's proxy opens it at once."""

import socket
import struct

#: ApiVersions (key 18) version 0, correlation id 1, no client id: the request that needs nothing before it.
_BODY = struct.pack(">hhih", 18, 0, 1, -1)
_REQUEST = struct.pack(">i", len(_BODY)) + _BODY
_PATIENCE = 1.0


def answers(port: int) -> bool:
    """Whether a broker on 127.0.0.1 answers within a second."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE) as connection:
            connection.sendall(_REQUEST)
            # Length, correlation id, error code 0.
            start = connection.recv(10, socket.MSG_WAITALL)
    except OSError:
        return False
    return start[4:] == b"\x00\x00\x00\x01\x00\x00"
