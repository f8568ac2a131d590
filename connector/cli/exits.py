"""How the command line ends: one sentence on stderr and the documented exit codes."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

import typer

from connector.errors import ConnectorError, Fatal, NotOurs, Refused, SettingsError


class Exit(IntEnum):
    """Exit codes of every command."""

    FINE = 0
    FAILED = 1
    USAGE = 2
    CHECK_FAILED = 3


def code_of(error: ConnectorError) -> Exit:
    """The exit code that an error stands for."""
    match error:
        case SettingsError():
            return Exit.USAGE
        case Refused() | NotOurs():
            return Exit.CHECK_FAILED
        case _:
            return Exit.FAILED


@contextmanager
def told_in_a_sentence() -> Iterator[None]:
    """Turn errors of ours into their sentence and exit code; a defect keeps its traceback."""
    try:
        yield
    except KeyboardInterrupt:
        _end(Fatal("interrupted"))
    except ConnectorError as error:
        _end(error)
    except BaseExceptionGroup as group:
        matching, others = group.split(ConnectorError)
        if others is not None or matching is None:
            raise
        first = next(_flat(matching))
        _end(first)


def _flat(group: BaseExceptionGroup[ConnectorError]) -> Iterator[ConnectorError]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _flat(error)
        else:
            yield error


def _end(error: ConnectorError) -> None:
    typer.echo(f"rossum-connector: {error}", err=True)
    raise typer.Exit(code_of(error))
