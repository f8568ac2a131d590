"""Asks Rossum on behalf of the client: with a slot of the budget, valid credentials, and errors that say what to do."""

from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from types import TracebackType
from typing import Self

import orjson

from connector.clock import Clock
from connector.errors import NotOurs, SettingsError, Throttled
from connector.rossum import requests
from connector.rossum.answer import Answer, Received
from connector.rossum.budget import Budget
from connector.rossum.failures import (
    NETWORK_ERRORS,
    failure_of_change,
    failure_of_exchange,
    failure_of_login,
    failure_of_read,
)
from connector.rossum.login import Credentials, FixedToken, Login
from connector.rossum.requests import Call
from connector.rossum.rossum_time import RossumTime
from connector.rossum.transport import ApiCall, Sending, Sink, Timeouts, Transport
from connector.rossum.wire import read_login

#: Answers of Rossum's that mean yes: read, created, begun, gone as wished.
_FINE = frozenset({HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.ACCEPTED, HTTPStatus.NO_CONTENT})


@dataclass(frozen=True, slots=True)
class RossumConnection:
    """How to reach Rossum, and as whom: by `token`, or by `username` and `password`.

    Attributes:
        base_url: With `/api/v1`.
        requests_per_second: Of the whole deployment; 0 = no limit of our own.
        reject_identical: Whether Rossum shall refuse (409) a file whose name and content the organisation has.
    """

    base_url: str
    token: str | None = field(default=None, repr=False)
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    requests_per_second: float = 8.0
    reject_identical: bool = False
    timeouts: Timeouts = field(default_factory=Timeouts)


class Session:
    """The conversation of one process with Rossum; used as `async with`.

    Args:
        connection: Where, and as whom.
        clock: Paces the budget.
        on_call: Told of each exchange.
        beside: The session of another user in the same process; budget and time are shared with it.
    """

    def __init__(
        self,
        connection: RossumConnection,
        *,
        clock: Clock,
        on_call: Callable[[ApiCall], None],
        beside: "Session | None" = None,
    ) -> None:
        self._connection = connection
        self._clock = clock
        self.budget: Budget = beside.budget if beside else Budget(connection.requests_per_second, clock)
        self.time: RossumTime = beside.time if beside else RossumTime(clock)
        self.transport = Transport(
            connection.base_url, connection.timeouts, clock=clock, time=self.time, on_call=on_call
        )
        self.credentials = self._credentials()

    async def __aenter__(self) -> Self:
        await self.transport.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.budget.close()
        await self.transport.__aexit__(kind, error, trace)

    async def ask(self, call: Call, *, sink: Sink | None = None) -> Answer:
        """Wait for a slot and send a call; a 429 puts it back into its lane.

        Raises:
            Retryable: No sensible answer.
            NotOurs: Our credentials are refused, or what the call is about is not ours or not there.
        """
        while True:
            await self.budget.take(call.lane)
            try:
                return await self.send(call, sink=sink)
            except Throttled:
                continue

    async def ask_or_none(self, call: Call, *, sink: Sink | None = None) -> Answer | None:
        """The same; None for a 404 in Rossum's own words: the object is gone."""
        try:
            return await self.ask(call, sink=sink)
        except NotOurs as error:
            if error.http_status == HTTPStatus.NOT_FOUND:
                return None
            raise

    async def ask_page(self, call: Call, page: int) -> Answer | None:
        """The same for a page of a list; None beyond the last page, which Rossum answers with 404."""
        return await self.ask(call) if page == 1 else await self.ask_or_none(call)

    async def send(self, call: Call, *, sink: Sink | None = None) -> Answer:
        """Send a call whose slot is taken; once more with a new token (and slot) where the old one has expired.

        Raises:
            Throttled: Rossum said 429; the budget pauses.
            Retryable, NotOurs: As `ask`.
        """
        token = await self.credentials.token()
        received = await self._exchange(call, token, sink)
        if received.status == HTTPStatus.UNAUTHORIZED:
            token = await self.credentials.renew(token)
            await self.budget.take(call.lane)
            received = await self._exchange(call, token, sink)
        if received.status != HTTPStatus.UNAUTHORIZED:
            self.credentials.worked(token)
        return _answer(call, received, is_stream=sink is not None)

    def slow_down(self, received: Received, *, started: float) -> None:
        """Let everybody pause after a 429 to a call that started then (monotonic seconds)."""
        if received.status == HTTPStatus.TOO_MANY_REQUESTS:
            self.budget.pause(received.retry_after, started=started)

    async def _exchange(self, call: Call, token: str | None, sink: Sink | None = None) -> Received:
        started = self._clock.monotonic()
        headers = {"Content-Type": "application/json"} if call.body else {}
        sending = Sending(token, headers, call.body or None, is_transfer=sink is not None)
        try:
            received = await self.transport.exchange(call, sending, sink=sink)
        except NETWORK_ERRORS as error:
            raise failure_of_exchange(call.name, error, self._connection.base_url) from error
        self.slow_down(received, started=started)
        return received

    async def _log_in(self) -> str:
        """A new token for user name and password."""
        body = orjson.dumps({"username": self._connection.username, "password": self._connection.password})
        call = requests.login(body)
        while True:
            await self.budget.take(call.lane)
            received = await self._exchange(call, None)
            if received.status == HTTPStatus.OK:
                return read_login(_answer(call, received))
            failure = failure_of_login(received)
            if not isinstance(failure, Throttled):
                raise failure

    def _credentials(self) -> Credentials:
        if self._connection.token:
            return FixedToken(self._connection.token)
        if self._connection.username and self._connection.password:
            return Login(self._log_in, self._clock)
        raise SettingsError("no credentials for Rossum: set ROSSUM__TOKEN, or ROSSUM__USERNAME and ROSSUM__PASSWORD")


def _answer(call: Call, received: Received, *, is_stream: bool = False) -> Answer:
    """The decoded answer of a call.

    Raises:
        Throttled, Retryable, NotOurs: It is not what was asked for.
    """
    if received.status == HTTPStatus.SEE_OTHER and received.location:
        return Answer(call.name, received.status, received.at, location=received.location)
    if received.status not in _FINE:
        raise (failure_of_change if call.body else failure_of_read)(call.name, received)
    answer = Answer(call.name, received.status, received.at)
    if is_stream or received.status == HTTPStatus.NO_CONTENT:
        return answer
    if not received.is_json:
        raise answer.senseless("its content type is not JSON")
    try:
        data = orjson.loads(received.payload)
    except orjson.JSONDecodeError as error:
        raise answer.senseless("it is no JSON") from error
    return Answer(call.name, received.status, received.at, data)
