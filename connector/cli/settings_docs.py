"""``rossum-connector settings-docs``: writes the generated documentation, or says what is out of date."""

from pathlib import Path
from typing import Annotated

import typer

from connector.cli.exits import Exit
from connector.sandbox import simulator_docs
from connector.settings_docs import files


def settings_docs(
    root: Annotated[Path, typer.Option(help="Root of the repository.")] = Path(),
    *,
    check: Annotated[bool, typer.Option(help="Write nothing; exit with 3 if a file differs.")] = False,
) -> None:
    """Write deploy/connector.example.toml and the tables of README.md and docs/simulator.md."""
    try:
        wanted = files(root) | simulator_docs.files(root)
    except (OSError, ValueError) as error:
        typer.echo(f"rossum-connector: {error}; run this in the root of the repository", err=True)
        raise typer.Exit(Exit.CHECK_FAILED) from error
    differing = [path for path, text in wanted.items() if not path.is_file() or path.read_text("utf-8") != text]
    if check and differing:
        names = ", ".join(str(path) for path in differing)
        typer.echo(f"out of date: {names}; run `rossum-connector settings-docs`", err=True)
        raise typer.Exit(Exit.CHECK_FAILED)
    for path in differing:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[path], encoding="utf-8", newline="\n")
        typer.echo(f"written: {path}")
