"""What the README points at is there."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_ROW = re.compile(r"^\| (\d+) \|.*\| (`[^|]*`) \| \d+ of \d+ \|$", re.MULTILINE)


def test_every_fault_names_tests_that_exist() -> None:
    """All 24 of them."""
    rows = {
        int(number): re.findall(r"`([^`]+)`", cell) for number, cell in _ROW.findall((ROOT / "README.md").read_text())
    }

    assert sorted(rows) == list(range(1, 25))
    assert [path for paths in rows.values() for path in paths if not (ROOT / "tests" / path).is_file()] == []
    assert all(rows.values())
