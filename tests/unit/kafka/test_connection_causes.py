"""A connection that fails is told by its reason and the setting to look at, on both loops that commands run on."""

import asyncio
import logging
import ssl
import struct
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
import uvloop

from connector import logs
from connector.errors import KafkaUnavailable
from connector.kafka.connection import KafkaConnection
from connector.settings_kafka import KafkaSettings

#: Requests (https://kafka.apache.org/protocol#protocol_api_keys).
METADATA, SASL_HANDSHAKE, API_VERSIONS, SASL_AUTHENTICATE = 3, 17, 18, 36
#: What the listeners know, up to which version, and how they say so.
KNOWN = {METADATA: 1, SASL_HANDSHAKE: 1, API_VERSIONS: 0, SASL_AUTHENTICATE: 0}
VERSIONS = struct.pack(">hi", 0, len(KNOWN)) + b"".join(struct.pack(">hhh", key, 0, KNOWN[key]) for key in KNOWN)
ONE_MECHANISM = struct.pack(">ih", 1, 5) + b"PLAIN"
LOGIN: dict[str, Any] = {"sasl_username": "connector", "sasl_password": "hush"}
OTHER_LISTENER = "the listener may want another KAFKA__SECURITY_PROTOCOL, or a certificate"

Run = Callable[[Coroutine[Any, Any, str]], str]


@pytest.fixture(params=[asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    """The loop of the service, and that of `check`."""
    loop: Run = request.param
    return loop


@asynccontextmanager
async def listener(answers: Mapping[int, bytes], tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """A broker that has these answers, by request, and closes the connection at any other one; its address."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (size := int.from_bytes(await reader.readexactly(4))) < 2**20:
                key, _, number = struct.unpack(">hhi", (await reader.readexactly(size))[:8])
                answer = struct.pack(">i", number) + answers[key]
                writer.write(struct.pack(">i", len(answer)) + answer)
        except (KeyError, asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls) as server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def failure(answers: Mapping[int, bytes], *, tls: ssl.SSLContext | None = None, **settings: Any) -> str:
    """What is said where such a listener is connected to."""
    async with listener(answers, tls) as address:
        connection = KafkaConnection(KafkaSettings(bootstrap_servers=address, **settings))
        with pytest.raises(KafkaUnavailable) as caught:
            async with connection.admin():
                pass
    return str(caught.value).replace(address, "there")


def said(reason: str) -> str:
    """The sentence for a reason."""
    return f"Kafka failed while connecting to there (KAFKA__BOOTSTRAP_SERVERS): {reason}"


@pytest.mark.parametrize(
    ("handshake", "login", "reason"),
    [
        (0, 58, "SaslAuthenticationFailed; check KAFKA__SASL_USERNAME and KAFKA__SASL_PASSWORD"),
        (33, 0, "UnsupportedSaslMechanismError; the listener wants another KAFKA__SASL_MECHANISM"),
        (34, 0, "IllegalSaslStateError; the listener wants no login: check KAFKA__SECURITY_PROTOCOL"),
    ],
)
def test_a_login_that_is_refused_is_no_wrong_address(run: Run, handshake: int, login: int, reason: str) -> None:
    """By the broker's error in its answers, without the password."""
    answers = {
        API_VERSIONS: VERSIONS,
        SASL_HANDSHAKE: struct.pack(">h", handshake) + ONE_MECHANISM,
        SASL_AUTHENTICATE: struct.pack(">hhi", login, -1, -1),
    }

    assert run(failure(answers, security_protocol="SASL_PLAINTEXT", **LOGIN)) == said(reason)


def test_a_listener_that_wants_a_login_is_told(run: Run) -> None:
    """A broker closes the connection on the first request that is no login."""
    assert OTHER_LISTENER in run(failure({API_VERSIONS: VERSIONS}))


def test_tls_is_told_from_none(run: Run) -> None:
    """A client with TLS at a listener without it, and the other way round."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(tls)

    assert OTHER_LISTENER in run(failure({}, security_protocol="SSL"))
    assert OTHER_LISTENER in run(failure({}, tls=tls))


def test_a_certificate_that_nobody_trusts_is_told(run: Run, tmp_path: Path) -> None:
    """With the setting for the authority."""
    trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(tls)

    told = run(failure({}, tls=tls, security_protocol="SSL", ssl_cafile=tmp_path / "other.pem"))

    assert "SSLCertVerificationError; check KAFKA__SSL_CAFILE" in told


async def away(*before: str) -> str:
    """What is said of a port where nobody listens, behind other brokers."""
    async with listener({}) as address:
        pass
    connection = KafkaConnection(KafkaSettings(bootstrap_servers=",".join([*before, address])))
    with pytest.raises(KafkaUnavailable) as caught:
        async with connection.admin():
            pass
    return str(caught.value)


async def away_behind_one_that_refuses() -> str:
    """The same, where another broker is there and wants a login."""
    async with listener({API_VERSIONS: VERSIONS}) as address:
        return await away(address)


def test_an_address_where_nobody_listens_is_the_only_thing_to_look_at(run: Run) -> None:
    """Unless another broker is there and says more."""
    assert run(away()).endswith("(KAFKA__BOOTSTRAP_SERVERS): ConnectionRefusedError")
    assert OTHER_LISTENER in run(away_behind_one_that_refuses())


def test_a_hushed_command_says_the_same(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its sentence is all that it says."""
    for name in logs.NOISY:
        monkeypatch.setattr(logging.getLogger(name), "propagate", True)
    logs.hush()

    assert run(away()).endswith("ConnectionRefusedError")
