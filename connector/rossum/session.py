"""Credentials and the one HTTP session: who we are to Rossum, and the bytes of one exchange.

Rossum's tokens live up to 162 hours; login itself is throttled, so one login serves everybody who found the token
expired (https://elis.rossum.ai/api/docs/#authentication).
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self

import aiohttp
import orjson

from connector.clock import Clock
from connector.errors import NotOurs, Retryable
from connector.rossum import requests
from connector.rossum.answer import Answer
from connector.rossum.failures import (
    NETWORK_ERRORS,
    AnswerTooLargeError,
    failure_of_exchange,
    failure_of_read,
    retry_after_of,
    words_of,
)
from connector.rossum.wire import read_login

CONNECT_TIMEOUT = 10.0
READ_TIMEOUT = 60.0
#: Seconds for a whole small exchange, however steadily it drips.
CALL_DEADLINE = 90.0
#: Bytes of one answer that we are ready to hold: 100 annotations with large contents.
LARGEST_ANSWER = 64 * 1024 * 1024
#: Pauses (seconds) after a failed login; the last one repeats. Too many logins lock the account out.
LOGIN_PAUSES = (30.0, 60.0, 120.0, 300.0)
_UNAUTHORIZED = 401


@dataclass(frozen=True, slots=True)
class RossumConnection:
    """How to reach Rossum.

    Attributes:
        base_url: With `/api/v1`, without a trailing slash.
        requests_per_second: Of the whole deployment; 0 = no limit of our own.
    """

    base_url: str
    token: str | None = None
    username: str | None = None
    password: str | None = None
    requests_per_second: float = 8.0

    def __repr__(self) -> str:
        return f"RossumConnection({self.base_url})"


class Session:
    """Sends calls with valid credentials."""

    def __init__(self, connection: RossumConnection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self._token = connection.token
        self._logging_in = asyncio.Lock()
        self._login_failures = 0
        self._no_login_before = float("-inf")
        self._http: aiohttp.ClientSession | None = None
        self._offset: timedelta | None = None
        self.heard_at = float("-inf")

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=128, ttl_dns_cache=60),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": "rossum-kafka-connector", "Accept": "application/json"},
            trust_env=False,
            auto_decompress=True,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._http is not None:
            await self._http.close()

    @property
    def http(self) -> aiohttp.ClientSession:
        """The open session."""
        if self._http is None:
            raise Retryable("the Rossum client is not open")
        return self._http

    def now(self) -> datetime:
        """Rossum's time, by the offset that its newest answer showed."""
        return self._clock.now() + (self._offset or timedelta(0))

    def url(self, path: str) -> str:
        """An address of the API."""
        return self._connection.base_url + path

    async def authorization(self) -> dict[str, str]:
        """The header that names us; logs in first where there is no token yet."""
        if self._token is None:
            await self.renew(None)
        return {"Authorization": f"Bearer {self._token}"}

    @property
    def token(self) -> str | None:
        """What the newest calls went out with."""
        return self._token

    async def renew(self, expired: str | None) -> None:
        """Log in again, once for all who found `expired` refused.

        Raises:
            NotOurs: A fixed token, or the login is refused; or the last failure is too recent to try again.
            Retryable: Rossum does not answer.
        """
        if self._connection.token is not None:
            raise NotOurs("Rossum refuses the token (401): check ROSSUM__TOKEN", http_status=_UNAUTHORIZED)
        async with self._logging_in:
            if self._token != expired:
                return
            if self._clock.monotonic() < self._no_login_before:
                raise NotOurs("Rossum refused the last login; the next one waits", http_status=_UNAUTHORIZED)
            try:
                self._token = await self._login()
            except NotOurs:
                pause = LOGIN_PAUSES[min(self._login_failures, len(LOGIN_PAUSES) - 1)]
                self._login_failures += 1
                self._no_login_before = self._clock.monotonic() + pause
                raise
            self._login_failures = 0

    async def _login(self) -> str:
        call = requests.login()
        body = {"username": self._connection.username, "password": self._connection.password}
        answer, error = await self.exchange(call, {}, json=body)
        if error is not None:
            if answer.status in (400, _UNAUTHORIZED, 403):
                raise NotOurs(
                    "Rossum refuses the login: check ROSSUM__USERNAME and ROSSUM__PASSWORD", http_status=answer.status
                )
            raise error
        return read_login(answer)

    async def exchange(
        self, call: requests.Call, headers: dict[str, str], *, json: Any = None
    ) -> tuple[Answer, Exception | None]:
        """One exchange without a streamed body: the answer, and the error that its status means.

        Raises:
            Retryable: No sensible answer.
        """
        data = None if json is None else orjson.dumps(json)
        if data is not None:
            headers = {**headers, "Content-Type": "application/json"}
        timeout = aiohttp.ClientTimeout(total=CALL_DEADLINE, sock_connect=CONNECT_TIMEOUT, sock_read=READ_TIMEOUT)
        try:
            async with self.http.request(
                call.method,
                self.url(call.path),
                params=list(call.params),
                headers=headers,
                data=data,
                timeout=timeout,
                allow_redirects=False,
            ) as response:
                payload = await _read(call.name, response)
        except NETWORK_ERRORS as error:
            raise failure_of_exchange(call.name, error) from error
        return self._answered(call, response, payload)

    def _answered(
        self, call: requests.Call, response: aiohttp.ClientResponse, payload: bytes
    ) -> tuple[Answer, Exception | None]:
        answer = Answer(call.name, response.status, self.heard(response), location=response.headers.get("Location"))
        if response.status == HTTPStatus.SEE_OTHER:
            return answer, None
        if not response.ok or response.status >= HTTPStatus.MULTIPLE_CHOICES:
            pause = retry_after_of(response.headers.get("Retry-After"), answer.at)
            words = words_of(response.content_type, payload)
            return answer, failure_of_read(call.name, response.status, words, retry_after=pause)
        if not payload:
            return answer, None
        try:
            data = orjson.loads(payload)
        except orjson.JSONDecodeError:
            return answer, answer.senseless("it is no JSON")
        return Answer(call.name, answer.status, answer.at, data, answer.location), None

    def heard(self, response: aiohttp.ClientResponse) -> datetime:
        """Rossum's `Date` of an answer; keeps our idea of its clock."""
        now = self._clock.now()
        try:
            date = parsedate_to_datetime(response.headers.get("Date", ""))
        except (ValueError, TypeError):
            return self.now()
        self.heard_at = self._clock.monotonic()
        # A Date has whole seconds: half of one is the best guess, and only real differences change the offset.
        offset = date + timedelta(seconds=0.5) - now
        if self._offset is None or abs(offset - self._offset) > timedelta(seconds=1):
            self._offset = offset if abs(offset) > timedelta(seconds=1) else timedelta(0)
        return self.now()


async def _read(name: str, response: aiohttp.ClientResponse) -> bytes:
    """A whole answer, as far as we are ready to hold it."""
    pieces, size = [], 0
    async for piece in response.content.iter_chunked(256 * 1024):
        size += len(piece)
        if size > LARGEST_ANSWER:
            raise AnswerTooLargeError(f"Rossum's answer to {name} has more than {LARGEST_ANSWER} bytes")
        pieces.append(piece)
    return b"".join(pieces)
