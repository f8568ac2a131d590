"""Settings that would be taken and do nothing are refused, each in a sentence that says what to do."""

from pathlib import Path

import pytest

from connector.errors import SettingsError
from connector.settings_load import load

QUEUES = {"CONNECTOR_ROSSUM__QUEUES": '{"invoices": 8198, "receipts": 8199}'}


def complaints(environ: dict[str, str], config: Path | None = None) -> list[str]:
    """What loading says, line by line."""
    with pytest.raises(SettingsError) as caught:
        load(config, environ)
    return str(caught.value).splitlines()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"CONNECTOR_ROSSUM__DEFAULT_QUEUE": "8200"},
            "CONNECTOR_ROSSUM: ROSSUM__DEFAULT_QUEUE is 8200, which is not in ROSSUM__QUEUES: add it there",
        ),
        (
            {"CONNECTOR_CAPTURE__CLAIM_QUEUES": "[8198, 8200, 8201]"},
            "settings: CAPTURE__CLAIM_QUEUES names 8200, 8201, not in ROSSUM__QUEUES: add it there or take it out",
        ),
    ],
)
def test_a_queue_that_nobody_serves_is_refused(changes: dict[str, str], said: str) -> None:
    """Its documents would go up, and nobody would look after them."""
    assert complaints({**QUEUES, **changes}) == [said]


def test_queues_that_are_served_are_fine() -> None:
    """By their ids; a command that is told only the default queue needs no others."""
    settings = load(
        None, {**QUEUES, "CONNECTOR_ROSSUM__DEFAULT_QUEUE": "8199", "CONNECTOR_CAPTURE__CLAIM_QUEUES": "[8198]"}
    )
    alone = load(None, {"CONNECTOR_ROSSUM__DEFAULT_QUEUE": "8199"})

    assert (settings.rossum.default_queue, settings.capture.claim_queues) == (8199, (8198,))
    assert alone.rossum.default_queue == 8199


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"SASL_USERNAME": "u", "SASL_PASSWORD": "hush"},
            "KAFKA__SASL_* is set, but KAFKA__SECURITY_PROTOCOL=PLAINTEXT",
        ),
        ({"SASL_MECHANISM": "SCRAM-SHA-512"}, "KAFKA__SASL_* is set, but KAFKA__SECURITY_PROTOCOL=PLAINTEXT"),
        ({"SASL_USERNAME": "u", "SECURITY_PROTOCOL": "SSL"}, "KAFKA__SASL_* is set, but KAFKA__SECURITY_PROTOCOL=SSL"),
        ({"SSL_CAFILE": "/ca.pem"}, "KAFKA__SSL_* is set, but KAFKA__SECURITY_PROTOCOL=PLAINTEXT"),
        (
            {
                "SSL_CAFILE": "/ca.pem",
                "SASL_USERNAME": "u",
                "SASL_PASSWORD": "hush",
                "SECURITY_PROTOCOL": "SASL_PLAINTEXT",
            },
            "KAFKA__SSL_* is set, but KAFKA__SECURITY_PROTOCOL=SASL_PLAINTEXT",
        ),
    ],
)
def test_what_the_protocol_does_not_use_is_refused(changes: dict[str, str], said: str) -> None:
    """Who sets a password means to log in."""
    (told,) = complaints({f"CONNECTOR_KAFKA__{name}": text for name, text in changes.items()})

    assert said in told
    assert "SASL_SSL" in told
    assert "hush" not in told


@pytest.mark.parametrize("changes", [{"SSL_KEYFILE": "/key.pem"}, {"SSL_PASSWORD": "hush"}])
def test_what_belongs_to_a_certificate_is_refused_without_one(changes: dict[str, str]) -> None:
    """Who sets it means to show one."""
    (name,) = changes
    changes = {"SECURITY_PROTOCOL": "SSL", **changes}

    assert complaints({f"CONNECTOR_KAFKA__{name}": text for name, text in changes.items()}) == [
        f"CONNECTOR_KAFKA: KAFKA__{name} needs KAFKA__SSL_CERTFILE"
    ]


def test_the_defaults_written_out_are_fine() -> None:
    """A template has a line for everything."""
    written = {"SECURITY_PROTOCOL": "PLAINTEXT", "SASL_MECHANISM": "PLAIN", "SASL_USERNAME": "", "SSL_CAFILE": ""}
    secrets = dict.fromkeys(("SASL_PASSWORD", "SASL_PASSWORD_FILE", "SSL_PASSWORD_FILE"), "")

    settings = load(None, {f"CONNECTOR_KAFKA__{name}": text for name, text in (written | secrets).items()})

    assert settings == load(None, {})


def test_a_secret_stays_where_its_file_is_an_empty_variable() -> None:
    """A template has a line for each of the two places, too."""
    secrets = {"CONNECTOR_ROSSUM__TOKEN": "t", "CONNECTOR_WEBHOOK__SECRETS": '["one"]'}
    files = {f"{name}_FILE": "" for name in secrets}

    assert load(None, {**secrets, **files}) == load(None, secrets)


def test_a_start_in_the_future_is_refused() -> None:
    """Until then nothing would be published."""
    (told,) = complaints({"CONNECTOR_SWEEP__START": "9999-01-01"})

    assert told.startswith("CONNECTOR_SWEEP__START: is in the future")
    assert told.endswith("name an instant that has passed")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[sweep]\ninterval = true\n", "CONNECTOR_SWEEP__INTERVAL: must be a duration"),
        ("[webhook]\nmax_body = true\n", "CONNECTOR_WEBHOOK__MAX_BODY: must be a size"),
    ],
)
def test_yes_is_no_quantity(tmp_path: Path, text: str, said: str) -> None:
    """It would be one second, or one byte."""
    config = tmp_path / "connector.toml"
    config.write_text(text)

    (told,) = complaints({}, config)

    assert said in told
