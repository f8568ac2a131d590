"""``rossum-connector audit``: is anything missing, and where."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import orjson
import typer

from connector import assembly, logs
from connector.audit.asking import Asking
from connector.audit.auditor import Auditor, Plan, Report
from connector.audit.gathering import Gathering
from connector.audit.spill import Spill
from connector.cli.audit_report import as_json, as_lines
from connector.cli.exits import Exit, told_in_a_sentence
from connector.cli.instants import clock_text
from connector.cli.options import ConfigOption, settings_from
from connector.cli.progress import StageProgress, progress
from connector.cli.rossum_access import rossum_at
from connector.cli.writing import writing
from connector.clock import SystemClock
from connector.contracts.catalogue import TopicRole
from connector.kafka.connection import KafkaConnection
from connector.kafka.names import Names
from connector.kafka.preflight import cluster_id
from connector.settings import Settings
from connector.settings_load import require_rossum


def audit(  # noqa: PLR0913 - one parameter per option of the command
    *,
    config: ConfigOption = None,
    since: Annotated[str | None, typer.Option("--from", help="Ask Rossum about captures from here on.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Ask Rossum about captures up to here.")] = None,
    beyond_horizon: Annotated[
        bool, typer.Option("--beyond-horizon", help="Compare what is older than the horizon too.")
    ] = False,
    captured_topic: Annotated[str | None, typer.Option(help="Audit this copy of the captured topic.")] = None,
    lifecycle_topic: Annotated[str | None, typer.Option(help="Likewise.")] = None,
    ready_topic: Annotated[str | None, typer.Option(help="Likewise.")] = None,
    dead_letters_topic: Annotated[str | None, typer.Option(help="Likewise.")] = None,
    listed: Annotated[int, typer.Option("--open", min=0, help="How many open ones to list.")] = 20,
    requests_per_second: Annotated[
        float | None, typer.Option(min=0, help="Calls of Rossum; default: the small share of the ops lane.")
    ] = None,
    directory: Annotated[Path | None, typer.Option(help="Where temporary files go.")] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON document instead of text.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress on stderr.")] = False,
) -> None:
    """Compare the ledger, the public topics and Rossum; exit with 3 if they differ. Writes nothing."""
    window = clock_text("--from", since), clock_text("--to", until)
    copies = {
        TopicRole.CAPTURED: captured_topic,
        TopicRole.LIFECYCLE: lifecycle_topic,
        TopicRole.READY: ready_topic,
        TopicRole.DEAD_LETTERS: dead_letters_topic,
    }
    with told_in_a_sentence():
        logs.hush()
        settings = settings_from(config)
        require_rossum(settings)
        names = Names.from_settings(settings.kafka, partitions=settings.kafka.work_partitions)
        names = replace(names, topics={**names.topics, **{role: name for role, name in copies.items() if name}})
        plan = replace(_plan(settings, names), since=window[0], until=window[1], beyond_horizon=beyond_horizon)
        with progress(quiet=quiet) as stages, _folder(directory) as folder:
            command = _Command(settings, names, plan, folder)
            report = asyncio.run(command.run(stages, requests_per_second))
    if json:
        sys.stdout.buffer.write(orjson.dumps(as_json(report, listed), option=orjson.OPT_INDENT_2) + b"\n")
    else:
        for line in as_lines(report, listed):
            typer.echo(line)
    if report.verdict.differences:
        raise typer.Exit(Exit.CHECK_FAILED)


def _plan(settings: Settings, names: Names) -> Plan:
    return Plan(
        base_url=settings.rossum.base_url,
        capture=tuple(settings.capture.statuses),
        topics=names.topics,
        start=settings.sweep.start,
        deep_overlap=settings.sweep.deep_overlap,
        exactly_once=settings.kafka.delivery == "exactly-once",
    )


@contextmanager
def _folder(directory: Path | None) -> Iterator[Path]:
    with writing(directory or "temporary files", "--directory"):
        made = TemporaryDirectory(dir=directory, prefix="audit-")
    with made as folder:
        yield Path(folder)


@dataclass(frozen=True, slots=True)
class _Command:
    """The root of this command."""

    settings: Settings
    names: Names
    plan: Plan
    folder: Path

    async def run(self, stages: StageProgress, requests_per_second: float | None) -> Report:
        settings, clock = self.settings, SystemClock()
        connection = KafkaConnection(settings.kafka)
        cluster = await cluster_id(connection, settings.kafka)
        async with rossum_at(settings.rossum, clock, requests_per_second=requests_per_second) as rossum:
            gathering = Gathering(connection, self.names, cluster=cluster, make_spill=self._spill)
            asking = Asking(rossum, clock, assembly.queues_of(settings.rossum))
            auditor = Auditor(gathering, asking, self.plan, clock=clock, progress=stages)
            return await auditor.run(await rossum.server_time())

    def _spill(self, records: int) -> Spill:
        return Spill(self.folder, records=records)
