"""What the README points at is there."""

import re
import shlex
from pathlib import Path

from connector.domain.push_health import FORGIVEN_AFTER, FORGIVEN_PAUSES
from connector.settings_load import load

ROOT = Path(__file__).resolve().parents[2]
_OWN_KAFKA = re.compile(r"\b(?:own_kafka|kafka_cluster|kafka_of_version): ")
_ROW = re.compile(r"^\| (\d+) \|.*\| (`[^|]*`) \| \d+ of \d+ \|$", re.MULTILINE)


def test_every_fault_names_tests_that_exist() -> None:
    """All 24 of them."""
    rows = {
        int(number): re.findall(r"`([^`]+)`", cell) for number, cell in _ROW.findall((ROOT / "README.md").read_text())
    }

    assert sorted(rows) == list(range(1, 25))
    assert [path for paths in rows.values() for path in paths if not (ROOT / "tests" / path).is_file()] == []
    assert all(rows.values())


def test_what_wants_java_in_any_case_is_named() -> None:
    """Each file of tests that start brokers of their own, or its folder."""
    text = (ROOT / "README.md").read_text()
    paths = sorted(path.relative_to(ROOT) for path in (ROOT / "tests").rglob("test_*.py"))
    owners = [path for path in paths if _OWN_KAFKA.search((ROOT / path).read_text())]
    named = {path for path in paths if f"`{path.as_posix()}`" in text or f"`{path.parent.as_posix()}`" in text}

    assert len(owners) > 5
    assert set(owners) <= named


def test_when_lost_webhooks_are_forgiven_is_told_as_it_is() -> None:
    """Where sweeps are rare, that takes longer."""
    text = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    pauses, minutes = f"{FORGIVEN_PAUSES:g} times `SWEEP__INTERVAL`", f"{FORGIVEN_AFTER / 60:g} minutes"

    assert f"nothing was lost for {pauses}, and for {minutes} at least" in text


def test_what_a_reader_exports_are_settings_that_fit_together(tmp_path: Path) -> None:
    """Block after block, as somebody does who follows the page; where another Rossum is named, in another shell."""
    blocks = re.findall(
        r"^```sh\n(.*?)^```$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    exports = [words for block in blocks if (words := _exported(block, tmp_path))]

    environment: dict[str, str] = {}
    for words in exports:
        environment = words if "CONNECTOR_ROSSUM__BASE_URL" in words else environment | words
        load(None, environment)

    assert len(exports) > 3


def _exported(block: str, folder: Path) -> dict[str, str]:
    """What its `export` lines set; a file of secrets becomes one in the folder."""
    lines = [shlex.split(line, comments=True) for line in block.splitlines() if line.startswith("export ")]
    found = dict(word.split("=", 1) for words in lines for word in words[1:])
    for name, value in found.items():
        if value.startswith("/run/secrets/"):
            found[name] = str(folder / Path(value).name)
            (folder / Path(value).name).write_text("a secret\n", encoding="utf-8")
    return found
