"""``rossum-connector sandbox``: everything in one process, to look at before anything is set up."""

import asyncio
import os
import signal
import tempfile
from contextlib import redirect_stderr
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from connector import logs
from connector.cli.exits import Exit, told_in_a_sentence
from connector.cli.run import run_on_best_loop
from connector.clock import SystemClock

if TYPE_CHECKING:
    from rich.console import Console

    from connector.sandbox.demo import Ending, SandboxOptions


def sandbox(
    *,
    documents: Annotated[
        int | None, typer.Option(min=1, help="Documents to begin with.", show_default="one of each kind")
    ] = None,
    once: Annotated[
        bool, typer.Option("--once", help="End when all are done; exit with 1 unless each came out exactly once.")
    ] = False,
    bootstrap_servers: Annotated[
        str | None,
        typer.Option(help="Your own Kafka, host:port,…: then exactly-once. Default: an embedded broker."),
    ] = None,
) -> None:
    """Show the whole connector at work with a simulated Rossum; needs no account, no Kafka, no settings."""
    # Only this command needs them: the others start faster without.
    from rich.console import Console  # noqa: PLC0415 - see above

    from connector.sandbox.demo import SandboxOptions  # noqa: PLC0415 - see above

    console = Console()
    log = Path(tempfile.mkdtemp(prefix="rossum-sandbox-log-")) / "sandbox.log"
    options = SandboxOptions(documents, once, bootstrap_servers, os.environ, log)
    with told_in_a_sentence(), log.open("w", encoding="utf-8") as file:
        with redirect_stderr(file):
            # Log lines would tear the picture on the screen.
            logs.configure("INFO", as_json=True)
        endings: list[Ending] = []
        run_on_best_loop(_show(options, console, endings))
    _conclude(console, endings[0])


async def _show(options: "SandboxOptions", console: "Console", endings: "list[Ending]") -> None:
    from connector.sandbox.demo import Demo  # noqa: PLC0415 - see above
    from connector.sandbox.screen import screen_for  # noqa: PLC0415 - see above

    with screen_for(console) as screen:
        demo = Demo(options, screen, SystemClock())
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, demo.interrupt.set)
        endings.append(await demo.run())


def _conclude(console: "Console", ending: "Ending") -> None:
    """The verdict, how to go on, and the exit code."""
    from connector.sandbox.guide import how_to_go_on, verdict  # noqa: PLC0415 - see above

    verdict(console, ending.documents, ending.done, ending.differences)
    how_to_go_on(console)
    if ending.differences:
        raise typer.Exit(Exit.FAILED)
