"""Documents behind https URLs."""

import asyncio
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from pathlib import Path

from aiohttp import (
    ClientConnectorCertificateError,
    ClientConnectorDNSError,
    ClientError,
    ClientPayloadError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    TCPConnector,
)
from aiohttp.abc import AbstractResolver

from connector.contracts.arrivals import HttpsSource
from connector.documents.addresses import objection
from connector.documents.guard import Opened
from connector.documents.kinds import media_type
from connector.documents.limits import CHUNK, DocumentLimits
from connector.documents.locations import AllowedHosts, Location, is_metadata_host, parse
from connector.documents.names import name_from_disposition, name_from_url_path
from connector.documents.resolver import GuardedResolver
from connector.errors import Rejected, Retryable, SettingsError, Stage

_MAX_REDIRECTS = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_OK = 200
_FIRST_SERVER_ERROR = 500
#: Not ready, timed out, too early, too many: the document may well come later.
_LATER = frozenset({202, 408, 425, 429})
_HEADERS = {"Accept-Encoding": "identity", "User-Agent": "rossum-kafka-connector"}


class HttpsDocuments:
    """Fetches over one shared session; every connection and every hop is checked anew.

    Args:
        limits: What is allowed, and how long it may take.
        resolver: Asked for the addresses of a name; the machine's own when None.

    Raises:
        SettingsError: A host entry or the CA file is unusable.
    """

    def __init__(self, limits: DocumentLimits, resolver: AbstractResolver | None = None) -> None:
        self._limits = limits
        self._hosts = AllowedHosts(limits.allowed_hosts)
        self._tls = tls_context(limits.ca_file)
        self._inner_resolver = resolver
        self._session: ClientSession | None = None

    async def start(self) -> None:
        """Make the session."""
        resolver = GuardedResolver(self._limits.private_networks, self._inner_resolver)
        connector = TCPConnector(
            limit=0,  # the engine bounds how many documents are open
            use_dns_cache=False,
            resolver=resolver,
            socket_factory=resolver.open_socket,
            ssl=self._tls,
        )
        timeout = ClientTimeout(
            total=None, sock_connect=self._limits.connect_timeout, sock_read=self._limits.read_timeout
        )
        self._session = ClientSession(
            connector=connector,
            timeout=timeout,
            headers=_HEADERS,
            cookie_jar=DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
        )

    async def close(self) -> None:
        """Close the session and its connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    @asynccontextmanager
    async def open(self, source: HttpsSource) -> AsyncIterator[Opened]:
        """The document at the URL of `source`, after at most three redirects.

        Raises:
            Rejected: Not allowed (stage validate), or refused for good (stage fetch).
            Retryable: Unreachable, too slow, or the server says that it may work later.
        """
        first = parse(source.url)
        response = await self._get(first)
        try:
            async with aclosing(_body(response, first.shown, self._limits)) as chunks:
                yield Opened(
                    shown=first.shown,
                    size=response.content_length,
                    chunks=chunks,
                    file_name=_file_name(response, first),
                    content_type=media_type(response.headers.get("Content-Type")),
                )
        finally:
            # Returns a finished connection to the pool already; an unfinished one is of no more use.
            response.close()

    async def _get(self, location: Location) -> ClientResponse:
        for _ in range(_MAX_REDIRECTS + 1):
            self._check(location)
            response = await self._send(location)
            if response.status == _OK:
                return response
            # The body of any other answer is not wanted, however long it is.
            response.close()
            if response.status not in _REDIRECTS:
                raise _refusal(response.status, location.shown)
            location = _next_hop(response, location)
        raise Rejected(
            f"{location.shown}: more than {_MAX_REDIRECTS} redirects; announce the final URL.",
            stage=Stage.FETCH,
        )

    async def _send(self, location: Location) -> ClientResponse:
        if self._session is None:
            raise RuntimeError("documents are fetched inside of `async with DocumentSources(…)` only")
        patience = self._limits.connect_timeout + self._limits.read_timeout
        with _translated(location.shown):
            async with asyncio.timeout(patience):
                return await self._session.get(location.url, allow_redirects=False)

    def _check(self, location: Location) -> None:
        if not self._hosts:
            raise _forbidden(location, "the https source is off; set IMPORTS__ALLOWED_HOSTS")
        if is_metadata_host(location.host):
            raise _forbidden(location, "cloud metadata services are never contacted")
        if not self._hosts.permits(location):
            raise _forbidden(location, "its host and port are not in IMPORTS__ALLOWED_HOSTS")
        if location.address is not None:
            reason = objection(location.address, self._limits.private_networks)
            if reason:
                raise _forbidden(location, f"the address {location.address} is not allowed: {reason}")


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """TLS 1.2 or newer, verified against the system's authorities and those of `ca_file`.

    Raises:
        SettingsError: The file can't be read or holds no certificate.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file is not None:
        try:
            context.load_verify_locations(cafile=ca_file)
        except OSError as error:
            raise SettingsError(
                f"IMPORTS__CA_FILE: {ca_file} is not a readable PEM file of certificates ({error})"
            ) from error
    return context


