"""``rossum-connector extract``: documents go up, captured data come down."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from connector import logs
from connector.cli.exits import Exit, told_in_a_sentence
from connector.cli.export_options import (
    ColumnsOption,
    FormName,
    FormOption,
    QueueOption,
    QuietOption,
    RateOption,
    form_of,
    require_file,
)
from connector.cli.export_output import write_export
from connector.cli.interrupts import run_until_stopped
from connector.cli.options import ConfigOption, settings_from
from connector.cli.progress import StageProgress, progress
from connector.cli.queues import queue_or_default
from connector.cli.rossum_access import SHARE_BY_HAND, rossum_at
from connector.cli.upload_options import (
    DocumentIdOption,
    FilesArgument,
    JsonLinesOption,
    MetadataOption,
    RecursiveOption,
    ValuesOption,
    duration,
    field_values,
    pairs,
)
from connector.cli.uploads import Plan, tell, upload_and_follow
from connector.clock import SystemClock
from connector.domain.ids import AnnotationId
from connector.errors import ConnectorError, Fatal
from connector.export.folder import Folder, State
from connector.export.forms import Form, Part
from connector.export.job import Job, Order
from connector.settings import Settings
from connector.settings_load import require_rossum_access
from connector.upload.following import GOALS
from connector.upload.local_files import local_files
from connector.upload.outcomes import Fate, Followed
from connector.upload.uploading import Destination


class Goal(StrEnum):
    """When a document counts as done."""

    EXPORTED = "exported"
    CONFIRMED = "confirmed"
    TO_REVIEW = "to_review"


def extract(  # noqa: PLR0913 - one parameter per option of the command
    *,
    files: FilesArgument,
    config: ConfigOption = None,
    queue: QueueOption = None,
    recursive: RecursiveOption = False,
    values: ValuesOption = [],  # noqa: B006 - typer copies it
    metadata: MetadataOption = [],  # noqa: B006 - likewise
    document_id: DocumentIdOption = None,
    until: Annotated[
        Goal, typer.Option(help="When a document is done; to_review takes what nobody has looked at.")
    ] = Goal.EXPORTED,
    timeout: Annotated[str, typer.Option(help="How long to wait for that, after the last upload.")] = "10m",
    form: FormOption = FormName.JSON,
    columns: ColumnsOption = None,
    output: Annotated[
        str | None,
        typer.Option(
            "--output", "-o", metavar="FILE|FOLDER/", help="File for all, or one file a document; default: stdout."
        ),
    ] = None,
    requests_per_second: RateOption = None,
    as_json: JsonLinesOption = False,
    quiet: QuietOption = False,
) -> None:
    """Upload documents, wait until they are done, and write their captured data.

    What became of each document is told on stderr; the exit code is 1 unless all of them are done.
    """
    goal, wait, shape = until.value, duration("--timeout", timeout), form_of(form, columns)
    texts, fields = pairs("--metadata", metadata), field_values(values)
    target = _target(form, output)
    with told_in_a_sentence():
        logs.hush()
        settings = settings_from(config)
        require_rossum_access(settings)
        found = local_files(files, recursive=recursive, document_id=document_id)
        plan = Plan(found, Destination(queue_or_default(settings.rossum, queue), texts, fields), goal, wait)
        with TemporaryDirectory(prefix="extract-") as folder:
            with progress(quiet=quiet) as stages:
                command = _Command(settings, plan, shape, Path(folder), requests_per_second, stages)
                result = run_until_stopped(command.run)
            tell(result.ends, done=goal, as_json=as_json, err=True)
            _tell_problems(result, plan)
            _write(shape, result, target, plan)
    if result.left_out or not all(end.fate is Fate.DONE for end in result.ends):
        raise typer.Exit(Exit.FAILED)


@dataclass(frozen=True, slots=True)
class _Target:
    """Where captured data go.

    Attributes:
        path: None = stdout.
        suffix: Of the files in it, where it is a folder.
    """

    path: Path | None
    suffix: str | None = None


def _target(form: FormName, output: str | None) -> _Target:
    """The target, a folder there already, so that nobody waits for data which can't be written.

    Raises:
        typer.BadParameter: It can be none.
    """
    path = None if output is None else Path(output)
    if output is None or path is None or not (output.endswith(os.sep) or path.is_dir()):
        return _Target(require_file(form, path))
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise typer.BadParameter(f"{path} can't be made: {error.strerror}", param_hint="--output") from error
    return _Target(path, f".{form.value}")


@dataclass(frozen=True, slots=True)
class _Result:
    """What became of the documents, and their captured data.

    Attributes:
        ids: Annotations whose data can be exported.
        problem: What kept these data from being fetched.
    """

    ends: Sequence[Followed]
    ids: tuple[AnnotationId, ...]
    parts: Sequence[Part] = ()
    left_out: Mapping[AnnotationId, str] = field(default_factory=dict)
    problem: Exception | None = None


@dataclass(frozen=True, slots=True)
class _Command:
    """The root of this command."""

    settings: Settings
    plan: Plan
    form: Form
    folder: Path
    requests_per_second: float | None
    stages: StageProgress

    async def run(self, stop: asyncio.Event) -> _Result:
        """Upload, follow, fetch what is done."""
        clock = SystemClock()
        async with rossum_at(
            self.settings.rossum, clock, requests_per_second=self.requests_per_second, share=SHARE_BY_HAND
        ) as rossum:
            ends = await upload_and_follow(self.plan, self.settings, (rossum, clock), stop, self.stages)
            goal = GOALS[self.plan.goal or ""]
            done = {number: status for end in ends for number, status in end.annotations if status in goal}
            if stop.is_set():
                return _Result(ends, tuple(done), problem=Fatal("interrupted"))
            state = State({}, tuple(done), tuple(done.values()), {}, "")
            order = Order(self.plan.destination.queue, self.form)
            job = Job(rossum, clock, order, folder=Folder.make(self.folder, state), progress=self.stages)
            try:
                await job.run()
            except (ConnectorError, ExceptionGroup) as error:
                return _Result(ends, tuple(done), problem=error)
            return _Result(ends, tuple(done), job.parts(), job.left_out())


def _tell_problems(result: _Result, plan: Plan) -> None:
    """What of the data is missing; raises what kept all of it away."""
    if result.problem is not None:
        typer.echo(_how_to_go_on(result.ids, plan), err=True)
        raise result.problem
    for number, reason in result.left_out.items():
        typer.echo(f"left out   annotation {number} {reason}", err=True)


def _how_to_go_on(ids: Sequence[AnnotationId], plan: Plan) -> str:
    if not ids:
        return "nothing was exported: no document was done"
    numbers = ",".join(map(str, ids))
    return f"done, not written: rossum-connector export --queue {plan.destination.queue} --ids {numbers}"


def _write(form: Form, result: _Result, target: _Target, plan: Plan) -> None:
    """Where there is something to write; who can't have it now is told how to get it later."""
    try:
        if target.path is not None and target.suffix is not None:
            _write_each(form, target.suffix, result, target.path)
        elif result.parts:
            write_export(form, result.parts, target.path)
    except Fatal:
        typer.echo(_how_to_go_on(result.ids, plan), err=True)
        raise


def _write_each(form: Form, suffix: str, result: _Result, folder: Path) -> None:
    """One file a document: its name in the folder, as below the folder that it came from, and the suffix."""
    for end in result.ends:
        ids = {number for number, _ in end.annotations}
        parts = [Part(part.path, tuple(one for one in part.ids if one in ids)) for part in result.parts]
        if parts := [part for part in parts if part.ids]:
            path = folder / f"{end.file.name}{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_export(form, parts, path)
