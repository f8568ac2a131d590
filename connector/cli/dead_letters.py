"""``rossum-connector dead-letters``: look at arrivals that could not be processed, repair them, send them again."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from connector import logs
from connector.cli.confirmation import confirm, require_answer
from connector.cli.dead_letter_report import described, field_line, tell, tell_step, value_text
from connector.cli.exits import Exit, told_in_a_sentence
from connector.cli.instants import clock_text
from connector.cli.options import ConfigOption, settings_from
from connector.cli.progress import StageProgress, progress
from connector.cli.writing import writing
from connector.clock import SystemClock
from connector.domain.ids import ImportId
from connector.errors import Refused
from connector.kafka.connection import KafkaConnection
from connector.kafka.plain_producer import PlainProducer
from connector.kafka.preflight import Broker, look_at_broker
from connector.quantities import counted
from connector.redrive.fixups import FixUp, read_fix_up
from connector.redrive.letters import Content, DeadLetter
from connector.redrive.reading import arrivals, contents, unanswered
from connector.redrive.reading import dead_letters as all_letters
from connector.redrive.redriver import Fate, Redriver
from connector.redrive.selecting import Selection, rank
from connector.settings import Settings

dead_letters = typer.Typer(
    help="Look at arrivals that could not be processed, repair them, send them again.", no_args_is_help=True
)

NamesArgument = Annotated[
    list[str] | None,
    typer.Argument(help="Import ids, document keys, or places of letters (partition:offset)."),
]
StageOption = Annotated[
    list[str], typer.Option("--stage", help="Where it failed: fetch, validate, upload, task, extract.")
]
QueueOption = Annotated[list[str], typer.Option("--queue", help="Queue as the arrival names it; may be repeated.")]
FromOption = Annotated[str | None, typer.Option("--from", help="Died from here on (ISO 8601).")]
ToOption = Annotated[str | None, typer.Option("--to", help="Died up to here.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Text in the sentence of the error.")]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object a line instead of text.")]
QuietOption = Annotated[bool, typer.Option("--quiet", help="No progress on stderr.")]


@dead_letters.command(name="list")
def list_letters(  # noqa: PLR0913 - one parameter per option of the command
    names: NamesArgument = None,
    *,
    config: ConfigOption = None,
    stage: StageOption = [],  # noqa: B006 - typer copies it
    queue: QueueOption = [],  # noqa: B006 - likewise
    since: FromOption = None,
    until: ToOption = None,
    reason: ReasonOption = "",
    every: Annotated[bool, typer.Option("--all", help="Older letters of one import too, and answered ones.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="Show so many at most, the newest.")] = 100,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Show the letters that still wait for an answer, the newest last."""
    selection = _selection(names, (stage, queue, reason), (since, until))
    with told_in_a_sentence():
        logs.hush()
        with progress(quiet=quiet) as stages:
            found = asyncio.run(_Command(settings_from(config), stages).letters(selection, every=every))
    found.sort(key=lambda letter: (letter.died_ms, letter.place))
    for letter in found[-limit:]:
        tell(letter, as_json=json)
    if not json:
        left_out = f", {counted(len(found) - limit, 'older one')} not shown" if len(found) > limit else ""
        typer.echo(f"{counted(len(found), 'dead letter')}{left_out}", err=True)


@dead_letters.command()
def show(
    name: Annotated[str, typer.Argument(help="Import id, document key, or place of the letter (partition:offset).")],
    *,
    config: ConfigOption = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write the arrival's value here.")] = None,
    value: Annotated[bool, typer.Option("--value", help="Show the value whole, documents inside of it too.")] = False,
) -> None:
    """Show one letter: what was announced, and why it failed."""
    with told_in_a_sentence():
        logs.hush()
        with progress(quiet=True) as stages:
            command = _Command(settings_from(config), stages)
            found = asyncio.run(command.letters(Selection(frozenset({name})), every=True))
        if not found:
            raise Refused(f"there is no dead letter {name}: see `rossum-connector dead-letters list --all`")
        letter = max(found, key=rank)
        if output is not None and letter.without_value:
            raise Refused(f"letter {letter.place} is without the arrival's value; {letter.without_value}")
        content = asyncio.run(command.content(letter))
        if output is not None:
            with writing(output, "--output"):
                output.write_bytes(content.value or b"")
    for field, text in described(letter):
        typer.echo(field_line(field, text))
    if output is None:
        typer.echo(value_text(letter, content, whole=value))


