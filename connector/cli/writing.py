"""Files and folders that a person names to be written."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from connector.errors import Fatal


@contextmanager
def writing(path: Path | str, option: str) -> Iterator[None]:
    """What the block writes is at that path, which the option names.

    Raises:
        Fatal: It can't be written.
    """
    try:
        yield
    except OSError as error:
        raise Fatal(f"cannot write {path} ({option}): {error.strerror or type(error).__name__}") from error
