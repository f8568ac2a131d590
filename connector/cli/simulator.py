"""``rossum-connector simulator``: the Rossum simulator alone, for any client."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from connector.cli.interrupts import run_until_stopped
from connector.sandbox.sample_files import write_samples
from connector.sandbox.simulator.server import Simulator, SimulatorOptions

_KNOWN_NAMES = {8198: "invoices", 8199: "receipts"}


def simulator(  # noqa: PLR0913 - one parameter per option of the command
    *,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 0,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    rate_limit: Annotated[float, typer.Option(help="Requests per second; 0 = no limit.")] = 10.0,
    processing: Annotated[float, typer.Option(help="Seconds from upload to to_review.")] = 1.0,
    review: Annotated[float, typer.Option(help="Seconds to the simulated reviewer; negative = nobody.")] = 2.0,
    queues: Annotated[str, typer.Option(help="Queue ids, comma separated.")] = "8198,8199",
    token: Annotated[str, typer.Option(help="The API token that never expires.")] = "sandbox",  # noqa: S107 - a documented default
    seed: Annotated[int, typer.Option(help="Seed of captured data and of hook troubles.")] = 0,
    samples: Annotated[Path | None, typer.Option(help="Write sample documents to this directory first.")] = None,
) -> None:
    """Run the Rossum simulator until it is interrupted; the first line on stdout is its base URL."""
    options = SimulatorOptions(
        host=host,
        port=port,
        rate_limit=rate_limit,
        processing=processing,
        review=review,
        queues=_queues(queues),
        token=token,
        seed=seed,
    )
    try:
        if samples is not None:
            write_samples(samples)
    except OSError as error:
        typer.echo(f"cannot write to {samples}: {error.strerror}; choose another --samples", err=True)
        raise typer.Exit(1) from error
    try:
        run_until_stopped(partial(_serve, options))
    except OSError as error:
        typer.echo(f"cannot listen on {host}:{port}: {error.strerror}; choose another --port or --host", err=True)
        raise typer.Exit(1) from error


def _queues(text: str) -> tuple[tuple[int, str], ...]:
    """Ids with names; a queue that the defaults do not name is called by its id."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts or not all(part.isdecimal() for part in parts):
        raise typer.BadParameter(
            f"{text!r} is no list of queue ids; write for example 8198,8199", param_hint="--queues"
        )
    return tuple((int(part), _KNOWN_NAMES.get(int(part), f"queue {part}")) for part in parts)


async def _serve(options: SimulatorOptions, stop: asyncio.Event) -> None:
    async with Simulator(options) as running:
        print(running.base_url, flush=True)  # noqa: T201 - the result of the command
        await stop.wait()


if __name__ == "__main__":
    typer.run(simulator)