@dead_letters.command()
def redrive(  # noqa: PLR0913 - one parameter per option of the command
    names: NamesArgument = None,
    *,
    config: ConfigOption = None,
    stage: StageOption = [],  # noqa: B006 - typer copies it
    queue: QueueOption = [],  # noqa: B006 - likewise
    since: FromOption = None,
    until: ToOption = None,
    reason: ReasonOption = "",
    everything: Annotated[
        bool, typer.Option("--everything", help="All that wait; else something must be named.")
    ] = False,
    fix: Annotated[
        list[str], typer.Option("--set", help="Repair the arrival's data, e.g. queue=receipts or source.url=https://…")
    ] = [],  # noqa: B006 - likewise
    rate: Annotated[float | None, typer.Option(min=0.1, help="Letters a second at most.")] = 10.0,
    force: Annotated[bool, typer.Option("--force", help="Also those that were sent again three times.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done; write nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Send letters again; what was answered meanwhile is left alone."""
    selection = _selection(names, (stage, queue, reason), (since, until))
    if selection.is_everything != everything:
        raise typer.BadParameter("name letters or filters, or else --everything (one of both)")
    fix_ups = _fix_ups(fix)
    with told_in_a_sentence():
        logs.hush()
        require_answer(yes=yes or dry_run)
        with progress(quiet=quiet) as stages:
            command = _Command(settings_from(config), stages)
            chosen = asyncio.run(command.letters(selection, every=False))
        if not chosen:
            msg = (
                "no letter that waits for an answer matches: see `rossum-connector dead-letters list`; an import that "
                "failed longer ago than STATE__RETENTION is forgotten, announce its document again"
            )
            raise Refused(msg)
        if not dry_run and not confirm(f"Send {counted(len(chosen), 'dead letter')} again?", yes=yes):
            raise Refused("nothing was sent")
        counts = asyncio.run(command.redrive(chosen, fix_ups, _Options(rate, force, dry_run, json)))
    if not json:
        sums = ", ".join(f"{count:,} {fate}" for fate, count in sorted(counts.items()))
        typer.echo(f"{'dry run, nothing was written: ' if dry_run else ''}{sums}", err=True)
    if counts[Fate.SKIPPED]:
        raise typer.Exit(Exit.CHECK_FAILED)


def _selection(
    names: list[str] | None, filters: tuple[list[str], list[str], str], window: tuple[str | None, str | None]
) -> Selection:
    stages, queues, text = filters
    since, until = clock_text("--from", window[0]), clock_text("--to", window[1])
    return Selection(
        frozenset(names or ()), frozenset(stages), frozenset(queues), _milliseconds(since), _milliseconds(until), text
    )


def _milliseconds(clock: str | None) -> int | None:
    return None if clock is None else int(datetime.fromisoformat(clock).timestamp() * 1000)


def _fix_ups(texts: list[str]) -> list[FixUp]:
    try:
        return [read_fix_up(text) for text in texts]
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--set") from None


@dataclass(frozen=True, slots=True)
class _Options:
    """How letters are sent."""

    rate: float | None
    force: bool
    dry_run: bool
    as_json: bool


class _Command:
    """The root of these commands."""

    def __init__(self, settings: Settings, stages: StageProgress) -> None:
        self._settings = settings
        self._stages = stages
        self._connection = KafkaConnection(settings.kafka)

    async def letters(self, selection: Selection, *, every: bool) -> list[DeadLetter]:
        """Those that are meant: all of them, or only what still waits for an answer."""
        broker = await self._broker()
        self._stages.begin("reading dead letters")
        letters: list[DeadLetter] = []
        # Of all, also of those that are not meant: who asks for one stage must not be given an older letter of it.
        last: dict[ImportId, tuple[int, ...]] = {}
        async for letter in all_letters(self._connection, broker.names, broker.cluster, on_progress=self._stages.step):
            last[letter.import_id] = max(last.get(letter.import_id, ()), rank(letter))
            if selection.wants(letter):
                letters.append(letter)
        if every:
            return letters
        letters = [letter for letter in letters if rank(letter) == last[letter.import_id]]
        if not letters:
            return letters
        self._stages.begin("reading the ledger", broker.names.partitions)
        return await unanswered(self._connection, broker.names, letters, on_progress=self._stages.step)

    async def content(self, letter: DeadLetter) -> Content:
        """What a letter holds."""
        broker = await self._broker()
        async with contents(self._connection, broker.names) as read:
            content = await read(letter)
        if content is None:
            raise Refused(f"letter {letter.place} is gone: its topic has just deleted it")
        return content

    async def redrive(self, letters: list[DeadLetter], fix_ups: list[FixUp], options: _Options) -> Counter[Fate]:
        """Send them; how many of them were, and how many not."""
        broker = await self._broker()
        counts: Counter[Fate] = Counter()
        async with AsyncExitStack() as stack:
            producer = PlainProducer(self._connection, max_bytes=broker.max_bytes)
            stack.push_async_callback(producer.close)
            redriver = Redriver(
                None if options.dry_run else producer,
                await stack.enter_async_context(contents(self._connection, broker.names)),
                await stack.enter_async_context(arrivals(self._connection, broker.names)),
                broker.names,
                SystemClock(),
                copy_bytes=min(broker.copy_bytes, broker.letter_bytes),
                fix_ups=fix_ups,
                rate=options.rate,
                insist=options.force,
            )
            async for step in redriver.run(letters):
                counts[step.fate] += 1
                tell_step(step, dry_run=options.dry_run, as_json=options.as_json)
        return counts

    async def _broker(self) -> Broker:
        return await look_at_broker(self._connection, self._settings.kafka)
