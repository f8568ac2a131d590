"""``rossum-connector``: every command of the product."""

from collections import UserDict
from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command, get_group

#: Commands and groups of commands in the order of the help: name, module and what it is there.
_WHERE = {
    "audit": ("audit", "audit"),
    "check": ("check", "check"),
    "export": ("export", "export"),
    "extract": ("extract", "extract"),
    "import": ("import_files", "import_files"),
    "replay": ("replay", "replay"),
    "run": ("run", "run"),
    "sandbox": ("sandbox", "sandbox"),
    "schemas": ("schemas", "schemas"),
    "settings-docs": ("settings_docs", "settings_docs"),
    "simulator": ("simulator", "simulator"),
    "topics": ("topics", "topics"),
    "dead-letters": ("dead_letters", "dead_letters"),
    "hooks": ("hooks", "hooks"),
}


class _Imported(UserDict[str, Any]):
    """Commands by name, each imported when it is looked at: what the others need would double the start of each."""

    def __getitem__(self, name: str) -> Any:
        module, attribute = _WHERE[name]
        found = getattr(import_module(f"connector.cli.{module}"), attribute)
        if isinstance(found, typer.Typer):
            command: Any = get_group(found)
        else:
            app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
            app.command()(found)
            command = get_command(app)
        command.name = name
        return command


class _Commands(TyperGroup):
    """The group of all of them."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.commands = _Imported(dict.fromkeys(_WHERE))

    def list_commands(self, ctx: Any) -> list[str]:
        """Their names, without a look at one."""
        del ctx
        return list(self.commands)


main = typer.Typer(
    name="rossum-connector",
    cls=_Commands,
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


if __name__ == "__main__":
    main()
