"""Who we are to Rossum: a fixed token, or one that user name and password bring.

A token lives up to 162 hours and login is throttled (https://elis.rossum.ai/api/docs/#authentication), so one login
serves everybody who found the token expired, and what it does not cure is not repeated quickly.
"""

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Protocol

from connector.clock import Clock
from connector.errors import NotOurs, Retryable

#: Seconds between two logins of which the first did not help; doubled each time up to the longest.
SHORTEST_PAUSE = 30.0
LONGEST_PAUSE = 900.0
#: The same where Rossum did not answer the login at all.
SHORTEST_RETRY = 2.0
LONGEST_RETRY = 30.0


class Credentials(Protocol):
    """Where tokens come from."""

    async def token(self) -> str:
        """The token to send.

        Raises:
            NotOurs: There is none to be had.
            Retryable: Rossum does not answer.
        """

    async def renew(self, refused: str) -> str:
        """Another token than the one that Rossum refused with 401; raises as `token` does."""

    def worked(self, token: str) -> None:
        """Rossum accepted that token."""


class FixedToken:
    """A token from the settings: nothing can be done when it is refused."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def token(self) -> str:
        """The token."""
        return self._token

    async def renew(self, refused: str) -> str:  # noqa: ARG002 - there is only one
        """Fail: only a person can renew it."""
        raise NotOurs(
            "Rossum refuses the token (401): it is wrong, revoked or expired; set a valid ROSSUM__TOKEN",
            http_status=HTTPStatus.UNAUTHORIZED,
        )

    def worked(self, token: str) -> None:
        """Nothing to note."""


class Login:
    """A token from user name and password.

    Args:
        log_in: Asks Rossum for a token; raises `NotOurs` when refused, `Retryable` without an answer.
    """

    def __init__(self, log_in: Callable[[], Awaitable[str]], clock: Clock) -> None:
        self._log_in = log_in
        self._clock = clock
        self._token: str | None = None
        self._one_at_a_time = asyncio.Lock()
        self._pause = 0.0
        self._not_before = float("-inf")
        self._last_failure: NotOurs | Retryable | None = None

    async def token(self) -> str:
        """The newest token; logs in where there is none yet."""
        return self._token or await self._fresh(None)

    async def renew(self, refused: str) -> str:
        """A token that is not the refused one, by one login for all who ask."""
        return await self._fresh(refused)

    def worked(self, token: str) -> None:
        """The newest token is good: its successor may be asked for at once."""
        if token == self._token:
            self._pause, self._not_before, self._last_failure = 0.0, float("-inf"), None

    async def _fresh(self, refused: str | None) -> str:
        async with self._one_at_a_time:
            if self._token is not None and self._token != refused:
                return self._token
            self._respect_pause()
            try:
                self._token = await self._log_in()
            except NotOurs as error:
                self._back_off(SHORTEST_PAUSE, LONGEST_PAUSE, error)
                raise
            except Retryable as error:
                self._back_off(SHORTEST_RETRY, LONGEST_RETRY, error)
                raise
            # Until this token has worked somewhere it counts as one more login that did not help.
            self._back_off(SHORTEST_PAUSE, LONGEST_PAUSE, None)
            return self._token

    def _respect_pause(self) -> None:
        left = self._not_before - self._clock.monotonic()
        if left <= 0:
            return
        if isinstance(self._last_failure, Retryable):
            raise Retryable(f"the last login to Rossum got no answer; the next is tried in {left:.0f} s")
        raise NotOurs(
            f"Rossum refuses the login or the token that it brought; the next login is tried in {left:.0f} s: "
            "check ROSSUM__USERNAME and ROSSUM__PASSWORD",
            http_status=HTTPStatus.UNAUTHORIZED,
        )

    def _back_off(self, shortest: float, longest: float, failure: NotOurs | Retryable | None) -> None:
        self._pause = min(longest, max(shortest, 2 * self._pause))
        self._not_before = self._clock.monotonic() + self._pause
        self._last_failure = failure
