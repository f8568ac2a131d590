"""The resolver's last line: a socket for one address."""

import socket

import pytest

from connector.documents.resolver import GuardedResolver


async def test_no_socket_for_a_forbidden_address() -> None:
    """An address that came by another way than `resolve` is stopped before it is connected to."""
    resolver = GuardedResolver(())

    with pytest.raises(PermissionError):
        resolver.open_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 443)))


async def test_a_socket_for_a_public_address() -> None:
    """Opened, not connected."""
    resolver = GuardedResolver(())

    with resolver.open_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("8.8.8.8", 443))) as opened:
        family = opened.family

    assert family is socket.AF_INET
