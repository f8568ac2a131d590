"""Settings: where they come from, and what is said when one is wrong."""

import re
import tomllib
from pathlib import Path

import pytest

from connector.errors import SettingsError
from connector.settings import Settings
from connector.settings_docs import example_toml, files
from connector.settings_load import env_names, load, require_for_run

GOOD = {
    "CONNECTOR_ROSSUM__BASE_URL": "https://example.test/api/v1/",
    "CONNECTOR_ROSSUM__TOKEN": "very secret",
    "CONNECTOR_ROSSUM__QUEUES": '{"invoices": 8198}',
    "CONNECTOR_WEBHOOK__SECRETS": '["one", "two"]',
}
ROOT = Path(__file__).resolve().parents[2]


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
    ("text", "seconds"), [("250ms", 0.25), ("5s", 5.0), ("15m", 900.0), ("2h", 7200.0), ("1d", 86400.0), ("90", 90.0)]
)
def test_durations(text: str, seconds: float) -> None:
    """Durations are written as people write them."""
    assert load(None, {"CONNECTOR_SWEEP__INTERVAL": text}).sweep.interval == seconds


@pytest.mark.parametrize(("text", "size"), [("2MB", 2_000_000), ("64KiB", 65_536), ("1000", 1000)])
def test_sizes(text: str, size: int) -> None:
    """Sizes too."""
    assert load(None, {"CONNECTOR_WEBHOOK__MAX_BODY": text}).webhook.max_body == size


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
        ({"CONNECTOR_WEBHOOK__SECRETS": "[]"}, "CONNECTOR_WEBHOOK__SECRETS is empty"),
        ({"CONNECTOR_ROSSUM__QUEUES": "{}"}, "CONNECTOR_ROSSUM__QUEUES is empty"),
        ({"CONNECTOR_SWEEP__START": "yesterday"}, "CONNECTOR_SWEEP__START: must be an instant"),
        ({"CONNECTOR_IMPORTS__REJECT_IDENTICAL": "true"}, "is not built in this version"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(changes: dict[str, str], said: str) -> None:
    """The key, what is wrong, what to do."""
    assert said in complaints({**GOOD, **changes})


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


def test_the_example_file_loads_with_every_line_uncommented(tmp_path: Path) -> None:
    """What is offered works, and holds the defaults."""
    lines = [re.sub(r"^# (?=[a-z0-9_]+ = )", "", line) for line in example_toml().splitlines()]
    text = "\n".join(line for line in lines if not line.startswith("#"))
    given = tomllib.loads(text)
    config = tmp_path / "example.toml"
    config.write_text("\n".join(line for line in text.splitlines() if not line.endswith(('= ""', '= "…"', '= ["…"]'))))

    assert set(given) == set(Settings.model_fields)
    assert load(config, {}) == load(None, {})


def test_the_generated_documents_are_current() -> None:
    """`rossum-connector settings-docs` was run after the last change."""
    stale = [path.name for path, text in files(ROOT).items() if path.read_text(encoding="utf-8") != text]

    assert stale == []
