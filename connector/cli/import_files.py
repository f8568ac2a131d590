"""``rossum-connector import``: documents from files, straight to Rossum or announced on Kafka."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated

import typer

from connector import logs
from connector.cli.announcing import Announcing, interruption
from connector.cli.exits import Exit, told_in_a_sentence
from connector.cli.export_options import QueueOption, QuietOption, RateOption
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
from connector.cli.uploads import FINE, Plan, tell, upload_and_follow
from connector.clock import SystemClock
from connector.settings import Settings
from connector.settings_load import require_rossum_access
from connector.upload.local_files import local_files
from connector.upload.outcomes import Followed
from connector.upload.uploading import Destination


def import_files(  # noqa: PLR0913 - one parameter per option of the command
    *,
    files: FilesArgument,
    config: ConfigOption = None,
    queue: QueueOption = None,
    recursive: RecursiveOption = False,
    values: ValuesOption = [],  # noqa: B006 - typer copies it
    metadata: MetadataOption = [],  # noqa: B006 - likewise
    document_id: DocumentIdOption = None,
    skip_identical: Annotated[
        bool, typer.Option("--skip-identical", help="Skip what Rossum has under the same name and content.")
    ] = False,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="End when Rossum has them, before it read them.")] = False,
    timeout: Annotated[str, typer.Option(help="How long to wait until their annotations are there.")] = "2m",
    via_kafka: Annotated[
        bool, typer.Option("--via-kafka", help="Announce them on Kafka, for the connector to import.")
    ] = False,
    by_path: Annotated[
        bool, typer.Option("--by-path", help="With --via-kafka: announce paths that the connector can read.")
    ] = False,
    requests_per_second: RateOption = None,
    as_json: JsonLinesOption = False,
    quiet: QuietOption = False,
) -> None:
    """Import documents from files to a Rossum queue.

    With --via-kafka the running connector does it; the same file again is then recognised and not imported twice.
    """
    wait = duration("--timeout", timeout)
    texts, fields = pairs("--metadata", metadata), field_values(values)
    _require_sense(via_kafka=via_kafka, by_path=by_path, skip_identical=skip_identical)
    with told_in_a_sentence():
        logs.hush()
        settings = settings_from(config)
        found = local_files(files, recursive=recursive, document_id=document_id)
        if not via_kafka:
            require_rossum_access(settings)
        destination = Destination(queue_or_default(settings.rossum, queue), texts, fields, skip_identical)
        with progress(quiet=quiet) as stages:
            if via_kafka:
                announcing = Announcing(settings.kafka, destination, by_path=by_path, stages=stages)
                ends = run_until_stopped(partial(announcing.run, found))
            else:
                plan = Plan(found, destination, None if no_wait else "imported", wait)
                command = _Command(settings, plan, requests_per_second, stages)
                ends = run_until_stopped(command.run)
    _end(ends, via_kafka=via_kafka, as_json=as_json)


def _end(ends: Sequence[Followed], *, via_kafka: bool, as_json: bool) -> None:
    tell(ends, done="announced" if via_kafka else "imported", as_json=as_json, err=False)
    if via_kafka and (said := interruption(ends)):
        typer.echo(f"rossum-connector: {said}", err=True)
    if not all(end.fate in FINE for end in ends):
        raise typer.Exit(Exit.FAILED)


def _require_sense(*, via_kafka: bool, by_path: bool, skip_identical: bool) -> None:
    if by_path and not via_kafka:
        raise typer.BadParameter("it belongs to --via-kafka", param_hint="--by-path")
    if via_kafka and skip_identical:
        raise typer.BadParameter("with --via-kafka the connector decides", param_hint="--skip-identical")


@dataclass(frozen=True, slots=True)
class _Command:
    """The root of this command without Kafka."""

    settings: Settings
    plan: Plan
    requests_per_second: float | None
    stages: StageProgress

    async def run(self, stop: asyncio.Event) -> list[Followed]:
        clock = SystemClock()
        async with rossum_at(
            self.settings.rossum,
            clock,
            requests_per_second=self.requests_per_second,
            share=SHARE_BY_HAND,
            reject_identical=self.plan.destination.skip_identical,
        ) as rossum:
            return await upload_and_follow(self.plan, self.settings, (rossum, clock), stop, self.stages)
