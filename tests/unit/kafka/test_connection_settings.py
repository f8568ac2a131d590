"""A file for TLS that can't be used is a wrong setting: told by its key, never with a traceback or what it holds."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import trustme

from connector.clock import SystemClock
from connector.domain.check import Check
from connector.errors import SettingsError
from connector.kafka.broker_checks import check_broker
from connector.kafka.connection import KafkaConnection
from connector.settings_kafka import KafkaSettings

RUBBISH = "hush: no certificate"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """A CA, a certificate with its key, the key of another one, and what is none of these."""
    folder = tmp_path_factory.mktemp("tls")
    ca = trustme.CA()
    ours, other = ca.issue_cert("client.test"), ca.issue_cert("other.test")
    ca.cert_pem.write_to_path(folder / "ca.pem")
    ours.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    ours.private_key_pem.write_to_path(folder / "key.pem")
    other.private_key_pem.write_to_path(folder / "other.pem")
    (folder / "rubbish.pem").write_text(RUBBISH)
    return SimpleNamespace(**{name: folder / f"{name}.pem" for name in ("ca", "cert", "key", "other", "rubbish", "no")})


def settings(**more: Any) -> KafkaSettings:
    """Settings of a connection with TLS."""
    return KafkaSettings(bootstrap_servers="nowhere.test:9093", security_protocol="SSL", **more)


def test_files_that_fit_together_are_taken(files: SimpleNamespace) -> None:
    """No error, no problem."""
    KafkaConnection(settings(ssl_cafile=files.ca, ssl_certfile=files.cert, ssl_keyfile=files.key))


@pytest.mark.parametrize(
    ("key", "given"),
    [
        ("CAFILE", {"ssl_cafile": "no"}),
        ("CAFILE", {"ssl_cafile": "rubbish"}),
        ("CERTFILE", {"ssl_certfile": "no", "ssl_keyfile": "key"}),
        ("CERTFILE", {"ssl_certfile": "rubbish", "ssl_keyfile": "key"}),
        ("CERTFILE", {"ssl_certfile": "cert"}),
        ("KEYFILE", {"ssl_certfile": "cert", "ssl_keyfile": "no"}),
        ("KEYFILE", {"ssl_certfile": "cert", "ssl_keyfile": "rubbish"}),
        ("KEYFILE", {"ssl_certfile": "cert", "ssl_keyfile": "other"}),
    ],
)
def test_a_file_that_cannot_be_used_is_told_by_its_setting(
    files: SimpleNamespace, key: str, given: dict[str, str]
) -> None:
    """In one line, without a word of what the file holds."""
    with pytest.raises(SettingsError) as caught:
        KafkaConnection(settings(**{name: getattr(files, file) for name, file in given.items()}))

    told = str(caught.value)
    assert told.startswith("CONNECTOR_KAFKA__SSL_")
    assert f"__SSL_{key}" in told
    assert "hush" not in told
    assert len(told.splitlines()) == 1


def test_a_key_without_its_password_is_told(files: SimpleNamespace, tmp_path: Path) -> None:
    """OpenSSL would ask the terminal, and a service has none."""
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - comes with trustme

    key = serialization.load_pem_private_key(files.key.read_bytes(), None)
    encrypted = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"good"),
    )
    (tmp_path / "encrypted.pem").write_bytes(encrypted)
    with_key = {"ssl_certfile": files.cert, "ssl_keyfile": tmp_path / "encrypted.pem"}

    KafkaConnection(settings(**with_key, ssl_password="good"))
    for password in (None, "bad"):
        with pytest.raises(SettingsError, match=r"__SSL_PASSWORD: .* can't be used for TLS"):
            KafkaConnection(settings(**with_key, ssl_password=password))


async def test_the_check_has_a_line_for_it(files: SimpleNamespace) -> None:
    """As for everything else that is wrong; nobody is asked anything."""
    found: list[Check] = []

    await check_broker(settings(ssl_cafile=files.no), SystemClock(), found, retention=1e6)

    assert [(check.name, check.is_fine) for check in found] == [("kafka", False)]
    assert found[0].sentence.startswith("CONNECTOR_KAFKA__SSL_CAFILE: ")
