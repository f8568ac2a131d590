"""The tree's arrows: who may import whom, and which library may be touched where."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "connector"

_LEAVES = {"errors", "clock", "quantities"}
_INNER = {"domain", "contracts", "ports", *_LEAVES}
_OUTER = {"settings", "settings_capture", "settings_kafka", "metrics", "telemetry", "logs", *_INNER}
#: Which part of the package may import which others; a part is a folder or a top-level module.
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "clock": set(),
    "quantities": set(),
    "collector": set(),
    "contracts": {"contracts", "domain", "errors"},
    "domain": {"domain", "contracts", "errors"},
    "ports": {"domain", "contracts", "errors"},
    "metrics": _LEAVES,
    "telemetry": {"metrics", *_LEAVES},
    "logs": _LEAVES,
    "setting_types": _LEAVES,
    "settings_capture": {"setting_types"},
    "settings_kafka": {"setting_types"},
    "settings": {"setting_types", "settings_capture", "settings_kafka", *_LEAVES, "domain"},
    "state": {"state", *_INNER},
    "engine": {"engine", "telemetry", *_INNER},
    "documents": {"documents", *_OUTER},
    "rossum": {"rossum", *_OUTER},
    "web": {"web", *_OUTER},
    # The owners live in the group: it opens, feeds and closes them.
    "kafka": {"kafka", "engine", *_OUTER},
    # The composition: these wire the parts and are wired by nobody but cli and sandbox.
    "settings_load": {"settings", "setting_types", "errors"},
    "settings_docs": {"settings", "settings_load", "quantities", "contracts", "metrics", "telemetry", "errors"},
    "assembly": {"engine", "rossum", "documents", "kafka", "state", *_OUTER},
    "checks": {"assembly", "documents", "rossum", "kafka", *_OUTER},
    "status": {"engine", "kafka", "rossum", *_OUTER},
    # Looks from outside at what the service has done: reads Kafka, asks Rossum through a protocol of its own.
    "window_listing": {"ports", "domain", *_LEAVES},
    "progress": set(),
    "audit": {"audit", "kafka", "redrive", "window_listing", "progress", *_OUTER},
    "replay": {"replay", "kafka", "window_listing", "progress", *_OUTER},
    "redrive": {"redrive", "kafka", *_OUTER},
    # Documents put in and taken out by hand, without Kafka: they ask Rossum through protocols of their own.
    "export": {"export", "window_listing", "progress", *_INNER},
    "upload": {"upload", "window_listing", "progress", *_INNER},
    "serving": {"app", "kafka", "collector", *_OUTER},
}
#: Who knows all: the root, the command line and the sandbox.
KNOW_ALL = {"app", "cli", "sandbox"}
#: Libraries and the parts that may touch them.
ONLY_IN: dict[str, set[str]] = {
    "aiokafka": {"kafka", "sandbox"},
    "confluent_kafka": {"sandbox"},
    "aiohttp": {"rossum", "documents", "web", "sandbox", "app"},
    "prometheus_client": {"metrics", "telemetry", "web", "settings_docs"},
    "obstore": {"documents"},
    "typer": {"cli"},
    "rocksdict": {"state"},
    "rich": {"cli", "sandbox"},
    "time": {"clock", "sandbox/simulator"},
}
#: Who may ask for the environment; everybody else is given settings.
READ_ENVIRONMENT = {"settings", "cli"}
#: Trees of ours with the same limits of size and naming, and their only file that may sleep.
ALSO_OURS = ("tests", "benchmarks")
MAY_SLEEP = Path("tests/support/waiting.py")
VAGUE = {"utils", "util", "helpers", "common", "base", "manager", "misc"}
LONGEST_FILE = 300
LONGEST_FUNCTION = 50


def violations(root: Path) -> list[str]:
    """Every place below `root` that breaks a rule."""
    found: list[str] = []
    for path in sorted((root / PACKAGE).rglob("*.py")):
        found += [*_of_shape(root, path), *_of_imports(root, path)]
    for path in sorted(path for folder in ALSO_OURS for path in (root / folder).rglob("*.py")):
        found += _of_shape(root, path)
        if path.is_relative_to(root / "tests") and path != root / MAY_SLEEP:
            found += [f"{_where(root, path, line)}: tests wait by tests.support.waiting" for line in _sleeps(path)]
    return [*found, *_cycles(root)]


def _of_shape(root: Path, path: Path) -> Iterator[str]:
    if path.stem in VAGUE:
        yield f"{_where(root, path)}: {path.stem} names no thing"
    if len(path.read_text(encoding="utf-8").splitlines()) > LONGEST_FILE:
        yield f"{_where(root, path)}: more than {LONGEST_FILE} lines"
    for node in ast.walk(_tree(path)):
        if _length(node) > LONGEST_FUNCTION:
            yield f"{_where(root, path, node)}: {getattr(node, 'name', '')} has more than {LONGEST_FUNCTION} lines"


def _of_imports(root: Path, path: Path) -> Iterator[str]:
    part = _part(path.relative_to(root / PACKAGE))
    for node in ast.walk(_tree(path)):
        for name in _imported(node):
            if (broken := _broken_by(name, part)) is not None:
                yield f"{_where(root, path, node)}: {broken}"
        if _reads_clock(node) and part not in ONLY_IN["time"]:
            yield f"{_where(root, path, node)}: only clock.py knows the time"
        if _reads_environment(node) and part not in READ_ENVIRONMENT:
            yield f"{_where(root, path, node)}: only {' and '.join(sorted(READ_ENVIRONMENT))} read the environment"


def _cycles(root: Path) -> Iterator[str]:
    """The first ring of modules that import each other, as Python would stumble over it."""
    modules = {_module(root, path): path for path in sorted((root / PACKAGE).rglob("*.py"))}
    graph = {name: _needs(path, set(modules)) - {name} for name, path in modules.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        ring: list[str] = error.args[1][::-1]
        yield f"{_where(root, modules[ring[0]])}: modules import in a ring: {' -> '.join(ring)}"


def _needs(path: Path, modules: set[str]) -> set[str]:
    needed: set[str] = set()
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            needed |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            members = {f"{node.module}.{alias.name}" for alias in node.names}
            needed |= members & modules or {node.module}
    return needed & modules


def _module(root: Path, path: Path) -> str:
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def _length(node: ast.AST) -> int:
    """Lines of a function, 0 for anything else."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return (node.end_lineno or 0) - node.lineno + 1
    return 0


