"""Tokens: one login for all, and no storm of them."""

import asyncio

import pytest

from connector.errors import NotOurs, Retryable
from connector.rossum.login import FixedToken, Login
from connector.rossum.session import RossumConnection
from connector.rossum.transport import Sending
from tests.support.virtual_clock import VirtualClock, settle


class Door:
    """The far side of logins, on a virtual clock."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.times: list[float] = []
        self.error: Exception | None = None
        self.login = Login(self._log_in, self.clock)

    async def _log_in(self) -> str:
        self.times.append(self.clock.monotonic())
        await settle()
        if self.error is not None:
            raise self.error
        return f"token {len(self.times)}"

    async def try_until(self, end: float) -> None:
        """A caller every second whose token never works."""
        while self.clock.monotonic() < end:
            try:
                token = await self.login.token()
                await self.login.renew(token)
            except (NotOurs, Retryable):
                pass
            await self.clock.advance(1)


async def test_a_fixed_token_cannot_be_renewed() -> None:
    """Only a person can help; the sentence says how."""
    fixed = FixedToken("secret-token")

    with pytest.raises(NotOurs, match="ROSSUM__TOKEN") as caught:
        await fixed.renew(await fixed.token())

    assert caught.value.http_status == 401
    assert "secret-token" not in str(caught.value)


async def test_one_login_serves_all_who_found_the_token_expired() -> None:
    """Fifty refused callers make one login."""
    door = Door()
    old = await door.login.token()
    door.login.worked(old)

    fresh = await asyncio.gather(*(door.login.renew(old) for _ in range(50)))

    assert set(fresh) == {"token 2"}
    assert len(door.times) == 2


async def test_a_token_that_does_not_help_is_not_replaced_in_a_storm() -> None:
    """Between logins that cure nothing lie 30 s, then twice as long each time."""
    door = Door()

    await door.try_until(250)

    assert door.times == [0.0, 30.0, 90.0, 210.0]


async def test_a_refused_login_is_not_repeated_in_a_storm() -> None:
    """Wrong credentials do not lock the account."""
    door = Door()
    door.error = NotOurs("no", http_status=401)

    await door.try_until(100)

    assert door.times == [0.0, 30.0, 90.0]


async def test_while_logins_pause_callers_are_told_what_to_check() -> None:
    """The breaker's error is of the same kind as the cause."""
    door = Door()
    door.error = NotOurs("no", http_status=401)
    with pytest.raises(NotOurs):
        await door.login.token()

    with pytest.raises(NotOurs, match="ROSSUM__PASSWORD") as caught:
        await door.login.token()

    assert caught.value.http_status == 401


async def test_a_login_without_an_answer_is_soon_tried_again() -> None:
    """An outage of Rossum heals quickly."""
    door = Door()
    door.error = Retryable("no answer")
    with pytest.raises(Retryable):
        await door.login.token()
    with pytest.raises(Retryable, match="no answer"):
        await door.login.token()

    door.error = None
    await door.clock.advance(2)

    assert await door.login.token() == "token 2"


async def test_a_token_that_worked_is_replaced_at_once() -> None:
    """Expiry is normal: no pause before the next login."""
    door = Door()
    first = await door.login.token()
    door.login.worked(first)

    second = await door.login.renew(first)

    assert (second, door.times) == ("token 2", [0.0, 0.0])


def test_secrets_are_in_no_representation() -> None:
    """What a log or a traceback shows of the settings and of a call holds no secret."""
    connection = RossumConnection("https://acme.rossum.app/api/v1", token="tok-1", username="jane", password="pass-1")

    shown = repr(connection) + repr(Sending(token="tok-1", body=b"pass-1"))

    assert "tok-1" not in shown
    assert "pass-1" not in shown
