"""Generates the tables of ``docs/simulator.md`` out of the simulator's routes, switches and control endpoints."""

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from itertools import groupby
from pathlib import Path
from typing import Any

from connector.sandbox.simulator import control
from connector.sandbox.simulator.behaviour import Behaviour
from connector.sandbox.simulator.server import RESOURCES
from connector.sandbox.vendor_endpoints import DOCUMENTED, reasons

_WIDTH = 120
#: Stands for a space at which no line is broken.
_WHOLE = "\N{NO-BREAK SPACE}"


def routes() -> frozenset[str]:
    """Every operation that the simulator answers."""
    return frozenset(operation for module in RESOURCES for operation in module.ROUTES)


def endpoints_table() -> str:
    """Per path: the methods that are covered and those that are left out."""
    known = routes()
    rows = ["| resource | path | covered | left out |", "|---|---|---|---|"]
    for resource, operations in DOCUMENTED.items():
        for path, methods in groupby(sorted(map(_split, operations)), key=lambda pair: pair[0]):
            names = [method for _, method in methods]
            have = [name for name in names if f"{name} {path}" in known]
            lack = [name for name in names if name not in have]
            rows.append(f"| {resource} | `{path}` | {' '.join(have)} | {' '.join(lack)} |")
    return "\n".join(rows)


def _split(operation: str) -> tuple[str, str]:
    method, _, path = operation.partition(" ")
    return path, method


def missing() -> list[str]:
    """Documented operations that no route answers."""
    known = routes()
    return [operation for operations in DOCUMENTED.values() for operation in operations if operation not in known]


def reasons_list() -> str:
    """Why something is left out, with what it is about."""
    lines: dict[str, list[str]] = {}
    for operation in missing():
        for reason in reasons(operation):
            lines.setdefault(reason, []).append(f"`{operation}`".replace(" ", _WHOLE))
    return "\n".join(_item(f"{reason} {', '.join(operations)}") for reason, operations in lines.items())


def _item(text: str) -> str:
    """A point of a list, in lines that can be read as they are."""
    lines = textwrap.wrap(text, _WIDTH, initial_indent="- ", subsequent_indent="  ", break_on_hyphens=False)
    return "\n".join(lines).replace(_WHOLE, " ")


def coverage_line() -> str:
    """How much of it is covered."""
    documented = [operation for operations in DOCUMENTED.values() for operation in operations]
    return f"{len(documented) - len(missing())} of {len(documented)} documented operations are covered."


def switches_table() -> str:
    """Every switch with its first position and what it does."""
    texts = dict(_texts(Behaviour))
    rows = ["| switch | at first | what it does |", "|---|---|---|"]
    for switch in fields(Behaviour):
        others = switch.metadata.get("positions", ())[1:]
        first = str(switch.default).lower() if isinstance(switch.default, bool) else str(switch.default)
        shown = f"`{first}`" + (f" (or {', '.join(f'`{other}`' for other in others)})" if others else "")
        rows.append(f"| `{switch.name}` | {shown} | {_plain(texts[switch.name])} |")
    return "\n".join(rows)


def _texts(described: type[Any]) -> Iterator[tuple[str, str]]:
    """Each attribute of a class with the text below it."""
    body = ast.parse(inspect.getsource(described)).body[0]
    assert isinstance(body, ast.ClassDef)
    for attribute, text in zip(body.body, body.body[1:], strict=False):
        if isinstance(attribute, ast.AnnAssign) and isinstance(attribute.target, ast.Name):
            assert isinstance(text, ast.Expr)
            assert isinstance(text.value, ast.Constant)
            yield attribute.target.id, str(text.value.value)


def controls_table() -> str:
    """What tests can do to the simulator, by endpoint."""
    rows = ["| endpoint | what it does |", "|---|---|"]
    for operation, action in control.ACTIONS.items():
        method, _, path = operation.partition(" ")
        text = (inspect.getdoc(action) or "").partition("\n\n")[0]
        rows.append(f"| `{method} /sandbox{path}` | {_plain(text)} |")
    return "\n".join(rows)


def _plain(text: str) -> str:
    return " ".join(text.replace("``", "`").split())


TABLES: dict[str, Callable[[], str]] = {
    "coverage": coverage_line,
    "endpoints": endpoints_table,
    "reasons": reasons_list,
    "switches": switches_table,
    "controls": controls_table,
}


def with_tables(page: str, tables: Iterable[tuple[str, Callable[[], str]]] = tuple(TABLES.items())) -> str:
    """The page with its generated parts; text outside of the markers stays.

    Raises:
        ValueError: A pair of markers is missing.
    """
    for name, table in tables:
        begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
        if begin not in page or end not in page:
            raise ValueError(f"docs/simulator.md lacks the markers {begin} and {end}")
        before, rest = page.split(begin, 1)
        page = f"{before}{begin}\n{table()}\n{end}{rest.split(end, 1)[1]}"
    return page


def files(root: Path) -> dict[Path, str]:
    """The page below the root of the repository, as it should be."""
    page = root / "docs" / "simulator.md"
    return {page: with_tables(page.read_text(encoding="utf-8"))}
