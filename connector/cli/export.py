"""``rossum-connector export``: captured data of a queue as one file."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import mkdtemp
from typing import Annotated, Any

import typer

from connector import logs
from connector.cli.confirmation import confirm, require_answer
from connector.cli.exits import Exit, told_in_a_sentence
from connector.cli.export_options import (
    ClockName,
    ColumnsOption,
    FormName,
    FormOption,
    OutputOption,
    QueueOption,
    QuietOption,
    RateOption,
    StatusName,
    Target,
    form_of,
    require_file,
)
from connector.cli.export_output import write_export
from connector.cli.instants import clock_text
from connector.cli.interrupts import run_or_break_off
from connector.cli.options import ConfigOption, settings_from
from connector.cli.progress import StageProgress, progress
from connector.cli.queues import queue_or_default
from connector.cli.rossum_access import SHARE_BY_HAND, rossum_at
from connector.clock import SystemClock
from connector.domain.ids import AnnotationId, format_clock
from connector.errors import Refused, SettingsError
from connector.export.choice import Choice, FixedSet, Span, fixed_set
from connector.export.folder import Folder, State
from connector.export.forms import Form
from connector.export.job import Job, Order
from connector.quantities import counted
from connector.settings import Settings
from connector.settings_load import require_rossum_access
from connector.window_listing import EARLIEST

#: Statuses that `--to-status` moves from unless `--status` says otherwise: what a person has confirmed.
_MOVED_FROM = StatusName.CONFIRMED
#: Ends the name of an export's folder, whose beginning is the file's.
_PARTIAL = ".partial"


def export(  # noqa: PLR0913 - one parameter per option of the command
    *,
    config: ConfigOption = None,
    queue: QueueOption = None,
    since: Annotated[str | None, typer.Option("--from", help="From this instant on (ISO 8601, UTC).")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Up to, not including, this one; default: now.")] = None,
    clock: Annotated[
        ClockName, typer.Option(metavar="CLOCK", help="What --from and --to mean: arrived_at, confirmed_at, …")
    ] = ClockName.EXPORTED_AT,
    status: Annotated[
        list[StatusName], typer.Option(metavar="STATUS", help="Only in this status; may be repeated.")
    ] = [],  # noqa: B006 - typer copies it
    ids: Annotated[str | None, typer.Option(help="These annotations instead of a window: 1,2,3.")] = None,
    form: FormOption = FormName.JSON,
    columns: ColumnsOption = None,
    output: OutputOption = None,
    to_status: Annotated[
        Target | None, typer.Option(help="Move them in Rossum as well, by default only confirmed ones.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before moving.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an interrupted export to this file.")] = False,
    requests_per_second: RateOption = None,
    quiet: QuietOption = False,
) -> None:
    """Write captured data of a queue as json, csv, xml or xlsx: by time, or by ids.

    The set of annotations is fixed when the export starts; whatever happens
    meanwhile, none of it is missing and none comes twice.
    A file appears under its name when it is complete.
    """
    target, shape = require_file(form, output), form_of(form, columns)
    if resume and target is None:
        raise typer.BadParameter("stdout can't be resumed: add -o FILE", param_hint="--resume")
    wanted = _Wanted(form, columns, to_status, clock_text("--from", since), clock_text("--to", until), clock, ids)
    with told_in_a_sentence():
        logs.hush()
        settings = settings_from(config)
        require_rossum_access(settings)
        if to_status is not None:
            require_answer(yes=yes)
        choice = wanted.choice(
            Choice(queue_or_default(settings.rossum, queue), statuses=frozenset(name.value for name in status))
        )
        command = _Command(settings, wanted, shape, choice, requests_per_second, quiet)
        left_out = command.write(target, resume=resume, yes=yes)
    if left_out:
        raise typer.Exit(Exit.FAILED)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a person asks for."""

    form: FormName
    columns: str | None
    to_status: Target | None
    after: str | None
    before: str | None
    clock: ClockName
    ids: str | None

    def choice(self, choice: Choice) -> Choice:
        """The choice with its ids or its window.

        Raises:
            typer.BadParameter: Both are given, or neither, or they make no sense.
        """
        if (self.ids is None) == (self.after is None and self.before is None):
            raise typer.BadParameter("say which annotations: --from and --to (one is enough), or --ids; not both")
        if self.to_status is not None and not choice.statuses:
            choice = replace(choice, statuses=frozenset({_MOVED_FROM.value}))
        if self.ids is not None:
            return replace(choice, ids=_numbers(self.ids))
        if self.after and self.before and self.after >= self.before:
            raise typer.BadParameter(f"--from {self.after} is not before --to {self.before}", param_hint="--from")
        return replace(choice, span=Span(self.clock.value, self.after or EARLIEST, self.before or ""))

    def request(self, choice: Choice, settings: Settings) -> Mapping[str, Any]:
        """What makes two exports the same, as text."""
        return {
            "ROSSUM__BASE_URL": settings.rossum.base_url,
            "--queue": int(choice.queue),
            "--format": self.form.value,
            "--columns": self.columns,
            "--to-status": None if self.to_status is None else self.to_status.value,
            "--status": sorted(choice.statuses),
            "--clock": self.clock.value,
            "--from": self.after,
            "--to": self.before,
            "--ids": self.ids,
        }


