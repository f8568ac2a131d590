"""What the sandbox shows: a live view on a terminal, plain lines anywhere else; the same summary at the end of both."""

from collections.abc import Sequence
from types import TracebackType
from typing import Any, Final, Protocol, Self

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from connector.contracts.catalogue import TopicRole
from connector.quantities import counted
from connector.sandbox.guide import Places
from connector.sandbox.story import DocumentStory, Record, State, Story

_REFRESHES: Final = 8
#: Lines around the rows of the live table: its head, its rule, the line below, one to spare.
_FRAME: Final = 5
#: Lines of the panel with captured data; it is left out where the table alone fills the terminal.
_PANEL: Final = 11
_FIELDS_SHOWN: Final = 7
_ROWS_AT_LEAST: Final = 5
#: Lines of a terminal that shows the panel even if not all rows of the table fit.
_TALL: Final = 30
#: Columns of a terminal that shows what happens to each document, of all else in a row, and of the longest such text.
_ROOMY: Final = 100
_OTHERS: Final = 77
_ABOUT: Final = 32
#: Rows of the table at the end: it may have run for hours.
_LAST_ROWS: Final = 100
_SIGNS: Final = {State.UNDER_WAY: "…", State.DONE: "✓", State.WRONG: "✗"}
_STYLES: Final = {State.UNDER_WAY: "dim", State.DONE: "green", State.WRONG: "red"}
_WORDS: Final = {State.UNDER_WAY: "open", State.DONE: "ok", State.WRONG: "wrong"}


class Screen(Protocol):
    """What the demonstration tells."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def say(self, sentence: str) -> None:
        """A sentence that stays."""

    def opened(self, places: Places) -> None:
        """Everything listens."""

    def read(self, record: Record, document: DocumentStory) -> None:
        """An event of a document was read."""

    def update(self, story: Story, now: float) -> None:
        """Time went by."""

    def closed(self, story: Story, now: float) -> None:
        """Nothing more will be read."""


class PlainScreen:
    """One line an event, for pipes and files."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return

    def say(self, sentence: str) -> None:
        """A line."""
        self._console.print(sentence, soft_wrap=True, markup=False, highlight=False)

    def opened(self, places: Places) -> None:
        """Each place on a line."""
        for name, text in places.lines():
            self.say(f"{name + ':':15}{text}")
        self.say("")

    def read(self, record: Record, document: DocumentStory) -> None:
        """Seconds since the announcement, document, event; the ready topic only repeats the lifecycle topic."""
        if record.role is TopicRole.READY:
            return
        who = document.sample.document_id
        via = f" ({record.via})" if record.name.startswith("annotation.") else ""
        topic = record.role.value.replace("_", "-")
        self.say(f"{record.at - document.announced_at:6.1f} s  {who:14} {topic:13} {record.name}{via}")

    def update(self, story: Story, now: float) -> None:
        """Lines tell it already."""

    def closed(self, story: Story, now: float) -> None:
        """The newest captured data, then every document on a line."""
        if story.newest_captured is not None:
            self.say(f"\n{_captured_title(story.newest_captured)}")
            for name, value in _captured_lines(story.newest_captured):
                self.say(f"  {name:24} {value}")
        self.say("")
        for document in story.documents.values():
            word, outcome, seconds = _WORDS[document.state], _outcome(document) or document.now, _seconds(document, now)
            who = document.sample
            self.say(f"{word:5} {who.document_id:14} {who.kind.about:34} {outcome:20} {document.via:8} {seconds:>5} s")


