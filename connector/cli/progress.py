"""Tells on stderr how far a long command is: a bar on a terminal, one line a stage otherwise."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn


class StageProgress:
    """Shows one stage after another; see :func:`progress`."""

    def __init__(self, console: Console, bars: Progress | None) -> None:
        self._console = console
        self._bars = bars
        self._task: TaskID | None = None
        self._what = ""
        self._done = 0

    def begin(self, what: str, total: int | None = None) -> None:
        """A new stage, of so many steps where that is known."""
        self.end()
        self._what, self._done = what, 0
        if self._bars is not None:
            self._task = self._bars.add_task(what, total=total)

    def step(self, count: int = 1) -> None:
        """So many steps are done."""
        self._done += count
        if self._bars is not None and self._task is not None:
            self._bars.advance(self._task, count)

    def end(self) -> None:
        """The stage is over."""
        if self._bars is not None and self._task is not None:
            self._bars.update(self._task, total=self._done)
            self._task = None
        elif self._what:
            self._console.print(f"{self._what}: {self._done:,}", highlight=False, markup=False)
        self._what = ""


@contextmanager
def progress(*, quiet: bool = False) -> Iterator[StageProgress]:
    """Progress on stderr until the block ends; nothing when `quiet`."""
    console = Console(stderr=True, quiet=quiet)
    if not console.is_terminal or quiet:
        stages = StageProgress(console, None)
        yield stages
        stages.end()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bars:
        stages = StageProgress(console, bars)
        yield stages
        stages.end()
