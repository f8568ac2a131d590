"""``rossum-connector run``: the service."""

import asyncio
import sys
from collections.abc import Coroutine
from functools import partial
from typing import Annotated, Any

import typer

from connector import logs
from connector.cli.exits import told_in_a_sentence
from connector.cli.interrupts import until_stopped_for_good
from connector.cli.options import ConfigOption, settings_from
from connector.serving import serve
from connector.settings_load import require_for_run


def run(
    config: ConfigOption = None,
    log_level: Annotated[str, typer.Option(help="DEBUG, INFO, WARNING or ERROR.")] = "INFO",
) -> None:
    """Run the connector until SIGTERM or SIGINT; then it drains and leaves."""
    with told_in_a_sentence():
        settings = settings_from(config)
        require_for_run(settings)
        logs.configure(log_level.upper())
        run_on_best_loop(until_stopped_for_good(partial(serve, settings)))


def run_on_best_loop(main: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine on uvloop where there is one."""
    if sys.platform == "win32":
        asyncio.run(main)
        return
    import uvloop  # noqa: PLC0415 - not installed on Windows

    uvloop.run(main)
