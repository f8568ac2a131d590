"""Settings: where they come from, and what is said when one is wrong."""

from ipaddress import ip_network
from pathlib import Path

import pytest

from connector.errors import SettingsError
from connector.settings import Settings
from connector.settings_load import env_names, load, require_for_run

GOOD = {
    "CONNECTOR_ROSSUM__BASE_URL": "https://example.test/api/v1/",
    "CONNECTOR_ROSSUM__TOKEN": "very secret",
    "CONNECTOR_ROSSUM__QUEUES": '{"invoices": 8198}',
    "CONNECTOR_WEBHOOK__SECRETS": '["one", "two"]',
}


def at(settings: Settings, name: str) -> object:
    """The value of a setting by its environment name."""
    value: object = settings
    for step in name.lower().split("__"):
        value = getattr(value, step)
    return value


def complaints(environ: dict[str, str], config: Path | None = None) -> str:
    """What loading says."""
    with pytest.raises(SettingsError) as caught:
        require_for_run(load(config, environ))
    return str(caught.value)


def test_a_complete_environment_loads() -> None:
    """What a user exports is what the parts get."""
    settings = load(None, GOOD)

    require_for_run(settings)
    assert settings.rossum.base_url == "https://example.test/api/v1"
    assert settings.rossum.queues == {"invoices": 8198}
    assert [secret.get_secret_value() for secret in settings.webhook.secrets] == ["one", "two"]


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("SWEEP__INTERVAL", "15m", 900.0),
        ("IMPORTS__RETRY_FOR", "90", 90.0),
        ("WEBHOOK__MAX_BODY", "64KiB", 65_536),
        ("KAFKA__MANAGED", "true", True),
        ("OPS__PORT", "0", 0),
        ("ROSSUM__REQUESTS_PER_SECOND", "0", 0.0),
        ("IMPORTS__ALLOWED_HOSTS", '["files.test", "*.cdn.test"]', ("files.test", "*.cdn.test")),
        ("IMPORTS__FILE_ROOTS", '["/in"]', (Path("/in"),)),
        ("IMPORTS__PRIVATE_NETWORKS", '["10.0.0.0/8", "fd00::/8"]', (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))),
        ("ROSSUM__QUEUES", '{"invoices": 8198, "receipts": 8199}', {"invoices": 8198, "receipts": 8199}),
        ("ROSSUM__QUEUES", "[8198]", {"8198": 8198}),
        ("ROSSUM__DEFAULT_QUEUE", "8198", 8198),
        ("CAPTURE__FIELDS", '{"a": "x", "b": "y"}', {"a": "x", "b": "y"}),
        ("CAPTURE__FIELDS", '["a", "b"]', {"a": "a", "b": "b"}),
        ("CAPTURE__QUEUE_FIELDS", '{"8198": ["a"], "8199": {}}', {"8198": {"a": "a"}, "8199": {}}),
        ("CAPTURE__CONTENT", "false", False),
        ("CAPTURE__STATUSES", '["exported", "confirmed"]', ("exported", "confirmed")),
        ("IMPORTS__GATHER__MAX_COUNT", "5", 5),
        ("KAFKA__TOPICS__WORK", "inner.work", "inner.work"),
        ("KAFKA__BOOTSTRAP_SERVERS", "kafka-1:9092, 10.0.0.7,[fd00::1]:9093", "kafka-1:9092, 10.0.0.7,[fd00::1]:9093"),
        ("IMPORTS__FILE_NAME", "{stem}-{import_id}.{suffix}", "{stem}-{import_id}.{suffix}"),
        ("SWEEP__START", "2026-01-31", "2026-01-31T00:00:00.000000Z"),
    ],
)
def test_the_environment_has_a_form_for_everything(name: str, text: str, value: object) -> None:
    """Numbers, durations, sizes and names as text, lists and maps as JSON."""
    assert at(load(None, {f"CONNECTOR_{name}": text}), name) == value


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    """A file gives the defaults of a deployment, the environment the last word."""
    config = tmp_path / "connector.toml"
    config.write_text('[kafka]\ngroup_id = "file"\n[sweep]\ninterval = "2m"\n')

    settings = load(config, {"CONNECTOR_KAFKA__GROUP_ID": "environment"})

    assert settings.kafka.group_id == "environment"
    assert settings.sweep.interval == 120.0


