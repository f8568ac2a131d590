"""Every setting of the contract, with its default."""

import pytest

from connector.settings import Settings
from connector.settings_load import PREFIX, env_names, load

#: The contract: every setting with its default.
DEFAULTS: dict[str, object] = {
    "KAFKA__BOOTSTRAP_SERVERS": "localhost:9092",
    "KAFKA__SECURITY_PROTOCOL": "PLAINTEXT",
    "KAFKA__SASL_MECHANISM": "PLAIN",
    **dict.fromkeys(("KAFKA__SASL_USERNAME", "KAFKA__SASL_PASSWORD", "KAFKA__SSL_CAFILE", "KAFKA__SSL_CERTFILE")),
    **dict.fromkeys(("KAFKA__SSL_KEYFILE", "KAFKA__SSL_PASSWORD", "KAFKA__INSTANCE_ID")),
    "KAFKA__GROUP_ID": "rossum-connector",
    "KAFKA__DELIVERY": "exactly-once",
    "KAFKA__WORK_PARTITIONS": 12,
    "KAFKA__TOPICS__ARRIVED": "documents.arrived",
    "KAFKA__TOPICS__LIFECYCLE": "rossum.documents.lifecycle",
    "KAFKA__TOPICS__CAPTURED": "rossum.annotations.captured",
    "KAFKA__TOPICS__READY": "rossum.annotations.ready",
    "KAFKA__TOPICS__DEAD_LETTERS": "rossum.dead-letters",
    "KAFKA__TOPICS__IMPORTS": "rossum.connector.imports",
    "KAFKA__TOPICS__WORK": "rossum.connector.work",
    "KAFKA__TOPICS__LEDGER": "rossum.connector.ledger",
    "KAFKA__TOPIC_PREFIX": "",
    "KAFKA__EVENT_MODE": "binary",
    "KAFKA__MANAGED": True,
    "ROSSUM__BASE_URL": "",
    **dict.fromkeys(("ROSSUM__TOKEN", "ROSSUM__USERNAME", "ROSSUM__PASSWORD", "ROSSUM__DEFAULT_QUEUE")),
    "ROSSUM__QUEUES": {},
    "ROSSUM__REQUESTS_PER_SECOND": 8.0,
    "WEBHOOK__HOST": "0.0.0.0",  # noqa: S104 - a documented default
    "WEBHOOK__PORT": 8080,
    "WEBHOOK__PATH": "/hooks/rossum",
    "WEBHOOK__SECRETS": (),
    "WEBHOOK__MAX_BODY": 2_000_000,
    "WEBHOOK__ALLOWED_NETWORKS": (),
    "WEBHOOK__LEGACY_SHA1": False,
    "OPS__HOST": "0.0.0.0",  # noqa: S104 - a documented default
    "OPS__PORT": 9090,
    "OPS__TOKEN": None,
    **dict.fromkeys(("EMBEDDED__TOKEN", "EMBEDDED__USERNAME", "EMBEDDED__PASSWORD")),
    "SWEEP__INTERVAL": 60.0,
    "SWEEP__LAG": 5.0,
    "SWEEP__OVERLAP": 30.0,
    "SWEEP__DEEP_INTERVAL": 900.0,
    "SWEEP__DEEP_OVERLAP": 900.0,
    "SWEEP__START": None,
    "IMPORTS__CONCURRENCY": 16,
    **dict.fromkeys(
        ("IMPORTS__ALLOWED_HOSTS", "IMPORTS__PRIVATE_NETWORKS", "IMPORTS__FILE_ROOTS", "IMPORTS__ALLOWED_BUCKETS"), ()
    ),
    "IMPORTS__CA_FILE": None,
    "IMPORTS__MAX_BYTES": 40_000_000,
    "IMPORTS__RETRY_FOR": 24 * 3600.0,
    "IMPORTS__TASK_AFTER": 300.0,
    "IMPORTS__DEADLINE": 7200.0,
    "IMPORTS__SETTLE": 600.0,
    "IMPORTS__ON_TWIN": "report",
    "IMPORTS__FILE_NAME": "{name}",
    "IMPORTS__REJECT_IDENTICAL": False,
    "IMPORTS__EMPTY": "skip",
    "IMPORTS__GATHER__ENABLED": False,
    "IMPORTS__GATHER__MAX_COUNT": 20,
    "IMPORTS__GATHER__WAIT": 2.0,
    "IMPORTS__GATHER__ALIKE": (),
    "WEBHOOK__PUBLIC_URL": None,
    "WEBHOOK__GATE": False,
    "CAPTURE__STATUSES": ("exported",),
    "CAPTURE__CLAIM_STORE": None,
    "CAPTURE__CLAIM_QUEUES": (),
    "CAPTURE__FIELDS": {},
    "CAPTURE__QUEUE_FIELDS": {},
    "CAPTURE__CONTENT": True,
    "STATE__DIRECTORY": None,
    "STATE__RETENTION": 400 * 86_400.0,
}


def at(settings: Settings, name: str) -> object:
    """The value of a setting by its environment name."""
    value: object = settings
    for step in name.lower().split("__"):
        value = getattr(value, step)
    return value


@pytest.mark.parametrize(("name", "default"), [*DEFAULTS.items()], ids=[*DEFAULTS])
def test_every_setting_has_its_documented_default(name: str, default: object) -> None:
    """What a user leaves out stays as the contract says."""
    assert at(load(None, {}), name) == default


def test_there_are_no_other_settings() -> None:
    """The contract names them all."""
    assert {name.removeprefix(PREFIX) for name in env_names()} == set(DEFAULTS)


def test_an_empty_variable_is_one_that_is_not_set() -> None:
    """Templates write what has no value as an empty text."""
    optional = [name for name, default in DEFAULTS.items() if default is None]

    assert load(None, {f"CONNECTOR_{name}": "" for name in optional}) == load(None, {})
