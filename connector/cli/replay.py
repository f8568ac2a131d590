"""``rossum-connector replay``: publish again."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Annotated
from uuid import uuid4

import typer

from connector import assembly, logs
from connector.cli.confirmation import confirm, require_answer
from connector.cli.exits import Exit, told_in_a_sentence
from connector.cli.instants import clock_text
from connector.cli.json_lines import write_line
from connector.cli.options import ConfigOption, settings_from
from connector.cli.progress import StageProgress, progress
from connector.cli.queues import queue_id
from connector.cli.rossum_access import rossum_at
from connector.clock import SystemClock
from connector.contracts.catalogue import TopicRole
from connector.contracts.envelope import EventMode
from connector.domain.ids import AnnotationId
from connector.errors import Refused
from connector.kafka.connection import KafkaConnection
from connector.kafka.plain_producer import PlainProducer
from connector.kafka.preflight import look_at_broker
from connector.kafka.reading import stretches
from connector.replay.choosing import Selection
from connector.replay.ledger import Ledger
from connector.replay.outlet import Outlet
from connector.replay.rebuilding import CAPTURED, REPLAYABLE, Fate, Rebuilding, Step
from connector.replay.replayer import Replayer, Sources, choose
from connector.settings import Settings
from connector.settings_load import require_rossum
from connector.window_listing import EARLIEST, Window

#: After every clock of Rossum's.
_LATEST = "2999-12-31T23:59:59.000000Z"
_DONE = (Fate.PUBLISHED, Fate.ASKED)


def replay(  # noqa: PLR0913 - one parameter per option of the command
    *,
    config: ConfigOption = None,
    document: Annotated[list[str], typer.Option(help="Document key; may be repeated.")] = [],  # noqa: B006 - typer copies it
    annotation: Annotated[list[int], typer.Option(help="Annotation id; may be repeated.")] = [],  # noqa: B006 - likewise
    queue: Annotated[list[str], typer.Option(help="Queue id or alias; may be repeated.")] = [],  # noqa: B006 - likewise
    since: Annotated[str | None, typer.Option("--from", help="Revisions from here on (ISO 8601).")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Revisions up to here.")] = None,
    event: Annotated[list[str], typer.Option(help="Event to publish; may be repeated.")] = [CAPTURED],  # noqa: B006 - likewise
    to_topic: Annotated[str | None, typer.Option(help="Publish to this topic instead of the public ones.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done; write nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    rate: Annotated[float | None, typer.Option(min=0.1, help="Events a second at most.")] = None,
    requests_per_second: Annotated[
        float | None, typer.Option(min=0, help="Calls of Rossum; default: the small share of the ops lane.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line instead of text.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress on stderr.")] = False,
) -> None:
    """Publish events again: same ids, marked as a replay. What was never published, the connector is asked for."""
    window = clock_text("--from", since), clock_text("--to", until)
    with told_in_a_sentence():
        logs.hush()
        settings = settings_from(config)
        require_rossum(settings)
        require_answer(yes=yes or dry_run)
        selection = _selection(settings, (annotation, document, queue), window, event)
        command = _Command(settings, selection, to_topic, rate, requests_per_second)
        with progress(quiet=quiet) as stages:
            chosen = asyncio.run(command.choose(stages))
        if not chosen:
            typer.echo("nothing matches: no published event and no capture in Rossum", err=True)
            raise typer.Exit(Exit.CHECK_FAILED)
        where = f"to {to_topic}" if to_topic else "to the public topics"
        if not dry_run and not confirm(f"Publish again {where} (annotations: {len(chosen):,})?", yes=yes):
            raise Refused("nothing was published")
        report = _Report(uuid4().hex, as_json=json, dry_run=dry_run)
        with progress(quiet=quiet) as stages:
            asyncio.run(command.run(chosen, report, stages))
    report.end()
    if not report.is_complete:
        raise typer.Exit(Exit.CHECK_FAILED)


def _selection(
    settings: Settings,
    named: tuple[list[int], list[str], list[str]],
    window: tuple[str | None, str | None],
    events: list[str],
) -> Selection:
    annotations, documents, queues = named
    by_window = bool(queues or window[0] or window[1])
    if by_window == bool(annotations or documents):
        raise typer.BadParameter("name --document or --annotation, or else --queue, --from, --to (one of both ways)")
    for name in events:
        if name not in REPLAYABLE:
            raise typer.BadParameter(f"{name!r} is none of {', '.join(REPLAYABLE)}", param_hint="--event")
    return Selection(
        names=tuple(events),
        annotations=frozenset(AnnotationId(number) for number in annotations),
        documents=frozenset(documents),
        queues=frozenset(queue_id(settings.rossum, name) for name in queues) or assembly.queues_of(settings.rossum),
        window=Window(window[0] or EARLIEST, window[1] or _LATEST) if by_window else None,
    )


@dataclass(frozen=True, slots=True)
class _Command:
    """The root of this command."""

    settings: Settings
    selection: Selection
    to_topic: str | None
    rate: float | None
    requests_per_second: float | None

    async def choose(self, stages: StageProgress) -> list[AnnotationId]:
        """The annotations that it is about."""
        async with self._sources(stages) as (sources, _):
            return await choose(self.selection, self.settings.capture.statuses, sources)

    async def run(self, chosen: list[AnnotationId], report: "_Report", stages: StageProgress) -> None:
        """Replay them; the report hears of each step."""
        settings = self.settings
        async with self._sources(stages) as (sources, ledger):
            header = await ledger.header()
            identity = assembly.identity_of(header, settings.rossum.base_url)
            rules = assembly.annotation_rules(settings, identity, header)
            rebuilding = Rebuilding(report.replay, self.selection.names, rules)
            async with self._outlet() as outlet:
                replayer = Replayer(
                    sources,
                    rebuilding,
                    None if report.dry_run else outlet,
                    rate=self.rate,
                    to_elsewhere=self.to_topic is not None,
                )
                async with aclosing(replayer.run(chosen)) as steps:
                    async for step in steps:
                        report.tell(step)

    @asynccontextmanager
    async def _outlet(self) -> AsyncIterator[Outlet]:
        kafka, connection = self.settings.kafka, KafkaConnection(self.settings.kafka)
        broker = await look_at_broker(connection, kafka)
        public = [broker.names.topics[role] for role in (TopicRole.CAPTURED, TopicRole.LIFECYCLE, TopicRole.READY)]
        topics = [self.to_topic] if self.to_topic else public
        producer = PlainProducer(connection, max_bytes=broker.max_bytes)
        outlet = Outlet(
            producer,
            broker.names,
            encode=assembly.encoder(EventMode(kafka.event_mode), captured_bytes=broker.captured_bytes),
            partitions=dict(Counter(stretch.topic for stretch in await stretches(connection, topics))),
            to_topic=self.to_topic,
        )
        try:
            yield outlet
        finally:
            await outlet.close()
            await producer.close()

    @asynccontextmanager
    async def _sources(self, stages: StageProgress) -> AsyncIterator[tuple[Sources, Ledger]]:
        settings, clock = self.settings, SystemClock()
        ledger = Ledger(KafkaConnection(settings.kafka), settings.kafka.topics.ledger)
        async with rossum_at(settings.rossum, clock, requests_per_second=self.requests_per_second) as rossum:
            yield Sources(rossum, ledger, clock, stages), ledger


class _Report:
    """Tells each step on stdout as it is done, and the sums at the end."""

    def __init__(self, replay: str, *, as_json: bool, dry_run: bool) -> None:
        self.replay = replay
        self.dry_run = dry_run
        self._as_json = as_json
        self._counts: Counter[Fate] = Counter()

    @property
    def is_complete(self) -> bool:
        """Whether everything was published or left to the owner."""
        return not set(self._counts) - set(_DONE)

    def tell(self, step: Step) -> None:
        """One step."""
        self._counts[step.fate] += 1
        would = "would be " if self.dry_run and step.fate in _DONE else ""
        if self._as_json:
            write_line({"annotation": step.annotation, "fate": step.fate, "fact": step.fact, "sentence": step.sentence})
        else:
            why = f": {step.sentence}" if step.sentence else ""
            typer.echo(f"{would + step.fate:18} annotation/{step.annotation}  {step.fact}{why}")

    def end(self) -> None:
        """The sums."""
        if self._as_json:
            write_line({"replay": self.replay, "dry_run": self.dry_run, "counts": dict(self._counts)})
        else:
            counts = ", ".join(f"{count:,} {fate}" for fate, count in sorted(self._counts.items()))
            what = "dry run, nothing was written" if self.dry_run else f"replay {self.replay}"
            typer.echo(f"{what}: {counts}")
