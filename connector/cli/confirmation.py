"""Asks a person before something is written."""

import sys

import typer

from connector.errors import SettingsError


def require_answer(*, yes: bool) -> None:
    """Make sure, before long work begins, that :func:`confirm` will get an answer.

    Raises:
        SettingsError: Nobody can be asked, and the answer was not given.
    """
    if not yes and not sys.stdin.isatty():
        raise SettingsError("this command writes and nobody can be asked here: add --yes, or look first with --dry-run")


def confirm(question: str, *, yes: bool) -> bool:
    """Whether to go on: `yes` answers for the person.

    Raises:
        SettingsError: As :func:`require_answer`.
    """
    require_answer(yes=yes)
    return yes or typer.confirm(question, err=True)
