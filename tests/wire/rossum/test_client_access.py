"""Credentials that fail, and far sides that are not Rossum."""

import asyncio
from datetime import timedelta

import pytest

from connector.domain.ids import AnnotationId
from connector.errors import NotOurs, Retryable
from connector.rossum.transport import LARGEST_ANSWER
from tests.wire.rossum import client_harness as harness
from tests.wire.rossum.client_harness import USER, USERNAME, connected, served

MEGABYTE = 1024 * 1024


async def test_a_404_of_a_proxy_is_no_proof_that_something_is_gone() -> None:
    """Only Rossum itself can say so."""

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await harness.head_of(reader)
        writer.write(harness.response("404 Not Found", b"<html>nginx</html>", content_type="text/html"))

    async with served(proxy) as client:
        with pytest.raises(Retryable, match="ROSSUM__BASE_URL"):
            await client.annotation(AnnotationId(1))


async def test_a_ping_tells_organization_and_time() -> None:
    """Proof that the credentials work."""
    async with connected() as side:
        ping = await side.client.ping()

        assert ping.organization == await side.client.organization()
        assert abs(ping.at - side.client.now()) < timedelta(seconds=5)


async def test_the_roles_of_the_credentials_are_told() -> None:
    """A viewer's, who may change nothing, too; who may not read the roles has unknown ones."""
    async with connected() as side:
        plain = await side.client.users.roles()
        await side.control("POST", "/behaviour", {"viewer_user": True})
        viewer = await side.client.users.roles()
        with pytest.raises(NotOurs) as refused:
            await side.upload()
        await side.fault("^/groups", "status:403")
        unknown = await side.client.users.roles()

    assert [set(roles) for roles in (plain, viewer, unknown)] == [{"manager"}, {"viewer"}, set()]
    assert refused.value.http_status == 403


async def test_one_login_serves_all_callers_of_an_expired_token() -> None:
    """Fifty readers find the token expired; Rossum sees two logins in all and everybody gets an answer."""
    async with connected(**USER) as side:
        ids = await side.finished(50)
        await side.client.organization()
        await side.control("POST", "/time", {"shift": 163 * 3600})

        answers = await asyncio.gather(*(side.client.annotation(AnnotationId(number)) for number in ids))

        assert all(answers)
        assert await side.count("POST /auth/login") == 2


async def test_a_revoked_fixed_token_stops_visibly() -> None:
    """Nothing can be done but tell which setting to change, and never the token."""
    async with connected(token="revoked-token") as side:
        with pytest.raises(NotOurs, match="ROSSUM__TOKEN") as caught:
            await side.client.organization()

    assert caught.value.http_status == 401
    assert "revoked-token" not in str(caught.value)


async def test_wrong_credentials_make_no_login_storm() -> None:
    """A hundred callers, one login."""
    async with connected(token=None, username=USERNAME, password="wrong-password") as side:
        outcomes = await asyncio.gather(
            *(side.client.annotation(AnnotationId(number)) for number in range(100, 200)), return_exceptions=True
        )

        assert {type(outcome) for outcome in outcomes} == {NotOurs}
        assert not any("wrong-password" in str(outcome) for outcome in outcomes)
        assert await side.count("POST /auth/login") == 1


async def test_an_endless_401_makes_no_login_storm() -> None:
    """A server that refuses its own tokens is asked for one more, not for hundreds."""
    async with connected(**USER) as side:
        await side.fault("^/annotations", "status:401", times=0)

        outcomes = [
            await asyncio.gather(side.client.annotation(AnnotationId(1)), return_exceptions=True) for _ in range(20)
        ]

        assert {type(outcome) for [outcome] in outcomes} == {NotOurs}
        assert await side.count("POST /auth/login") == 1


async def test_redirects_are_not_followed() -> None:
    """The token goes to no other place."""
    asked: list[bytes] = []

    async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await harness.head_of(reader))
        writer.write(harness.response("302 Found", more="Location: /api/v1/elsewhere/1\r\n"))

    async with served(redirect) as client:
        with pytest.raises(Retryable, match="ROSSUM__BASE_URL"):
            await client.annotation(AnnotationId(1))

    assert len(asked) == 1


async def test_a_task_that_redirects_is_understood() -> None:
    """Also where the server ignores that it shall not."""

    async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await harness.head_of(reader)
        writer.write(harness.response("303 See Other", more="Location: https://x/api/v1/uploads/7\r\n"))

    async with served(redirect) as client:
        task = await client.task("https://x/api/v1/tasks/24")

    assert task is not None
    assert (task.status, task.upload) == ("succeeded", "https://x/api/v1/uploads/7")


async def test_an_endless_answer_is_given_up() -> None:
    """No answer takes the memory of the process; this one has an end for whoever would read it all."""

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await harness.head_of(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n")
        for _ in range(2 * LARGEST_ANSWER // MEGABYTE):
            writer.write(b" " * MEGABYTE)
            await writer.drain()

    async with served(flood) as client:
        with pytest.raises(Retryable, match="more than"):
            await client.annotation(AnnotationId(1))
