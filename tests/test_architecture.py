"""The tree's arrows: who may import whom, and which library may be touched where."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "connector"

_LEAVES = {"errors", "clock", "quantities"}
_INNER = {"domain", "contracts", "ports", *_LEAVES}
_OUTER = {"settings", "telemetry", "logs", *_INNER}
#: Which part of the package may import which others; a part is a folder or a top-level module.
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "clock": set(),
    "quantities": set(),
    "contracts": {"contracts", "domain", "errors"},
    "domain": {"domain", "contracts", "errors"},
    "ports": {"domain", "contracts", "errors"},
    "telemetry": _LEAVES,
    "logs": _LEAVES,
    "settings": {*_LEAVES, "domain"},
    "state": {"state", *_INNER},
    "engine": {"engine", "telemetry", *_INNER},
    "documents": {"documents", *_OUTER},
    "rossum": {"rossum", *_OUTER},
    "web": {"web", *_OUTER},
    # The owners live in the group: it opens, feeds and closes them.
    "kafka": {"kafka", "engine", *_OUTER},
    # The composition: these wire the parts and are wired by nobody but cli and sandbox.
    "settings_load": {"settings", "errors"},
    "settings_docs": {"settings", "settings_load", "contracts", "telemetry", "errors"},
    "assembly": {"engine", "rossum", "documents", "kafka", *_OUTER},
    "status": {"engine", "kafka", "rossum", *_OUTER},
}
#: Who knows all: the root, the command line and the sandbox.
KNOW_ALL = {"app", "cli", "sandbox"}
#: Libraries and the parts that may touch them.
ONLY_IN: dict[str, set[str]] = {
    "aiokafka": {"kafka", "sandbox"},
    "confluent_kafka": {"sandbox"},
    "aiohttp": {"rossum", "documents", "web", "sandbox", "app"},
    "prometheus_client": {"telemetry", "web", "settings_docs"},
    "typer": {"cli"},
    "rich": {"cli", "sandbox"},
    "time": {"clock", "sandbox"},
}
VAGUE = {"utils", "util", "helpers", "common", "base", "manager", "misc"}
LONGEST_FILE = 300
LONGEST_FUNCTION = 50


def violations(root: Path) -> list[str]:
    """Every place below `root` that breaks a rule."""
    found: list[str] = []
    for path in sorted((root / PACKAGE).rglob("*.py")):
        found += _of_file(root, path)
    for path in sorted((root / "tests").rglob("*.py")):
        if path.parent.name != "support":
            found += [f"{_where(root, path, n)}: tests wait by tests.support.waiting" for n in _sleeps(_tree(path))]
    return found


def _of_file(root: Path, path: Path) -> Iterator[str]:
    tree, part = _tree(path), _part(path.relative_to(root / PACKAGE))
    inside_simulator = "simulator" in path.parts and part == "sandbox"
    if path.stem in VAGUE:
        yield f"{_where(root, path)}: {path.stem} names no thing"
    if len(path.read_text(encoding="utf-8").splitlines()) > LONGEST_FILE:
        yield f"{_where(root, path)}: more than {LONGEST_FILE} lines"
    for node in ast.walk(tree):
        for said in _of_node(node, part, inside_simulator=inside_simulator):
            yield f"{_where(root, path, getattr(node, 'lineno', 0))}: {said}"


def _of_node(node: ast.AST, part: str, *, inside_simulator: bool) -> Iterator[str]:
    length = _length(node)
    if length > LONGEST_FUNCTION:
        yield f"{getattr(node, 'name', '')} has more than {LONGEST_FUNCTION} lines"
    for name in _imported(node):
        if (broken := _broken_by(name, part, inside_simulator=inside_simulator)) is not None:
            yield broken
    if _reads_clock(node) and part not in ONLY_IN["time"]:
        yield "only clock.py knows the time"
    if _reads_environment(node) and part not in {"cli", "sandbox"}:
        yield "only cli reads the environment"


def _length(node: ast.AST) -> int:
    """Lines of a function, 0 for anything else."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return (node.end_lineno or 0) - node.lineno + 1
    return 0


def _broken_by(name: str, part: str, *, inside_simulator: bool) -> str | None:
    top, *rest = name.split(".")
    if top == PACKAGE and rest:
        if inside_simulator and rest[:2] != ["sandbox", "simulator"]:
            return f"the simulator shares no code with the rest, not {name}"
        if part not in KNOW_ALL and rest[0] not in MAY_IMPORT.get(part, set()):
            return f"{part} may not import {name}"
        return None
    if top in ONLY_IN and part not in ONLY_IN[top]:
        return f"{top} may not be touched in {part}"
    return None


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module:
        if node.module == PACKAGE:
            return [f"{PACKAGE}.{alias.name}" for alias in node.names]
        return [node.module]
    return []


def _reads_clock(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"now", "utcnow", "today"}
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in {"datetime", "date"}
    )


def _reads_environment(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and node.attr in {"environ", "getenv"}
        and isinstance(node.value, ast.Name)
        and node.value.id == "os"
    )


def _sleeps(tree: ast.AST) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            owner = getattr(getattr(called, "value", None), "id", "")
            if name == "sleep" and owner in {"asyncio", "time", ""}:
                yield node.lineno


def _part(relative: Path) -> str:
    return relative.parts[0].removesuffix(".py")


def _tree(path: Path) -> ast.AST:
    return ast.parse(path.read_text(encoding="utf-8"))


def _where(root: Path, path: Path, line: int = 1) -> str:
    return f"{path.relative_to(root)}:{line}"


def test_the_tree_keeps_its_rules() -> None:
    """Every import, library, length and name is where it may be."""
    assert violations(ROOT) == []


@pytest.mark.parametrize(
    ("place", "text", "said"),
    [
        ("connector/domain/x.py", "from connector.kafka import group", "domain may not import connector.kafka"),
        ("connector/engine/x.py", "import aiokafka", "aiokafka may not be touched in engine"),
        ("connector/web/x.py", "import time", "time may not be touched in web"),
        ("connector/web/x.py", "from datetime import datetime\ndatetime.now()", "only clock.py knows the time"),
        ("connector/kafka/x.py", "import os\nos.environ['A']", "only cli reads the environment"),
        ("connector/rossum/utils.py", "", "utils names no thing"),
        ("connector/rossum/x.py", "#\n" * 301, "more than 300 lines"),
        ("connector/rossum/x.py", "def f():\n" + "    x = 1\n" * 60, "f has more than 50 lines"),
        ("connector/sandbox/simulator/x.py", "from connector import errors", "shares no code"),
        ("tests/unit/x.py", "import asyncio\nasync def t():\n    await asyncio.sleep(1)", "tests wait by"),
    ],
)
def test_a_planted_violation_is_found(tmp_path: Path, place: str, text: str, said: str) -> None:
    """Each rule can fail."""
    planted = tmp_path / place
    planted.parent.mkdir(parents=True)
    planted.write_text(text, encoding="utf-8")

    found = violations(tmp_path)

    assert len(found) == 1
    assert said in found[0]