def _broken_by(name: str, part: str) -> str | None:
    top, *rest = name.split(".")
    if top in ONLY_IN and part not in ONLY_IN[top] | {f"{allowed}/simulator" for allowed in ONLY_IN[top]}:
        return f"{top} may not be touched in {part}"
    if top != PACKAGE or not rest or part in KNOW_ALL:
        return None
    if part == "sandbox/simulator":
        return (
            None if rest[:2] == ["sandbox", "simulator"] else f"the simulator shares no code with the rest, not {name}"
        )
    return None if rest[0] in MAY_IMPORT.get(part, set()) else f"{part} may not import {name}"


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module:
        if node.module == PACKAGE:
            return [f"{PACKAGE}.{alias.name}" for alias in node.names]
        return [node.module]
    return []


def _reads_clock(node: ast.AST) -> bool:
    """`datetime.now()` and its like, however the class was imported."""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"now", "utcnow", "today"}
        and _last_name(node.func.value) in {"datetime", "date"}
    )


def _reads_environment(node: ast.AST) -> bool:
    if isinstance(node, ast.ImportFrom):
        return node.module == "os" and any(alias.name in {"environ", "getenv"} for alias in node.names)
    return isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"} and _last_name(node.value) == "os"


def _sleeps(path: Path) -> Iterator[ast.AST]:
    """Calls of `sleep` by a library or bare; a clock of the test's own may have such a method."""
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Call) and _last_name(node.func) == "sleep":
            owner = node.func.value if isinstance(node.func, ast.Attribute) else None
            if owner is None or _last_name(owner) in {"asyncio", "time"}:
                yield node


def _last_name(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _part(relative: Path) -> str:
    """The row of the table that a file belongs to."""
    first = relative.parts[0].removesuffix(".py")
    return "sandbox/simulator" if relative.parts[:2] == ("sandbox", "simulator") else first


def _tree(path: Path) -> ast.AST:
    return ast.parse(path.read_text(encoding="utf-8"))


def _where(root: Path, path: Path, node: ast.AST | None = None) -> str:
    return f"{path.relative_to(root)}:{getattr(node, 'lineno', 1)}"


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
        ("connector/kafka/x.py", "import os\nos.environ['A']", "only cli and settings read the environment"),
        ("connector/web/x.py", "from os import environ", "only cli and settings read the environment"),
        ("connector/sandbox/x.py", "from time import monotonic", "time may not be touched in sandbox"),
        ("connector/state/x.py", "import datetime\ndatetime.datetime.now()", "only clock.py knows the time"),
        ("connector/storage/x.py", "from connector import errors", "storage may not import connector.errors"),
        ("connector/rossum/utils.py", "", "utils names no thing"),
        ("connector/rossum/x.py", "#\n" * 301, "more than 300 lines"),
        ("connector/rossum/x.py", "def f():\n" + "    x = 1\n" * 60, "f has more than 50 lines"),
        ("connector/sandbox/simulator/x.py", "from connector import errors", "shares no code"),
        ("benchmarks/x.py", "#\n" * 301, "more than 300 lines"),
        ("tests/support/x.py", "from time import sleep\nsleep(1)", "tests wait by"),
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


def test_a_ring_of_imports_is_found(tmp_path: Path) -> None:
    """Modules of one folder may import each other, but not in a ring, and the ring is shown."""
    folder = tmp_path / "connector" / "domain"
    folder.mkdir(parents=True)
    for name, text in {"a": "from connector.domain import b", "b": "from connector.domain.c import C"}.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    (folder / "c.py").write_text("import connector.domain.a\nC = 1", encoding="utf-8")

    (found,) = violations(tmp_path)

    assert "import in a ring" in found
    assert all(f"connector.domain.{name}" in found for name in "abc")
