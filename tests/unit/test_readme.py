"""What the README points at is there."""

import re
from pathlib import Path

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