class LiveScreen:
    """A table that changes in place."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, auto_refresh=False, transient=True, redirect_stderr=False)
        self._refreshed = 0.0

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def say(self, sentence: str) -> None:
        """A line above the table."""
        self._console.print(sentence, markup=False, highlight=False)

    def opened(self, places: Places) -> None:
        """Each place on a line, never folded: what is copied from the screen must still work."""
        for name, text in places.lines():
            line = Text.assemble((f"{name:15}", "bold"), text)
            self._console.print(line, soft_wrap=True, highlight=False)
        self._console.print()

    def read(self, record: Record, document: DocumentStory) -> None:
        """The table shows it."""

    def update(self, story: Story, now: float) -> None:
        """Draw again, a few times a second at most."""
        if now - self._refreshed >= 1 / _REFRESHES:
            self._refreshed = now
            self._live.update(_view(story, now, (self._console.width, self._console.height)), refresh=True)

    def closed(self, story: Story, now: float) -> None:
        """The whole table, to stay."""
        self._live.stop()
        documents = _most_interesting(list(story.documents.values()), _LAST_ROWS)
        self._console.print(_table(documents, now, self._console.width))
        if story.newest_captured is not None:
            self._console.print(_panel(story.newest_captured))


def screen_for(console: Console) -> Screen:
    """The one that fits where the output goes."""
    return LiveScreen(console) if console.is_terminal else PlainScreen(console)


def _view(story: Story, now: float, size: tuple[int, int]) -> RenderableType:
    """The table and the newest captured data, as much of both as a terminal of width x height has room for."""
    width, height = size
    documents = list(story.documents.values())
    captured = story.newest_captured
    all_fit = height >= len(documents) + _FRAME + _PANEL
    panel = captured is not None and (all_fit or height >= _TALL)
    rows = max(height - _FRAME - (_PANEL if panel else 0), _ROWS_AT_LEAST)
    shown = _most_interesting(documents, rows)
    parts: list[RenderableType] = [_table(shown, now, width), _footer(story, len(documents) - len(shown))]
    if panel and captured is not None:
        parts.append(_panel(captured))
    return Group(*parts)


def _most_interesting(documents: Sequence[DocumentStory], rows: int) -> list[DocumentStory]:
    """Those under way and the newest of the others, in the order announced."""
    if len(documents) <= rows:
        return list(documents)
    newest_first = sorted(documents, key=lambda one: (one.done_at is None, one.announced_at), reverse=True)
    return sorted(newest_first[:rows], key=lambda one: one.announced_at)


def _table(documents: Sequence[DocumentStory], now: float, width: int) -> Table:
    # Fixed widths: rich would shorten every column a little where the terminal is narrow.
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    table.add_column("Document", no_wrap=True, width=15)
    roomy = width >= _ROOMY
    if roomy:
        room = min(width - _OTHERS, _ABOUT)
        table.add_column("What happens to it", no_wrap=True, overflow="ellipsis", width=room)
    for name, needed in (("Now", 13), ("Learnt by", 9), ("Outcome", 21)):
        table.add_column(name, no_wrap=True, overflow="ellipsis", width=needed)
    table.add_column("s", justify="right", no_wrap=True, width=6)
    for document in documents:
        about = (document.sample.kind.about,) if roomy else ()
        style = "yellow" if document.state is State.UNDER_WAY else ""
        table.add_row(
            Text(document.sample.document_id, style="bold"),
            *about,
            Text(document.now, style=style),
            document.via,
            Text(f"{_SIGNS[document.state]} {_outcome(document)}", style=_STYLES[document.state]),
            _seconds(document, now),
        )
    return table


def _outcome(document: DocumentStory) -> str:
    match document.state:
        case State.DONE:
            return document.sample.kind.outcome
        case State.WRONG:
            return "more than expected"
        case State.UNDER_WAY:
            return ""


def _footer(story: Story, hidden: int) -> Text:
    done = sum(document.done_at is not None for document in story.documents.values())
    more = f", {hidden} more not shown" if hidden else ""
    text = (
        f"{done} of {len(story.documents)} documents done{more}; {counted(story.sweeps, 'sweep')} so far; Ctrl-C ends"
    )
    return Text(text, style="dim")


def _seconds(document: DocumentStory, now: float) -> str:
    return f"{(document.done_at or now) - document.announced_at:.1f}"


def _panel(record: Record) -> Panel:
    grid = Table.grid(padding=(0, 2))
    for name, value in _captured_lines(record):
        grid.add_row(Text(name, style="cyan"), Text(value, overflow="ellipsis", no_wrap=True))
    return Panel(grid, title=_captured_title(record), title_align="left", border_style="dim")


def _captured_title(record: Record) -> str:
    revision = record.data.get("revision_count", 1)
    return f"Newest captured data: {record.key}, {record.subject}, revision {revision}"


def _captured_lines(record: Record) -> list[tuple[str, str]]:
    """The first fields that have a value, and one line for every table."""
    fields: dict[str, Any] = record.data.get("fields") or {}
    tables: dict[str, Any] = record.data.get("tables") or {}
    filled = [(name, str(field["value"])) for name, field in fields.items() if field["value"] is not None]
    lines = filled[:_FIELDS_SHOWN]
    lines += [(name, _rows(rows)) for name, rows in list(tables.items())[:1]]
    if len(filled) > _FIELDS_SHOWN:
        lines.append(("…", f"and {counted(len(filled) - _FIELDS_SHOWN, 'more field')}"))
    return lines


def _rows(rows: Sequence[dict[str, Any]]) -> str:
    first = ", ".join(str(field["value"]) for field in rows[0].values()) if rows else ""
    return f"{counted(len(rows), 'row')}; the first: {first}" if rows else "no rows"