async def _body(response: ClientResponse, shown: str, limits: DocumentLimits) -> AsyncGenerator[bytes, None]:
    # Only time spent on waiting for the source counts: the receiver may take as long as it likes.
    loop = asyncio.get_running_loop()
    left = limits.transfer_timeout
    while True:
        started = loop.time()
        with _translated(shown):
            async with asyncio.timeout(min(left, limits.read_timeout)):
                chunk = await response.content.read(CHUNK)
        if not chunk:
            return
        left -= loop.time() - started
        if left <= 0:
            raise Retryable(f"{shown} took longer than {limits.transfer_timeout:g} s to send the document")
        yield chunk


def _file_name(response: ClientResponse, first: Location) -> str | None:
    disposition = response.headers.get("Content-Disposition", "")
    # Storage behind a redirect names its files by hashes; the URL that was announced has a meaning.
    return name_from_disposition(disposition) or name_from_url_path(first.path)


def _next_hop(response: ClientResponse, location: Location) -> Location:
    target = response.headers.get("Location")
    if not target:
        raise Rejected(
            f"{location.shown} redirects ({response.status}) without saying where to.",
            stage=Stage.FETCH,
            http_status=response.status,
        )
    return location.follow(target)


def _refusal(status: int, shown: str) -> Rejected | Retryable:
    if status in _LATER or status >= _FIRST_SERVER_ERROR:
        return Retryable(f"{shown} answered {status}; it may work later")
    return Rejected(f"{shown} answered {status} instead of the document.", stage=Stage.FETCH, http_status=status)


def _forbidden(location: Location, reason: str) -> Rejected:
    return Rejected(f"{location.shown} is not fetched: {reason}.", stage=Stage.VALIDATE)


@contextmanager
def _translated(shown: str) -> Iterator[None]:
    """Turn the client's errors into ours; without their cause, which quotes URLs with their query."""
    try:
        yield
    except TimeoutError:
        raise Retryable(f"{shown} did not answer in time") from None
    except ClientConnectorCertificateError as error:
        # An expired certificate gets renewed; a document given up is lost.
        reason = getattr(error.certificate_error, "verify_message", "") or "it does not match"
        raise Retryable(
            f"{shown}: the server's certificate is not trusted ({reason}); renew it or set IMPORTS__CA_FILE"
        ) from None
    except ClientConnectorDNSError:
        raise Retryable(f"{shown}: the host's name can't be resolved") from None
    except ClientPayloadError:
        raise Retryable(f"{shown} was cut short: the connection ended before the document did") from None
    except (ClientError, OSError) as error:
        raise Retryable(f"{shown} can't be reached or read ({type(error).__name__})") from None