def test_secrets_come_from_files(tmp_path: Path) -> None:
    """A token of one line, a list of one secret a line."""
    (tmp_path / "token").write_text("abc\n")
    (tmp_path / "secrets").write_text("one\n\ntwo\n")
    environ = {
        "CONNECTOR_ROSSUM__TOKEN_FILE": str(tmp_path / "token"),
        "CONNECTOR_WEBHOOK__SECRETS_FILE": str(tmp_path / "secrets"),
    }

    settings = load(None, environ)

    assert settings.rossum.token is not None
    assert settings.rossum.token.get_secret_value() == "abc"
    assert len(settings.webhook.secrets) == 2


def test_the_prefix_goes_before_every_topic() -> None:
    """Deployments on one broker are kept apart by one setting."""
    topics = load(None, {"CONNECTOR_KAFKA__TOPIC_PREFIX": "eu."}).kafka.topics

    assert all(name.startswith("eu.") for name in topics.model_dump().values())


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("CONNECTOR_KAFKA__BOOTSTRAP_SERVER", "CONNECTOR_KAFKA__BOOTSTRAP_SERVERS"),
        ("CONNECTOR_KAFKA_GROUP_ID", "CONNECTOR_KAFKA__GROUP_ID"),
        ("CONNECTOR_SWEEPS__INTERVAL", "CONNECTOR_SWEEP__INTERVAL"),
        ("CONNECTOR_IMPORTS__GATHER__MAXCOUNT", "CONNECTOR_IMPORTS__GATHER__MAX_COUNT"),
    ],
)
def test_a_typo_names_the_nearest_key(name: str, near: str) -> None:
    """Unknown keys are errors that help."""
    assert f"{name} is not a setting; did you mean {near}?" in complaints({**GOOD, name: "x"})


