"""Where exports go: whole files, or stdout."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import typer

from connector.cli.exits import Exit
from connector.export.forms import Form, Part
from connector.export.whole_file import whole_file


def write_export(form: Form, parts: Sequence[Part], output: Path | None) -> None:
    """Write the joined parts to a file, whole or not at all; None stands for stdout.

    Raises:
        Fatal: The file can't be written.
        typer.Exit: Whoever read stdout went away.
    """
    if output is not None:
        with whole_file(output) as file:
            form.write(parts, file)
        return
    try:
        form.write(parts, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        # Python would complain once more when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(Exit.FAILED) from None
