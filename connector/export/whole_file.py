"""Writes a file whole or not at all: nobody ever sees half of it under its name."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from connector.errors import Fatal


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write; at the end of the block it is on disk under its name, in place of what was there.

    Raises:
        Fatal: It can't be written; what was there is untouched.
    """
    unfinished = path.with_name(f".{path.name[:80]}.{uuid4().hex}.tmp")
    try:
        with unfinished.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
        _make_lasting(path.parent)
    except OSError as error:
        raise Fatal(f"cannot write {path}: {error.strerror or type(error).__name__}") from error
    finally:
        with suppress(OSError):
            unfinished.unlink()


def _make_lasting(folder: Path) -> None:
    """A rename is on disk when its folder is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
