"""The command line: what it offers, and how it ends."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
import typer
from typer.main import get_group
from typer.testing import CliRunner, Result

from connector.cli.exits import Exit, code_of, told_in_a_sentence
from connector.cli.main import main
from connector.errors import (
    Ambiguous,
    ConnectorError,
    Fatal,
    KafkaUnavailable,
    NotOurs,
    PartitionLost,
    Refused,
    Rejected,
    Retryable,
    SettingsError,
    Stage,
    Throttled,
)

ROOT = Path(__file__).resolve().parents[2]
GROUPS = {"dead-letters": ("list", "show", "redrive"), "hooks": ("plan", "apply"), "topics": ("plan", "create")}
COMMANDS = [
    *("audit", "check", "export", "extract", "import", "replay", "run", "sandbox"),
    *("schemas", "settings-docs", "simulator"),
    *GROUPS,
    *(f"{group} {command}" for group, commands in GROUPS.items() for command in commands),
]
SERVICE = {
    "ROSSUM__BASE_URL": "http://127.0.0.1:1/api/v1",
    "ROSSUM__TOKEN": "t",
    "ROSSUM__QUEUES": "[8198]",
    "WEBHOOK__SECRETS": '["s"]',
}


def cli(*arguments: str, **environ: str) -> Result:
    """What a command says and how it ends, with those `CONNECTOR_` variables."""
    return CliRunner().invoke(main, arguments, env={f"CONNECTOR_{name}": text for name, text in environ.items()})


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port of this machine where nobody listens, and nobody else can."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def test_every_command_is_known() -> None:
    """The help lists what these tests go through."""
    commands = get_group(main).commands

    assert set(commands) == {name for name in COMMANDS if " " not in name}


def test_a_command_starts_without_what_the_others_need() -> None:
    """Its own module and what that needs are imported; a deployment starts several at once."""
    program = (
        "import sys\nfrom connector.cli.main import main\n"
        "try: main(['topics', '--help'])\nfinally: print(*sys.modules, sep='\\n')"
    )

    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

    imported = {line for line in said.splitlines() if line.startswith("connector.")}
    assert "connector.cli.topics" in imported
    assert imported.isdisjoint(
        {"connector.cli.run", "connector.cli.simulator", "connector.sandbox", "connector.engine"}
    )


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_every_command_explains_itself(command: str) -> None:
    """In a sentence, without doing anything."""
    result = cli(*command.split(), "--help")

    assert result.exit_code == 0
    assert "Usage: " in result.stdout
    assert "--help" in result.stdout


def test_the_version_is_that_of_the_distribution() -> None:
    """And nothing else is on stdout."""
    result = cli("--version")

    assert (result.exit_code, result.stdout) == (0, version("rossum-kafka-connector") + "\n")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SettingsError("x"), 2),
        (Refused("x"), 3),
        (NotOurs("x", http_status=401), 3),
        (Fatal("x"), 1),
        (Retryable("x"), 1),
        (Throttled("x"), 1),
        (KafkaUnavailable("x"), 1),
        (Ambiguous("x"), 1),
        (PartitionLost("x"), 1),
        (Rejected("x", stage=Stage.UPLOAD), 1),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_every_error_has_its_exit_code(error: ConnectorError, code: int) -> None:
    """2 for settings, 3 for a check that failed, 1 for anything else."""
    assert code_of(error) == code


@pytest.mark.parametrize(
    "error",
    [
        Refused("the topic is missing"),
        ExceptionGroup("tasks", [ExceptionGroup("inner", [Refused("the topic is missing")])]),
    ],
    ids=["alone", "from a group"],
)
def test_an_error_is_told_in_a_sentence(capsys: pytest.CaptureFixture[str], error: Exception) -> None:
    """On stderr, and nothing else: no traceback, nothing on stdout."""
    with pytest.raises(typer.Exit) as ending, told_in_a_sentence():
        raise error

    said = capsys.readouterr()
    assert ending.value.exit_code == Exit.CHECK_FAILED
    assert (said.out, said.err) == ("", "rossum-connector: the topic is missing\n")


@pytest.mark.parametrize("defect", [KeyError("k"), ExceptionGroup("tasks", [Refused("x"), KeyError("k")])])
def test_a_defect_keeps_its_traceback(defect: Exception) -> None:
    """It is not for the user to understand, but for us."""
    with pytest.raises(type(defect)), told_in_a_sentence():
        raise defect


@pytest.mark.parametrize(
    "arguments",
    [
        ["nothing"],
        ["run", "--nothing"],
        ["run", "x"],
        ["topics", "create", "--replication", "0"],
        ["audit", "--from", "yesterday"],
        ["audit", "--from", "0001-01-01T00:00:00+14:00"],
    ],
)
def test_wrong_usage_is_told(arguments: list[str]) -> None:
    """With the usage of the command."""
    result = cli(*arguments)

    assert result.exit_code == 2
    assert "Usage: " in result.stderr
    assert result.stdout == ""


def test_without_settings_the_service_says_all_that_is_missing() -> None:
    """Before it has asked anybody anything."""
    result = cli("run")

    assert result.exit_code == 2
    named = ["ROSSUM__BASE_URL", "ROSSUM__TOKEN", "ROSSUM__QUEUES", "WEBHOOK__SECRETS"]
    assert [name for name in named if f"CONNECTOR_{name}" in result.stderr] == named
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("command", [["run"], ["topics", "plan"], ["topics", "create"]])
def test_a_typo_names_the_nearest_setting(command: list[str]) -> None:
    """Whichever command reads the settings."""
    result = cli(*command, KAFKA__BOOTSTRAP_SERVER="x")

    assert result.exit_code == 2
    assert "did you mean CONNECTOR_KAFKA__BOOTSTRAP_SERVERS?" in result.stderr


def test_a_settings_file_that_is_not_there_is_a_mistake_in_the_settings() -> None:
    """With its name."""
    result = cli("topics", "plan", "--config", "/nowhere.toml")

    assert result.exit_code == 2
    assert "/nowhere.toml" in result.stderr


def test_an_unknown_level_of_logs_is_a_mistake_in_the_settings() -> None:
    """It is told with what would be right."""
    result = cli("run", "--log-level", "loud", **SERVICE)

    assert result.exit_code == 2
    assert "DEBUG, INFO, WARNING, ERROR" in result.stderr


@pytest.mark.parametrize(
    ("command", "code", "channel"),
    [("topics plan", 1, "stderr"), ("topics create", 1, "stderr"), ("check", 3, "stdout")],
)
def test_a_broker_that_is_not_there_is_told(command: str, code: int, channel: str, closed_port: int) -> None:
    """With the address and the setting that names it; the Kafka client adds nothing of its own."""
    told = f"127.0.0.1:{closed_port} (KAFKA__BOOTSTRAP_SERVERS)"
    others = {name: text for name, text in os.environ.items() if not name.startswith("CONNECTOR_")}
    settings = SERVICE | {"KAFKA__BOOTSTRAP_SERVERS": f"127.0.0.1:{closed_port}"}

    # As a process of its own: here the handlers of the tests would take what is written to logs.
    ended = subprocess.run(
        [sys.executable, "-m", "connector.cli.main", *command.split()],
        capture_output=True,
        text=True,
        check=False,
        env=others | {f"CONNECTOR_{name}": text for name, text in settings.items()},
    )

    assert ended.returncode == code
    assert told in getattr(ended, channel)
    assert ended.stderr.count("\n") == (1 if channel == "stderr" else 0)


def test_the_generated_documents_can_be_checked(tmp_path: Path) -> None:
    """What differs is named with the command that mends it; then the check passes."""
    (tmp_path / "README.md").write_text((ROOT / "README.md").read_text("utf-8").replace("| `OPS__TOKEN`", "| `OLD`"))
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "simulator.md").write_text((ROOT / "docs" / "simulator.md").read_text("utf-8"))
    root = ("--root", str(tmp_path))

    stale = cli("settings-docs", *root, "--check")
    written = cli("settings-docs", *root)
    current = cli("settings-docs", *root, "--check")

    assert stale.exit_code == 3
    assert "README.md" in stale.stderr
    assert "connector.example.toml" in stale.stderr
    assert "run `rossum-connector settings-docs`" in stale.stderr
    assert (written.exit_code, current.exit_code, current.output) == (0, 0, "")


def test_a_readme_without_markers_is_a_difference(tmp_path: Path) -> None:
    """It is told, and nothing is written."""
    (tmp_path / "README.md").write_text("# Title\n")

    result = cli("settings-docs", "--root", str(tmp_path), "--check")

    assert result.exit_code == 3
    assert "README.md lacks the markers" in result.stderr
    assert not (tmp_path / "deploy").exists()


@pytest.mark.parametrize("queues", ["", "8198;8199", "invoices"])
def test_the_simulator_wants_ids_of_queues(queues: str) -> None:
    """It shows how to write them."""
    result = cli("simulator", "--queues", queues)

    assert result.exit_code == 2
    assert "8198,8199" in result.stderr


@pytest.mark.parametrize(("port", "bound"), [("99999", "65535"), ("-1", "0")])
def test_the_simulator_wants_a_port(port: str, bound: str) -> None:
    """Nothing can listen there, which the system says in a way of its own."""
    result = cli("simulator", "--port", port)

    assert result.exit_code == 2
    assert "--port" in result.stderr
    assert f"than or equal to {bound} " in result.stderr


def test_the_simulator_says_when_its_port_is_taken(closed_port: int) -> None:
    """And what to do."""
    result = cli("simulator", "--port", str(closed_port))

    assert result.exit_code == 1
    assert f"cannot listen on 127.0.0.1:{closed_port}" in result.stderr
    assert "--port" in result.stderr


def test_a_command_says_where_it_did_not_reach_rossum(closed_port: int) -> None:
    """With the setting, and without a promise: nobody asks again once it has ended."""
    url = f"http://127.0.0.1:{closed_port}/api/v1"
    settings = {"ROSSUM__TOKEN": "t", "ROSSUM__QUEUES": "[8198]", "WEBHOOK__SECRETS": '["s"]'}

    result = cli("hooks", "plan", "--url", "https://example.test/hooks", ROSSUM__BASE_URL=url, **settings)

    assert result.exit_code == 1
    assert f"from Rossum at {url} (ROSSUM__BASE_URL): ClientConnectorError" in result.stderr
    assert "again" not in result.stderr
