"""``rossum-connector``: every command of the product."""

from importlib.metadata import version
from typing import Annotated

import typer

from connector.cli.audit import audit
from connector.cli.check import check
from connector.cli.dead_letters import dead_letters
from connector.cli.export import export
from connector.cli.extract import extract
from connector.cli.hooks import hooks
from connector.cli.import_files import import_files
from connector.cli.replay import replay
from connector.cli.run import run
from connector.cli.sandbox import sandbox
from connector.cli.schemas import schemas
from connector.cli.settings_docs import settings_docs
from connector.cli.simulator import simulator
from connector.cli.topics import topics

main = typer.Typer(
    name="rossum-connector",
    help="Documents announced on Kafka go to Rossum; captured data comes back on Kafka, exactly once.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def _show_version(*, wanted: bool) -> None:
    if wanted:
        typer.echo(version("rossum-kafka-connector"))
        raise typer.Exit


VersionOption = typer.Option(
    "--version", help="Show the version and exit.", callback=lambda value: _show_version(wanted=value), is_eager=True
)


@main.callback()
def _options(*, wanted: Annotated[bool, VersionOption] = False) -> None:
    del wanted


main.command()(audit)
main.command()(check)
main.command()(export)
main.command()(extract)
main.command(name="import")(import_files)
main.command()(replay)
main.command()(run)
main.command()(sandbox)
main.command()(schemas)
main.command()(settings_docs)
main.command()(simulator)
main.add_typer(topics, name="topics")
main.add_typer(dead_letters, name="dead-letters")
main.add_typer(hooks, name="hooks")


if __name__ == "__main__":
    main()
