"""What is in deploy/ fits the product: settings, ports, commands and pinned libraries."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from typer.core import TyperGroup
from typer.main import get_group

from connector.cli.main import main
from connector.settings import Settings
from connector.settings_load import PREFIX, load, require_for_run
from tests.support.kafka_broker import DURABLE_VERSION

ROOT = Path(__file__).resolve().parents[3]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = ("simulator", "connector")


def compose_settings() -> Settings:
    """The connector's settings in the compose file."""
    return load(None, SERVICES["connector"]["environment"])


def pins(path: Path) -> dict[str, frozenset[str]]:
    """Hashes by `name==version` of a lock file."""
    entries = re.findall(
        r"^([a-z][^ \n]*==[^ \n]+)((?:[^\n]*\\\n)?(?: +--hash=[^\n]+\n?)+)", path.read_text(), re.MULTILINE
    )
    return {name: frozenset(re.findall(r"sha256:[0-9a-f]{64}", hashes)) for name, hashes in entries}


def test_the_compose_file_sets_only_what_is_a_setting() -> None:
    """Unknown names and values that can't be read are refused at the load; the service needs no more than these."""
    environment = SERVICES["connector"]["environment"]

    require_for_run(compose_settings())

    assert all(name.startswith(PREFIX) for name in environment)
    assert compose_settings().kafka.delivery == "exactly-once"


def test_the_services_of_the_compose_file_find_each_other() -> None:
    """Names and ports of one are what the others are told."""
    settings = compose_settings()
    simulator = SERVICES["simulator"]["command"]
    prometheus = yaml.safe_load((ROOT / "deploy/prometheus.yml").read_text(encoding="utf-8"))

    targets = prometheus["scrape_configs"][0]["static_configs"][0]["targets"]

    assert settings.rossum.base_url == f"http://simulator:{simulator[simulator.index('--port') + 1]}/api/v1"
    assert settings.webhook.public_url == f"http://connector:{settings.webhook.port}{settings.webhook.path}"
    assert (
        f"PLAINTEXT://{settings.kafka.bootstrap_servers}"
        in SERVICES["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    )
    assert targets == [f"connector:{settings.ops.port}"]


def test_the_broker_of_the_compose_file_outlives_restarts() -> None:
    """It stands alone, as the tests' own broker that is restarted."""
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{DURABLE_VERSION}"


def test_embedded_mode_can_be_tried_with_the_compose_file() -> None:
    """Its API is on, and a browser reaches the simulator under the port that its URLs have."""
    settings = compose_settings()
    port = urlsplit(settings.rossum.base_url).port

    assert settings.ops.token is not None
    assert SERVICES["simulator"]["ports"] == [f"127.0.0.1:{port}:{port}"]


def test_the_compose_file_runs_commands_that_there_are() -> None:
    """Each command and each option of it."""
    commands = get_group(main).commands
    script = SERVICES["connector"]["command"][0]
    simulator = SERVICES["simulator"]["command"]

    used = [words.split() for words in re.findall(r"rossum-connector ([a-z][a-z -]*[a-z])", script)]

    assert used == [["topics", "create"], ["hooks", "apply", "--yes"], ["run"]]
    assert all(words[0] in commands for words in used)
    groups = {name: group for name, group in commands.items() if isinstance(group, TyperGroup)}
    assert all(words[1] in groups[words[0]].commands for words in used[:2])
    known = {option for parameter in commands["simulator"].params for option in parameter.opts}
    assert {word for word in simulator if word.startswith("--")} <= known


@pytest.mark.parametrize("name", OURS)
def test_our_containers_have_no_more_rights_than_they_need(name: str) -> None:
    """A read-only root file system, no capabilities, no way to get more."""
    service = SERVICES[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_ports_are_published_on_loopback_only() -> None:
    """A trial on a laptop is nobody else's business."""
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]

    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_the_image_has_the_libraries_that_the_tests_have() -> None:
    """The image's lock is a part of the one that everything is tested with, hashes included."""
    everything = pins(ROOT / "requirements.lock")

    image = pins(ROOT / "deploy/requirements.lock")

    assert {"aiokafka", "obstore", "rocksdict", "pydantic"} <= {name.partition("==")[0] for name in image}
    assert all(everything.get(name) == hashes for name, hashes in image.items())


def test_the_image_runs_as_nobody_and_is_watched() -> None:
    """Its last user has no rights, by number, so that Kubernetes can tell; `/livez` says whether it lives."""
    lines = (ROOT / "deploy/Dockerfile").read_text(encoding="utf-8").splitlines()

    users = [line.split()[1] for line in lines if line.startswith("USER ")]
    health = lines[next(number for number, line in enumerate(lines) if line.startswith("HEALTHCHECK")) + 1]

    assert users[-1:] == ["10001:10001"]
    assert "/livez" in health


@pytest.mark.parametrize("path", [".github/workflows/ci.yml", "deploy/compose.yaml", "deploy/prometheus.yml"])
def test_yaml_files_can_be_read(path: str) -> None:
    """A mapping each."""
    assert isinstance(yaml.safe_load((ROOT / path).read_text(encoding="utf-8")), dict)
