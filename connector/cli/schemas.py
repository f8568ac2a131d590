"""``rossum-connector schemas``: writes the generated contracts, or says which are out of date."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from connector import assembly
from connector.cli.exits import Exit, told_in_a_sentence
from connector.cli.options import ConfigOption, settings_from
from connector.cli.queues import queue_id
from connector.cli.rossum_access import rossum_at
from connector.cli.writing import writing
from connector.clock import SystemClock
from connector.contracts.captured_form import strangers
from connector.contracts.catalogue import TopicRole
from connector.contracts.envelope import SCHEMA_PREFIX
from connector.contracts.queue_schema import queue_schema
from connector.contracts.schemas import schema_files
from connector.domain.ids import QueueId
from connector.domain.schema_readings import SchemaReading
from connector.errors import Refused
from connector.settings import RossumSettings
from connector.settings_kafka import TopicSettings
from connector.settings_load import require_rossum_access


def schemas(
    directory: Annotated[Path, typer.Option(help="Where the files are.")] = Path("schemas"),
    *,
    check: Annotated[bool, typer.Option(help="Write nothing; exit with 3 if a file differs.")] = False,
    queue: Annotated[
        str | None, typer.Option(help="Print the schema of this queue's captured events instead (id or alias).")
    ] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="With --queue: a file for it.")] = None,
    config: ConfigOption = None,
) -> None:
    """Write the JSON Schemas of all events and the AsyncAPI document, or that of one queue's captured events."""
    if queue is not None:
        with told_in_a_sentence():
            _write_queue(config, queue, output)
        return
    topics = TopicSettings().model_dump()
    files = schema_files({role: topics[role.value] for role in TopicRole})
    differing = [name for name, text in files.items() if _text(directory / name) != text]
    left_over = sorted(path.name for path in directory.glob("*.json") if path.name not in files and _is_ours(path))
    if check:
        _report(differing + left_over, directory)
        return
    with told_in_a_sentence():
        _write({name: files[name] for name in differing}, left_over, directory)


def _write(files: Mapping[str, str], left_over: list[str], directory: Path) -> None:
    with writing(directory, "--directory"):
        directory.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        with writing(directory / name, "--directory"):
            (directory / name).write_text(text, encoding="utf-8", newline="\n")
        typer.echo(f"written: {directory / name}")
    for name in left_over:
        with writing(directory / name, "--directory"):
            (directory / name).unlink()
        typer.echo(f"removed: {directory / name}")


def _write_queue(config: Path | None, name: str, output: Path | None) -> None:
    """One queue's schema, as the settings name its fields."""
    settings = settings_from(config)
    require_rossum_access(settings)
    queue = queue_id(settings.rossum, name)
    schema = asyncio.run(_schema_of(settings.rossum, queue))
    form = assembly.captured_form(settings)
    for unknown in strangers(form.of(queue), schema.exported):
        typer.echo(f"not a field that queue {queue} exports: {unknown}", err=True)
    text = queue_schema(queue, schema, form)
    if output is None:
        typer.echo(text)
    else:
        with writing(output, "--output"):
            output.write_text(text + "\n", encoding="utf-8", newline="\n")


async def _schema_of(settings: RossumSettings, queue: QueueId) -> SchemaReading:
    async with rossum_at(settings, SystemClock()) as rossum:
        found = await rossum.queue(queue)
        schema = None if found is None or found.schema is None else await rossum.schema(found.schema)
    if schema is None:
        raise Refused(f"Rossum shows no queue {queue} with a schema: correct --queue, or give the user access to it")
    return schema


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
