"""Forbidden destinations in every disguise known."""

from ipaddress import IPv4Address, IPv6Address

#: Never contacted, whatever the private networks are.
NEVER_V4 = (
    "0.0.0.0",  # noqa: S104 - nothing is bound
    "169.254.169.254",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "224.0.0.1",
    "255.255.255.255",
)
NOT_PUBLIC_V4 = (
    "127.0.0.1",
    "127.255.255.254",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "198.18.0.1",
)
NEVER_V6 = (
    "::",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "fd00:ec2::254",
    "fd20:ce::254",
    "64:ff9b:1::1",
    "100::1",
    "5f00::1",
)
NOT_PUBLIC_V6 = ("::1", "fc00::1", "fd12:3456::1", "2001:db8::1", "2001:10::1", "3fff::1")

_FULL_WIDTH = {ord(digit): 0xFF10 + int(digit) for digit in "0123456789"}
_CIRCLED = {ord(digit): 0x2460 + int(digit) - 1 for digit in "123456789"}


def spellings(text: str) -> list[str]:
    """An IPv4 address as a URL's host, in all forms that some resolver, browser or network understands."""
    return [*_numbers(text), *_unicode(text), *_wrapped(IPv4Address(text))]


def _numbers(text: str) -> list[str]:
    a, b, c, d = (int(part) for part in text.split("."))
    whole = int(IPv4Address(text))
    return [
        text,
        f"{text}.",
        f"{whole}",
        f"0{whole:o}",
        f"000{whole:o}",
        f"0x{whole:x}",
        f"0X{whole:08X}",
        f"0x{a:x}.0x{b:x}.0x{c:x}.0x{d:x}",
        f"0{a:o}.0{b:o}.0{c:o}.0{d:o}",
        f"0{a:03o}.0{b:03o}.0{c:03o}.0{d:03o}",
        f"0x{a:x}.{b}.0{c:o}.{d}",
        f"{a}.{b}.{c << 8 | d}",
        f"{a}.{b << 16 | c << 8 | d}",
        f"0x{a:x}.{b << 16 | c << 8 | d}",
    ]


def _unicode(text: str) -> list[str]:
    return [
        text.translate(_FULL_WIDTH),
        text.translate(_CIRCLED),
        text.replace(".", "\u3002"),
        text.replace(".", "\uff0e"),
        str(int(IPv4Address(text))).translate(_FULL_WIDTH),
    ]


def _wrapped(address: IPv4Address) -> list[str]:
    low = int(address)
    server = int(IPv4Address("8.8.8.8"))
    forms = (
        0xFFFF << 32 | low,  # mapped
        0xFFFF << 48 | low,  # translated
        low,  # compatible
        0x64FF9B << 96 | low,  # NAT64
        0x2002 << 112 | low << 80 | 1,  # 6to4
        0x20010000 << 96 | server << 64 | (low ^ 0xFFFFFFFF),  # Teredo client
        0x20010000 << 96 | low << 64 | (server ^ 0xFFFFFFFF),  # Teredo server
        0x2A00 << 112 | 0x5EFE << 32 | low,  # ISATAP
    )
    return [f"[::ffff:{address}]", *(f"[{IPv6Address(form)}]" for form in forms)]


#: No URL that may be fetched, each for its own reason; `{port}` is the canary's.
TRICKS = (
    "http://127.0.0.1:{port}/",
    "http://docs.example.test:{port}/",
    "ftp://docs.example.test:{port}/",
    "file:///etc/passwd",
    "file://127.0.0.1:{port}/etc/passwd",
    "data:text/plain,x",
    "gopher://127.0.0.1:{port}/_x",
    "ws://127.0.0.1:{port}/",
    "wss://127.0.0.1:{port}/",
    "jar:https://127.0.0.1:{port}/",
    "javascript:alert(1)",
    "https:127.0.0.1:{port}/",
    "https:/127.0.0.1:{port}/",
    "https:///127.0.0.1:{port}/",
    "//127.0.0.1:{port}/",
    "127.0.0.1:{port}",
    "https://",
    "https://:{port}/",
    "https://?127.0.0.1",
    "https://user@docs.example.test:{port}/",
    "https://user:password@docs.example.test:{port}/",
    "https://docs.example.test@127.0.0.1:{port}/",
    "https://docs.example.test:443@127.0.0.1:{port}/",
    "https://127.0.0.1:{port}@docs.example.test/",
    "https://docs.example.test%40127.0.0.1:{port}/",
    "https://docs.example.test#@127.0.0.1:{port}/",
    "https://127.0.0.1:{port}#@docs.example.test/",
    "https://127.0.0.1:{port}?@docs.example.test/",
    "https://127.0.0.1:{port}\\@docs.example.test/",
    "https://docs.example.test\\@127.0.0.1:{port}/",
    "https:\\\\127.0.0.1:{port}/",
    "https://docs.example.test\t@127.0.0.1:{port}/",
    "https://127.0.0.1\n:{port}/",
    "https://127.0.0.1\r\nHost: docs.example.test:{port}/",
    "ht\ntps://127.0.0.1:{port}/",
    " https://127.0.0.1:{port}/",
    "https://127.0.0.1:{port}/ ",
    "https://127.0.0.1 :{port}/",
    "https://127.0.0.1:{port}\0/",
    "https://127.0.0.1%00.docs.example.test:{port}/",
    "https://%31%32%37.0.0.1:{port}/",
    "https://127.0.0.1..:{port}/",
    "https://.127.0.0.1:{port}/",
    "https://127.0.0.256:{port}/",
    "https://127.0.0.0.1:{port}/",
    "https://127.0.0.08:{port}/",
    "https://4294967297:{port}/",
    "https://0x:{port}/",
    "https://1_27.0.0.1:{port}/",
    "https://[127.0.0.1]:{port}/",
    "https://[::1:{port}/",
    "https://::1:{port}/",
    "https://[::1]x:{port}/",
    "https://[fe80::1%25lo]:{port}/",
    "https://[::1%lo]:{port}/",
    "https://[v1.x]:{port}/",
    "https://docs.example.test:0/",
    "https://docs.example.test:-1/",
    "https://docs.example.test:99999/",
    "https://docs.example.test:{port}x/",
    "https://docs.example.test:\u0661/",
    "https://docs.example.test\uff0f127.0.0.1:{port}/",
    "https://docs\u2100example.test:{port}/",
    "https://doc\u00ads.example.test:{port}/",
    "https://docs\u200b.example.test:{port}/",
    "https://localhost:{port}/",
    "https://docs.example.test.evil.test:{port}/",
    "https://evil-docs.example.test:{port}/",
    "https://example.test:{port}/",
    "https://metadata.google.internal:{port}/",
    "https://METADATA.google.internal.:{port}/",
    "https://instance-data:{port}/",
    "https://" + "a" * 64 + ".example.test:{port}/",
    "https://" + "a." * 130 + "test:{port}/",
)
