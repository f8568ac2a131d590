"""Name resolution that lets nothing but permitted addresses through.

A check ahead of the connection would be a race that DNS rebinding wins: here the addresses that were
checked are those that are connected to.
"""

import socket
from collections.abc import Sequence
from ipaddress import ip_address

from aiohttp import AddrInfoType, ThreadedResolver
from aiohttp.abc import AbstractResolver, ResolveResult

from connector.documents.addresses import Network, objection
from connector.errors import Rejected, Stage


class GuardedResolver(AbstractResolver):
    """Asks `inner` and refuses a name as soon as one of its addresses must not be contacted.

    Args:
        private_networks: Allowed besides public addresses.
        inner: The machine's resolver when None.
    """

    def __init__(self, private_networks: Sequence[Network], inner: AbstractResolver | None = None) -> None:
        self._private_networks = private_networks
        self._inner = inner or ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of a name, all of them checked.

        Raises:
            OSError: The name can't be resolved.
            Rejected: One of the addresses must not be contacted.
        """
        answers = await self._inner.resolve(host, port, family)
        if not answers:
            raise OSError("the name has no address")
        for answer in answers:
            self._check(host, answer["host"])
        return answers

    def open_socket(self, addr_info: AddrInfoType) -> socket.socket:
        """A socket for one address: the last line, in case an address came by another way than `resolve`.

        Raises:
            PermissionError: The address must not be contacted.
        """
        family, kind, protocol, _, sockaddr = addr_info
        if objection(ip_address(_without_scope(str(sockaddr[0]))), self._private_networks):
            raise PermissionError("the address is not allowed")
        return socket.socket(family, kind, protocol)

    async def close(self) -> None:
        """Let go of the inner resolver."""
        await self._inner.close()

    def _check(self, host: str, address: str) -> None:
        reason = objection(ip_address(_without_scope(address)), self._private_networks)
        if reason:
            raise Rejected(
                f"The host {host} resolves to the address {address}, which is not allowed: {reason}.",
                stage=Stage.VALIDATE,
            )


def _without_scope(address: str) -> str:
    return address.partition("%")[0]
