"""What the commands about dead letters print."""

from typing import Any

import orjson
import typer

from connector.cli.instants import shown_instant
from connector.cli.json_lines import write_line
from connector.redrive.letters import Content, DeadLetter
from connector.redrive.redriver import Fate, Step

#: Longest sentence that a table shows (characters).
SHOWN = 90


def tell_step(step: Step, *, dry_run: bool, as_json: bool) -> None:
    """One letter and what became of it."""
    letter = step.letter
    if as_json:
        line = {"import_id": letter.import_id, "letter": letter.place, "fate": step.fate, "sentence": step.sentence}
        write_line(line)
        return
    would = "would be " if dry_run and step.fate is Fate.REDRIVEN else ""
    why = f": {step.sentence}" if step.sentence else ""
    typer.echo(f"{would}{step.fate} {letter.import_id} ({_document(letter)}){why}")


def tell(letter: DeadLetter, *, as_json: bool) -> None:
    """One letter in a line."""
    if as_json:
        write_line(dict(described(letter)))
        return
    message = letter.message if len(letter.message) <= SHOWN else letter.message[: SHOWN - 1] + "…"
    typer.echo(f"{shown_instant(letter.died_ms)}  {letter.place:8} {letter.stage:8} {_document(letter):24} {message}")


def described(letter: DeadLetter) -> list[tuple[str, Any]]:
    """All that there is to say about a letter, without its value; None is what nobody knows."""
    arrived = letter.arrived
    return [
        ("letter", letter.place),
        ("import_id", letter.import_id),
        ("document", _document(letter)),
        ("died", shown_instant(letter.died_ms)),
        ("stage", letter.stage),
        ("reason", letter.message),
        ("attempts", letter.attempts),
        ("first_failure", letter.first_failure),
        ("redrives", letter.redrives),
        ("arrived", f"{arrived.topic}/{arrived.partition}/{arrived.offset}"),
        ("bytes", None if letter.unread else letter.left_out or letter.size),
    ]


def field_line(field: str, value: Any) -> str:
    """One of these for a person."""
    return f"{field:14} {'unknown' if value is None else value}"


def _document(letter: DeadLetter) -> str:
    return letter.document_id if letter.document_id is not None else "-"


def value_text(letter: DeadLetter, content: Content, *, whole: bool) -> str:
    """The arrival's value for a person; documents inside of it only when asked for."""
    if letter.without_value:
        return f"(without its value; {letter.without_value})"
    try:
        document = orjson.loads(content.value or b"null")
    except orjson.JSONDecodeError:
        return (content.value or b"").decode(errors="replace") if whole else "(not JSON; see --value, or -o FILE)"
    return orjson.dumps(document if whole else _without_documents(document), option=orjson.OPT_INDENT_2).decode()


def _without_documents(node: Any) -> Any:
    if isinstance(node, dict):
        return {
            name: f"({len(item):,} characters)"
            if name == "base64" and isinstance(item, str)
            else _without_documents(item)
            for name, item in node.items()
        }
    return node