def test_a_typo_in_the_file_names_the_nearest_key(tmp_path: Path) -> None:
    """The same for TOML."""
    config = tmp_path / "connector.toml"
    config.write_text('[kafka]\ngroupid = "x"\n')

    assert "did you mean CONNECTOR_KAFKA__GROUP_ID?" in complaints(GOOD, config)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"CONNECTOR_SWEEP__LAG": "soon"}, "CONNECTOR_SWEEP__LAG: must be a duration"),
        ({"CONNECTOR_ROSSUM__BASE_URL": "ftp://x"}, "CONNECTOR_ROSSUM__BASE_URL: must be an http(s) URL"),
        ({"CONNECTOR_KAFKA__MANAGED": "false"}, "KAFKA__MANAGED=false needs KAFKA__DELIVERY=at-least-once"),
        ({"CONNECTOR_IMPORTS__DEADLINE": "7h"}, "CONNECTOR_IMPORTS__DEADLINE: must be below 6h"),
        ({"CONNECTOR_IMPORTS__FILE_NAME": "{nmae}"}, "CONNECTOR_IMPORTS__FILE_NAME: may use {name}"),
        ({"CONNECTOR_ROSSUM__DEFAULT_QUEUE": "bills"}, "no alias of ROSSUM__QUEUES"),
        ({"CONNECTOR_ROSSUM__USERNAME": "u"}, "set ROSSUM__TOKEN or ROSSUM__USERNAME"),
        ({"CONNECTOR_EMBEDDED__USERNAME": "u"}, "set both EMBEDDED__USERNAME and EMBEDDED__PASSWORD"),
        ({"CONNECTOR_EMBEDDED__USERNAME": "u", "CONNECTOR_EMBEDDED__TOKEN": "t"}, "set EMBEDDED__TOKEN or EMBEDDED__"),
        ({"CONNECTOR_WEBHOOK__SECRETS": '["good", " "]'}, "CONNECTOR_WEBHOOK__SECRETS: holds an empty secret"),
        ({"CONNECTOR_WEBHOOK__SECRETS": "one"}, "CONNECTOR_WEBHOOK__SECRETS: must be JSON in the environment"),
        ({"CONNECTOR_ROSSUM__QUEUES": "8198;"}, 'CONNECTOR_ROSSUM__QUEUES: must be JSON in the environment, e.g. {"'),
        ({"CONNECTOR_ROSSUM__TOKEN": ""}, "no credentials: set CONNECTOR_ROSSUM__TOKEN"),
        ({"CONNECTOR_ROSSUM__BASE_URL": ""}, "CONNECTOR_ROSSUM__BASE_URL is not set"),
        ({"CONNECTOR_ROSSUM__BASE_URL": "https://u:p@x.test/api/v1"}, "CONNECTOR_ROSSUM__BASE_URL: must be an http(s)"),
        ({"CONNECTOR_ROSSUM__BASE_URL": "https://x.test/api/v1/annotations"}, "BASE_URL: must be an http(s) URL with"),
        ({"CONNECTOR_KAFKA__GROUP_ID": ""}, "CONNECTOR_KAFKA__GROUP_ID: String should have at least 1 character"),
        ({"CONNECTOR_KAFKA__SECURITY_PROTOCOL": "SASL_SSL"}, "SASL_SSL needs KAFKA__SASL_USERNAME and KAFKA__SASL_"),
        ({"CONNECTOR_KAFKA__SSL_KEYFILE": "/k"}, "KAFKA__SSL_KEYFILE needs KAFKA__SSL_CERTFILE"),
        ({"CONNECTOR_KAFKA__TOPICS__WORK": "documents.arrived"}, "two of KAFKA__TOPICS__* have the same name"),
        *(
            ({"CONNECTOR_KAFKA__BOOTSTRAP_SERVERS": brokers}, f"CONNECTOR_KAFKA__BOOTSTRAP_SERVERS: {named!r} is no br")
            for brokers, named in (
                ("kafka:abc", "kafka:abc"),
                ("kafka:9092,other:65536", "other:65536"),
                ("kafka:0", "kafka:0"),
                ("kafka:9092,", ""),
                ("fd00::1:9092", "fd00::1:9092"),
                ("[fd00::x]:9092", "[fd00::x]:9092"),
                ("SSL://kafka:9092", "SSL://kafka:9092"),
            )
        ),
        ({"CONNECTOR_WEBHOOK__PATH": "hooks?x=1"}, "CONNECTOR_WEBHOOK__PATH: must be a path such as /hooks/rossum"),
        ({"CONNECTOR_WEBHOOK__ALLOWED_NETWORKS": '["10.0.0.1/8"]'}, "ALLOWED_NETWORKS: must be networks in CIDR form"),
        ({"CONNECTOR_OPS__PORT": "8080"}, "WEBHOOK__PORT and OPS__PORT are both 8080"),
        ({"CONNECTOR_STATE__RETENTION": "10m"}, "STATE__RETENTION (600 s) is shorter than sweeps look back (905 s"),
        ({"CONNECTOR_OPS__PORT": "99999"}, "CONNECTOR_OPS__PORT: Input should be less than or equal to 65535"),
        ({"CONNECTOR_ROSSUM__REQUESTS_PER_SECOND": "inf"}, "ROSSUM__REQUESTS_PER_SECOND: Input should be a finite"),
        ({"CONNECTOR_CAPTURE__STATUSES": '["gone"]'}, "CONNECTOR_CAPTURE__STATUSES: Input should be 'exported'"),
        ({"CONNECTOR_CAPTURE__STATUSES": "[]"}, "CONNECTOR_CAPTURE__STATUSES: must name at least one status"),
        ({"CONNECTOR_CAPTURE__CLAIM_STORE": "s3://k:s@b"}, "CAPTURE__CLAIM_STORE: must be s3://bucket/prefix, gcs://"),
        ({"CONNECTOR_CAPTURE__CLAIM_STORE": "file:///claims"}, "CAPTURE__CLAIM_STORE: must be s3://bucket/prefix"),
        ({"CONNECTOR_CAPTURE__CLAIM_QUEUES": "[8198]"}, "CONNECTOR_CAPTURE__CLAIM_QUEUES takes confirmed"),
        (
            {"CONNECTOR_CAPTURE__FIELDS": '{"a": "x", "b": "x"}'},
            "CONNECTOR_CAPTURE__FIELDS: gives the name 'x' to more",
        ),
        ({"CONNECTOR_CAPTURE__FIELDS": '{"a": ""}'}, "CONNECTOR_CAPTURE__FIELDS: String should have at least 1"),
        ({"CONNECTOR_CAPTURE__QUEUE_FIELDS": '{"bills": {}}'}, "CAPTURE__QUEUE_FIELDS names 'bills', which is neither"),
        (
            {"CONNECTOR_CAPTURE__QUEUE_FIELDS": '{"8199": {"a": "x", "b": "x"}}'},
            "CONNECTOR_CAPTURE__QUEUE_FIELDS: gives the name 'x'",
        ),
        ({"CONNECTOR_WEBHOOK__SECRETS": "[]"}, "CONNECTOR_WEBHOOK__SECRETS is empty"),
        ({"CONNECTOR_ROSSUM__QUEUES": "{}"}, "CONNECTOR_ROSSUM__QUEUES is empty"),
        (
            {"CONNECTOR_IMPORTS__REJECT_IDENTICAL": "true", "CONNECTOR_IMPORTS__GATHER__ENABLED": "true"},
            "IMPORTS__REJECT_IDENTICAL needs one document an upload",
        ),
        ({"CONNECTOR_SWEEP__START": "yesterday"}, "CONNECTOR_SWEEP__START: must be an instant"),
        ({"CONNECTOR_SWEEP__START": "0001-01-01T00:00:00+14:00"}, "CONNECTOR_SWEEP__START: must be an instant"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(changes: dict[str, str], said: str) -> None:
    """The key, what is wrong, what to do."""
    told = complaints({**GOOD, **changes})

    assert said in told
    assert len(told.splitlines()) == 1


def test_every_problem_is_told_at_once() -> None:
    """Nobody wants to fix one to be told of the next."""
    said = complaints({**GOOD, "CONNECTOR_SWEEP__LAG": "x", "CONNECTOR_WEBHOOK__MAX_BODY": "y"})

    assert len(said.splitlines()) == 2


def test_no_value_of_a_secret_is_ever_shown() -> None:
    """Not in an error, not in a repr."""
    said = complaints({**GOOD, "CONNECTOR_WEBHOOK__SECRETS": "hush hush", "CONNECTOR_OPS__TOKN": "psst"})

    assert "hush" not in said
    assert "psst" not in said
    assert "very secret" not in repr(load(None, GOOD))


def test_every_setting_is_described() -> None:
    """The reference says what each is for."""
    assert [name for name, field in env_names().items() if not field.description] == []


def test_what_kubernetes_puts_into_a_pod_is_no_setting() -> None:
    """A service called `connector` would otherwise keep every pod of its namespace from starting."""
    links = {
        "CONNECTOR_SERVICE_HOST": "10.0.0.1",
        "CONNECTOR_SERVICE_PORT": "8080",
        "CONNECTOR_SERVICE_PORT_WEBHOOK": "8080",
        "CONNECTOR_PORT": "tcp://10.0.0.1:8080",
        "CONNECTOR_PORT_8080_TCP": "tcp://10.0.0.1:8080",
        "CONNECTOR_PORT_8080_TCP_ADDR": "10.0.0.1",
    }

    assert load(None, links) == load(None, {})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "CONNECTOR_OPS__TOKEN_FILE: the file can't be read: FileNotFoundError"),
        (b"\xff\xfe", "CONNECTOR_OPS__TOKEN_FILE: the file can't be read: UnicodeDecodeError"),
        (b"\n", "CONNECTOR_OPS__TOKEN_FILE: the file must hold one line, the secret; it has 0"),
        (b"psst\npsst\n", "CONNECTOR_OPS__TOKEN_FILE: the file must hold one line, the secret; it has 2"),
    ],
)
def test_a_secret_file_that_is_none_is_told(tmp_path: Path, content: bytes | None, said: str) -> None:
    """Without a word of what is in it."""
    if content is not None:
        (tmp_path / "token").write_bytes(content)

    told = complaints({**GOOD, "CONNECTOR_OPS__TOKEN_FILE": str(tmp_path / "token")})

    assert told == said


