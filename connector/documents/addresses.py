"""Which network addresses may be contacted on behalf of an arrival.

The lists are those of IANA's special-purpose registries
(https://www.iana.org/assignments/iana-ipv4-special-registry, https://www.iana.org/assignments/iana-ipv6-special-registry),
kept here because `ipaddress.is_global` differs between Python versions.
"""

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


def _networks(*texts: str) -> tuple[Network, ...]:
    return tuple(ip_network(text) for text in texts)


#: Refused even inside a private network that the operator allows.
_NEVER = _networks(
    "0.0.0.0/8",  # "this host": Linux connects 0.0.0.0 to loopback
    "169.254.0.0/16",  # link-local; the metadata service of most clouds
    "224.0.0.0/4",  # multicast
    "240.0.0.0/4",  # reserved, broadcast
    "100.100.100.200/32",  # metadata: Alibaba
    "168.63.129.16/32",  # metadata: Azure's wire server, a public address
    "192.0.0.192/32",  # metadata: Oracle, classic
    "fe80::/10",  # link-local
    "fec0::/10",  # site-local, deprecated
    "ff00::/8",  # multicast
    "64:ff9b:1::/48",  # local-use NAT64: where the IPv4 address sits depends on the network
    "fd00:ec2::/32",  # metadata: AWS
    "fd20:ce::254/128",  # metadata: Google
    "fd00:c1::a9fe:a9fe/128",  # metadata: Oracle
    "fd00:42::42/128",  # metadata: Scaleway
)
#: IPv6 outside of these is reserved by the IETF.
_IPV6_IN_USE = _networks("2000::/3", "fc00::/7", "::1/128")
_NOT_GLOBAL = _networks(
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.31.196.0/24",
    "192.52.193.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "192.175.48.0/24",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "::1/128",
    "2001::/23",
    "2001:db8::/32",
    "2620:4f:8000::/48",
    "3fff::/20",
    "fc00::/7",
)

# IPv6 addresses whose last 32 bits are an IPv4 address.
_CARRIERS = (
    IPv6Network("::ffff:0:0/96"),  # mapped
    IPv6Network("::ffff:0:0:0/96"),  # translated, RFC 2765
    IPv6Network("64:ff9b::/96"),  # NAT64, RFC 6052
    IPv6Network("::/96"),  # compatible, deprecated
)
_OWN_MEANING = frozenset({IPv6Address("::"), IPv6Address("::1")})
#: The upper half of an ISATAP interface id (RFC 5214), the universal bit masked.
_ISATAP = 0x00005EFE
_ISATAP_MASK = 0xFDFFFFFF
_LOW_32 = 0xFFFFFFFF

_NUMBER = re.compile(r"0x[0-9a-f]+|[0-9]+")
_IPV4_PARTS = 4
_BYTE = 256


def objection(address: Address, private_networks: Iterable[Network]) -> str | None:
    """Why an address must not be contacted, in words; None when it may be.

    Every address that packets may end at has to pass: those inside IPv6 transition forms as well.
    """
    for end in endpoints(address):
        if _is_never(end):
            return "link-local, multicast, reserved and cloud metadata addresses are never contacted"
        if not _is_global(end) and not any(end in network for network in private_networks):
            return "it is not a public address and not within IMPORTS__PRIVATE_NETWORKS"
    return None


def endpoints(address: Address) -> tuple[Address, ...]:
    """Where packets may end: the IPv4 inside mapped, NAT64, 6to4, Teredo and ISATAP forms is unwrapped."""
    if isinstance(address, IPv4Address) or address in _OWN_MEANING:
        return (address,)
    low = IPv4Address(int(address) & _LOW_32)
    if any(address in network for network in _CARRIERS):
        return (low,)
    if address.sixtofour is not None:
        return (address.sixtofour,)
    if address.teredo is not None:
        return address.teredo
    if (int(address) >> 32) & _ISATAP_MASK == _ISATAP:
        return (address, low)
    return (address,)


def literal(host: str) -> Address | None:
    """The address that a host spells, in any of the ways that `inet_aton` knows; None for a name.

    Args:
        host: ASCII, lower case, without brackets and trailing dot.

    Raises:
        ValueError: It looks like an address but is none.
    """
    if ":" in host:
        return IPv6Address(host)
    parts = host.split(".")
    if not _NUMBER.fullmatch(parts[-1]):
        return None
    *heads, tail = (_number(part) for part in parts)
    room = _IPV4_PARTS - len(heads)
    if room < 1 or tail >= _BYTE**room or any(head >= _BYTE for head in heads):
        raise ValueError("not an IPv4 address")
    return IPv4Address(int.from_bytes(bytes(heads)) * _BYTE**room + tail)


def _number(text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise ValueError("not a number")
    if text.startswith("0x"):
        return int(text, 16)
    return int(text, 8 if text.startswith("0") else 10)


def _is_never(address: Address) -> bool:
    if address.version == 6 and not any(address in network for network in _IPV6_IN_USE):  # noqa: PLR2004 - IPv6
        return True
    return any(address in network for network in _NEVER)


def _is_global(address: Address) -> bool:
    return address.is_global and not any(address in network for network in _NOT_GLOBAL)
