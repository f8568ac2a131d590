"""``rossum-connector schemas``: writes the generated contracts, or says which are out of date."""

from pathlib import Path
from typing import Annotated

import typer

from connector.cli.exits import Exit
from connector.contracts.catalogue import TopicRole
from connector.contracts.envelope import SCHEMA_PREFIX
from connector.contracts.schemas import schema_files
from connector.settings_kafka import TopicSettings


def schemas(
    directory: Annotated[Path, typer.Option(help="Where the files are.")] = Path("schemas"),
    *,
    check: Annotated[bool, typer.Option(help="Write nothing; exit with 3 if a file differs.")] = False,
) -> None:
    """Write the JSON Schemas of all events and the AsyncAPI document."""
    topics = TopicSettings().model_dump()
    files = schema_files({role: topics[role.value] for role in TopicRole})
    differing = [name for name, text in files.items() if _text(directory / name) != text]
    left_over = sorted(path.name for path in directory.glob("*.json") if path.name not in files and _is_ours(path))
    if check:
        _report(differing + left_over, directory)
        return
    directory.mkdir(parents=True, exist_ok=True)
    for name in differing:
        (directory / name).write_text(files[name], encoding="utf-8", newline="\n")
        typer.echo(f"written: {directory / name}")
    for name in left_over:
        (directory / name).unlink()
        typer.echo(f"removed: {directory / name}")


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _is_ours(path: Path) -> bool:
    """Whether this command wrote it, once: the directory may hold other files."""
    return SCHEMA_PREFIX in path.read_text(encoding="utf-8", errors="replace")


def _report(differing: list[str], directory: Path) -> None:
    """Name what differs and the command that mends it."""
    if not differing:
        return
    for name in differing:
        typer.echo(f"differs from the code: {directory / name}", err=True)
    typer.echo(f"run: rossum-connector schemas --directory {directory}", err=True)
    raise typer.Exit(Exit.CHECK_FAILED)