def test_a_secret_has_one_place(tmp_path: Path) -> None:
    """Nobody must guess which of two holds."""
    (tmp_path / "token").write_text("new")

    told = complaints({**GOOD, "CONNECTOR_ROSSUM__TOKEN_FILE": str(tmp_path / "token")})

    assert told == "CONNECTOR_ROSSUM__TOKEN and CONNECTOR_ROSSUM__TOKEN_FILE are both set: keep one"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[kafka\n", "is not valid TOML"),
        ("kafka = 1\n", "CONNECTOR_KAFKA: "),
        ("[kafka.topics]\nwrok = 'x'\n", "CONNECTOR_KAFKA__TOPICS__WROK is not a setting; did you mean"),
        ("[rossum]\ntoken = 'hush'\nusername = 'u'\n", "set ROSSUM__TOKEN or ROSSUM__USERNAME"),
        ("[webhook]\nsecrets = 'hush'\n", 'CONNECTOR_WEBHOOK__SECRETS: must be a list, e.g. ["one", "two"]'),
        ("[sweep]\ninterval = inf\n", "CONNECTOR_SWEEP__INTERVAL: Input should be a finite number"),
    ],
)
def test_what_is_wrong_in_the_file_is_told(tmp_path: Path, text: str, said: str) -> None:
    """By the name that the setting has in the environment, in one line, without the value of a secret."""
    config = tmp_path / "connector.toml"
    config.write_text(text)

    told = complaints({}, config)

    assert said in told
    assert len(told.splitlines()) == 1
    assert "hush" not in told


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    """With its name."""
    assert "nowhere.toml can't be read: FileNotFoundError" in complaints({}, tmp_path / "nowhere.toml")
