"""URLs of documents: parsed once, strictly, into the very parts that are connected to.

Nobody else parses the text again, so there is no second opinion about which host it names.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NoReturn
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from yarl import URL

from connector.documents.addresses import Address, literal
from connector.errors import Rejected, SettingsError, Stage

DEFAULT_PORT = 443
_MAX_URL = 8192
_MAX_HOST = 253
#: Characters of a path in a message.
_MAX_SHOWN = 200
_NAME = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,62})(?:\.[a-z0-9_](?:[a-z0-9_-]{0,62}))*")
#: Everything with a meaning in RFC 3986, and "%": what is encoded already stays as it is (signed URLs).
_KEPT = "%/:?#[]@!$&'()*+,;=~"
_METADATA_HOSTS = frozenset(
    {
        "instance-data",
        "instance-data.ec2.internal",
        "metadata",
        "metadata.azure.internal",
        "metadata.goog",
        "metadata.google.internal",
        "metadata.platformequinix.com",
        "metadata.tencentyun.com",
    }
)


@dataclass(frozen=True, slots=True)
class Location:
    """A URL that is well-formed and https; its host is not checked yet.

    Attributes:
        host: Name in ASCII (punycode), lower case, without trailing dot; or an address, canonical.
        port: TCP port.
        path: Percent-encoded, begins with a slash.
        query: Percent-encoded, without the question mark.
        address: Set when the host is an address and not a name.
    """

    host: str
    port: int
    path: str
    query: str
    address: Address | None

    @property
    def url(self) -> URL:
        """For the HTTP client, untouched by further quoting."""
        return URL.build(
            scheme="https",
            authority=self._authority,
            path=self.path,
            query_string=self.query,
            encoded=True,
        )

    @property
    def shown(self) -> str:
        """For messages: no query, which may hold a signature."""
        path = self.path if len(self.path) <= _MAX_SHOWN else f"{self.path[:_MAX_SHOWN]}…"
        return f"https://{self._authority}{path}"

    @property
    def _authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORT else f"{host}:{self.port}"

    def follow(self, redirect: str) -> "Location":
        """Where a Location header leads from here.

        Raises:
            Rejected: Like `parse`.
        """
        _check_text(redirect)
        try:
            target = urljoin(str(self.url), redirect)
        except ValueError:
            _refuse("it redirects to something that is no URL")
        return parse(target)


class AllowedHosts:
    """The hosts and ports that the operator allows.

    Raises:
        SettingsError: An entry is neither `host`, `host:port`, `*.host` nor `*.host:port`.
    """

    def __init__(self, entries: Iterable[str]) -> None:
        self._exact: set[tuple[str, int]] = set()
        self._below: set[tuple[str, int]] = set()
        for entry in entries:
            place = _parse_entry(entry)
            (self._below if entry.startswith("*.") else self._exact).add((place.host, place.port))

    def __bool__(self) -> bool:
        return bool(self._exact or self._below)

    def permits(self, location: Location) -> bool:
        """Whether an entry names the host and the port of `location`."""
        if (location.host, location.port) in self._exact:
            return True
        if location.address is not None:
            return False
        labels = location.host.split(".")
        return any((".".join(labels[i:]), location.port) in self._below for i in range(1, len(labels)))


def is_metadata_host(host: str) -> bool:
    """Whether a name is a cloud's metadata service."""
    return host in _METADATA_HOSTS


def parse(text: str) -> Location:
    """The parts of an https URL.

    Raises:
        Rejected: Not a URL, not https, with user information, or with a host or port that is none. The
            message doesn't repeat the text: before it is parsed nobody knows which part of it is secret.
    """
    _check_text(text)
    try:
        parts = urlsplit(text)
        port = DEFAULT_PORT if parts.port is None else parts.port
    except ValueError:
        _refuse("its host or port is malformed")
    if parts.scheme != "https":
        _refuse("only the scheme https is fetched")
    if "@" in parts.netloc:
        _refuse("it contains user information; name the host alone")
    if port == 0:
        _refuse("its host or port is malformed")
    host, address = _host(parts)
    return Location(host, port, quote(parts.path, safe=_KEPT) or "/", quote(parts.query, safe=_KEPT), address)


def _check_text(text: str) -> None:
    if len(text) > _MAX_URL:
        _refuse(f"it is longer than {_MAX_URL} characters")
    if text != text.strip() or "\\" in text or any(unicodedata.category(c) in {"Cc", "Cs"} for c in text):
        _refuse("it contains a backslash, a control character or blanks around it")


def _host(parts: SplitResult) -> tuple[str, Address | None]:
    host = parts.hostname or ""
    if parts.netloc.startswith("[") != (":" in host):
        _refuse("its host or port is malformed")
    try:
        host = _ascii(host)
        if ":" not in host and not (_NAME.fullmatch(host) and len(host) <= _MAX_HOST):
            _refuse("its host name is malformed")
        if "%" in host:
            _refuse("its address names a network interface")
        address = literal(host)
    except ValueError:
        _refuse("its host looks like an address or an international name but is none")
    return (host if address is None else str(address)), address


def _ascii(host: str) -> str:
    if not host.isascii():
        host = URL.build(scheme="https", host=host).raw_host or ""
    return host.lower().removesuffix(".")


def _parse_entry(entry: str) -> Location:
    rest = entry.removeprefix("*.")
    try:
        place = parse(f"https://{rest}")
    except Rejected:
        place = None
    has_more = any(c in rest for c in "/?#*")
    if place is None or has_more or (rest != entry and place.address is not None):
        raise SettingsError(
            f"IMPORTS__ALLOWED_HOSTS: {entry!r} is not a host; write docs.example.com, *.example.com "
            "or either with a port, docs.example.com:8443"
        )
    return place


def _refuse(reason: str) -> NoReturn:
    raise Rejected(f"The URL of the document is not allowed: {reason}.", stage=Stage.VALIDATE) from None
