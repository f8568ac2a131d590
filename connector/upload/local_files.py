"""Which files a person means, and what each is called."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from connector.errors import SettingsError


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A document on disk.

    Attributes:
        path: Absolute, symbolic links followed.
        name: As the person knows it: the file's name, below a folder with the way there.
        key: Key of its events.
    """

    path: Path
    name: str
    key: str


def local_files(given: Iterable[Path], *, recursive: bool, document_id: str | None) -> list[LocalFile]:
    """The files that are named, and those in the folders that are; hidden ones in folders do not count.

    Raises:
        SettingsError: One does not exist or has no readable name, nothing is found, or two would have the same name.
    """
    found = [named for path in given for named in _below(path, recursive=recursive)]
    if not found:
        raise SettingsError("no files there; name files, or folders with files in them (--recursive for deeper ones)")
    if document_id is not None and len(found) > 1:
        raise SettingsError(f"--document-id names one document, but there are {len(found)} files")
    names: dict[str, Path] = {}
    for name, path in found:
        _require_text(path)
        if names.setdefault(name, path) != path:
            raise SettingsError(
                f"{names[name]} and {path} would both be called {name}; import them one after the other"
            )
    return [LocalFile(path, name, document_id or name) for name, path in names.items()]


def _below(given: Path, *, recursive: bool) -> Iterator[tuple[str, Path]]:
    path = _resolved(given)
    if path.is_file():
        yield given.name, path
    elif path.is_dir():
        files = sorted(path.rglob("*") if recursive else path.iterdir())
        for file in files:
            inside = file.relative_to(path)
            if file.is_file() and not any(part.startswith(".") for part in inside.parts):
                yield inside.as_posix(), _resolved(file)
    else:
        raise SettingsError(f"{given} is neither a file nor a folder")


def _require_text(path: Path) -> None:
    """Names go into JSON and onto terminals, which take no bytes that are not UTF-8."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        shown = str(path).encode(errors="backslashreplace").decode()
        raise SettingsError(f"the name of {shown} is not UTF-8: rename it") from None


def _resolved(path: Path) -> Path:
    try:
        return path.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise SettingsError(f"{path} can't be read: {getattr(error, 'strerror', None) or error}") from error