@dataclass(frozen=True, slots=True)
class _Command:
    """The root of this command."""

    settings: Settings
    wanted: _Wanted
    form: Form
    choice: Choice
    requests_per_second: float | None
    quiet: bool

    def write(self, target: Path | None, *, resume: bool, yes: bool) -> Mapping[AnnotationId, str]:
        """Export to a file or to stdout; what had to be left out, and why.

        Raises:
            Refused: The person does not want it.
        """
        to_status = self.wanted.to_status
        with self.folder(target, resume=resume) as folder:
            if to_status is not None and not confirm(_question(folder.state, to_status), yes=yes):
                raise Refused("nothing was exported")
            job = self.fetch(folder)
            write_export(self.form, job.parts(), target)
            left_out = job.left_out()
            _tell(folder.state, left_out, target)
            return left_out

    @contextmanager
    def folder(self, target: Path | None, *, resume: bool) -> Iterator[Folder]:
        """The folder of this export, removed when the block ends well.

        When it does not, the folder is kept for `--resume`, unless a new export would find the same again.
        """
        request = self.wanted.request(self.choice, self.settings)
        if target is None:
            folder, onward = self._without_target(request)
        else:
            folder, onward = self._beside(target, request, resume=resume), "--resume"
        try:
            yield folder
        except BaseException:
            if folder.may_have_moved or (target is not None and folder.any_fetched):
                typer.echo(f"what is done is in {folder.path}: the same command with {onward} goes on", err=True)
            else:
                folder.remove()
            raise
        folder.remove()

    def _beside(self, target: Path, request: Mapping[str, Any], *, resume: bool) -> Folder:
        path = target.with_name(f"{target.name}{_PARTIAL}")
        if resume:
            return Folder.found(path, request)
        if path.exists():
            raise SettingsError(f"an export to {target} was interrupted: add --resume to go on, or remove {path}")
        return Folder.make(path, self._state(request))

    def _without_target(self, request: Mapping[str, Any]) -> tuple[Folder, str]:
        """A folder for an export to stdout, and the options that go on with it: stdout can't, but a file can."""
        state = self._state(request)
        path = Path(mkdtemp(prefix="export-", suffix=f".{self.wanted.form}{_PARTIAL}"))
        return Folder.make(path, state), f"-o {path.with_suffix('')} --resume"

    def _state(self, request: Mapping[str, Any]) -> State:
        """List the set, once."""
        with progress(quiet=self.quiet) as stages:
            found, window = run_or_break_off(self._listed(stages))
        return State(request, tuple(found.statuses), tuple(found.statuses.values()), found.left_out, window)

    async def _listed(self, stages: StageProgress) -> tuple[FixedSet, str]:
        clock, choice, span = SystemClock(), self.choice, self.choice.span
        async with rossum_at(
            self.settings.rossum, clock, requests_per_second=self.requests_per_second, share=SHARE_BY_HAND
        ) as rossum:
            window = counted(len(choice.ids), "id")
            if span is not None:
                # Rossum's lists lag behind: what happened just now belongs to the next window.
                latest = await rossum.server_time() - timedelta(seconds=self.settings.sweep.lag)
                span = replace(span, before=_earlier(span.before, latest))
                choice = replace(choice, span=span)
                window = (
                    f"{span.clock} from {'the beginning' if span.after == EARLIEST else span.after} to {span.before}"
                )
            return await fixed_set(choice, rossum, clock, stages), window

    def fetch(self, folder: Folder) -> Job:
        """All that is not in the folder yet."""
        with progress(quiet=self.quiet) as stages:
            return run_or_break_off(self._fetched(folder, stages))

    async def _fetched(self, folder: Folder, stages: StageProgress) -> Job:
        clock = SystemClock()
        order = Order(self.choice.queue, self.form, self.wanted.to_status, self.choice.statuses)
        async with rossum_at(
            self.settings.rossum, clock, requests_per_second=self.requests_per_second, share=SHARE_BY_HAND
        ) as rossum:
            job = Job(rossum, clock, order, folder=folder, progress=stages)
            await job.run()
        return job


def _earlier(given: str, latest: datetime) -> str:
    text = format_clock(latest)
    return min(given, text) if given else text


def _numbers(text: str) -> tuple[AnnotationId, ...]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts or not all(part.isascii() and part.isdecimal() for part in parts):
        raise typer.BadParameter(
            f"{text!r} is no list of annotation ids; write for example 4711,4712", param_hint="--ids"
        )
    return tuple(AnnotationId(int(part)) for part in parts)


def _question(state: State, target: Target) -> str:
    counts = ", ".join(f"{count:,} {status}" for status, count in sorted(Counter(state.statuses).items()))
    return f"Move {counted(len(state.ids), 'annotation')} ({counts or 'none'}) to {target} in Rossum?"


def _tell(state: State, left_out: Mapping[AnnotationId, str], target: Path | None) -> None:
    """The sums, on stderr: stdout may hold the export."""
    for number, reason in left_out.items():
        typer.echo(f"left out   annotation {number} {reason}", err=True)
    count = len(state.ids) - len(left_out.keys() & set(state.ids))
    typer.echo(f"exported   {counted(count, 'annotation')} to {target or 'stdout'} ({state.window})", err=True)
