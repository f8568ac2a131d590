"""``rossum-connector check``: what would keep the service from working, before it is started."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

import orjson
import typer

from connector import logs
from connector.checks import check_everything
from connector.cli.exits import Exit, told_in_a_sentence
from connector.cli.options import ConfigOption, settings_from
from connector.clock import SystemClock
from connector.domain.check import Check
from connector.settings_load import require_for_run


def check(
    config: ConfigOption = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Check settings, storage, Kafka and Rossum; one line each, exit with 3 when something is wrong."""
    with told_in_a_sentence():
        logs.hush()
        settings = settings_from(config)
        require_for_run(settings)
        _show(Check("settings", is_fine=True, sentence="complete"), as_json=as_json)
        is_fine = asyncio.run(_check(check_everything(settings, SystemClock()), as_json=as_json))
    if not is_fine:
        raise typer.Exit(Exit.CHECK_FAILED)


async def _check(checks: AsyncIterator[Check], *, as_json: bool) -> bool:
    fine = True
    async for found in checks:
        _show(found, as_json=as_json)
        fine &= found.is_fine
    return fine


def _show(found: Check, *, as_json: bool) -> None:
    if as_json:
        line = {"check": found.name, "ok": found.is_fine, "sentence": found.sentence}
        typer.echo(orjson.dumps(line).decode())
    else:
        typer.echo(f"{'ok' if found.is_fine else 'WRONG':6} {found.name:16} {found.sentence}")
