"""Addresses: what may be contacted and what never."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.documents.addresses import endpoints, literal, objection

EVERYTHING = (ip_network("0.0.0.0/0"), ip_network("::/0"))


@pytest.mark.parametrize(
    "text",
    [
        "8.8.8.8",
        "1.1.1.1",
        "193.0.6.139",
        "2606:4700:4700::1111",
        "2a00:1450::1",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
        "2002:808:808::1",
        "::8.8.8.8",
    ],
)
def test_public_addresses_are_fine(text: str) -> None:
    """Also inside of a transition form."""
    assert objection(ip_address(text), ()) is None


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.31.255.255",
        "192.168.0.1",
        "100.64.0.1",
        "198.18.0.1",
        "192.0.2.1",
        "192.88.99.1",
        "::1",
        "fc00::1",
        "fd12::1",
        "2001:db8::1",
        "2001:10::1",
        "3fff::1",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
        "2002:a00:1::",
        "2620:4f:8000::1",
    ],
)
def test_other_addresses_need_a_private_network(text: str) -> None:
    """Refused by default, allowed where the operator says so."""
    address = ip_address(text)

    assert "IMPORTS__PRIVATE_NETWORKS" in (objection(address, ()) or "")
    assert objection(address, EVERYTHING) is None


@pytest.mark.parametrize(
    "text",
    [
        "0.0.0.0",  # noqa: S104 - nothing is bound
        "0.1.2.3",
        "169.254.169.254",
        "169.254.0.23",
        "224.0.0.1",
        "239.1.1.1",
        "240.0.0.1",
        "255.255.255.255",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "::",
        "fe80::1",
        "fe80::5efe:7f00:1",
        "fec0::1",
        "ff02::1",
        "fd00:ec2::254",
        "fd00:ec2::23",
        "fd20:ce::254",
        "fd00:42::42",
        "fd00:c1::a9fe:a9fe",
        "64:ff9b:1::1",
        "100::1",
        "5f00::1",
        "4000::1",
        "::ffff:169.254.169.254",
        "::ffff:0:169.254.169.254",
        "::169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
        "2a00::5efe:a9fe:a9fe",
    ],
)
def test_some_addresses_are_never_fine(text: str) -> None:
    """Not even inside of a private network that covers everything."""
    assert "never" in (objection(ip_address(text), EVERYTHING) or "")


@given(st.ip_addresses(v=4))
def test_every_wrapping_is_seen_through(address: IPv4Address) -> None:
    """An IPv4 address is judged alike in whatever IPv6 form it comes."""
    low = int(address)
    forms = [
        IPv6Address(0xFFFF << 32 | low),
        IPv6Address(0xFFFF << 48 | low),
        IPv6Address((0x64FF9B << 96) | low),
        IPv6Address((0x2002 << 112) | (low << 80) | 1),
    ]

    assert [endpoints(form) for form in forms] == [(address,)] * 4
    assert {objection(form, ()) for form in forms} == {objection(address, ())}


@given(server=st.ip_addresses(v=4), client=st.ip_addresses(v=4))
def test_both_ends_of_teredo_are_seen(server: IPv4Address, client: IPv4Address) -> None:
    """Packets go to the server and to the client behind it."""
    form = IPv6Address((0x20010000 << 96) | (int(server) << 64) | (int(client) ^ 0xFFFFFFFF))

    assert endpoints(form) == (server, client)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("0x7f000001", "127.0.0.1"),
        ("017700000001", "127.0.0.1"),
        ("0177.0.0.01", "127.0.0.1"),
        ("0x7f.1", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("127.0.1", "127.0.0.1"),
        ("127.65535", "127.0.255.255"),
        ("0", "0.0.0.0"),  # noqa: S104 - nothing is bound
        ("::ffff:7f00:1", "::ffff:127.0.0.1"),
    ],
)
def test_all_spellings_of_an_address_are_read(host: str, address: str) -> None:
    """As `inet_aton` reads them, whatever the machine's resolver does."""
    assert literal(host) == ip_address(address)


@pytest.mark.parametrize("host", ["docs.example.com", "1.2.3.4.example", "0x7f.example", "localhost", "1-2"])
def test_names_are_no_addresses(host: str) -> None:
    """They are resolved."""
    assert literal(host) is None


@pytest.mark.parametrize(
    "host",
    [
        "256.0.0.1",
        "1.2.3.4.5",
        "127.0.0.256",
        "4294967296",
        "08.0.0.1",
        "a.b.1",
        "1..1",
        "0x.1",
        "0xg.1",
        ":::",
    ],
)
def test_what_only_looks_like_an_address_is_refused(host: str) -> None:
    """Neither a name nor an address: nobody knows what a resolver would make of it."""
    with pytest.raises(ValueError, match=r"."):
        literal(host)
