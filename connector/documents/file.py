"""Documents in folders of this machine."""

import asyncio
import errno
import os
import stat
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from pathlib import Path

from connector.contracts.arrivals import FileSource
from connector.documents.guard import Opened
from connector.documents.kinds import type_by_name
from connector.documents.limits import CHUNK
from connector.documents.names import name_from_path
from connector.errors import Rejected, Retryable, SettingsError, Stage

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
#: Without O_NONBLOCK the opening of a FIFO waits for somebody to write.
_FILE = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_NOCTTY | os.O_CLOEXEC
#: Characters of a path in a message.
_MAX_SHOWN = 200
_REASONS = {
    errno.ENOENT: "no such file",
    errno.ENOTDIR: "a part of the path is no folder, or a symbolic link",
    errno.ELOOP: "a symbolic link is not followed",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.ENAMETOOLONG: "the name is too long",
    errno.ENXIO: "it is not a regular file",
}


class FileDocuments:
    """Reads regular files below the configured roots, never through a symbolic link.

    Args:
        roots: Absolute folders; a root itself may be or contain a symbolic link.

    Raises:
        SettingsError: A root is not absolute.
    """

    def __init__(self, roots: tuple[Path, ...]) -> None:
        for root in roots:
            if not root.is_absolute() or ".." in root.parts:
                raise SettingsError(f"IMPORTS__FILE_ROOTS: {root} is not an absolute path")
        # The deepest root first: of nested roots it has the fewest components to walk.
        self._roots = sorted(roots, key=lambda root: len(root.parts), reverse=True)

    @asynccontextmanager
    async def open(self, source: FileSource) -> AsyncIterator[Opened]:
        """The file of `source`.

        Raises:
            Rejected: Not below a root (stage validate); missing, unreadable or no regular file (stage fetch).
            Retryable: The disk has trouble, or a root is not there (not mounted).
        """
        root, components = self._locate(source.path)
        shown = _shown(source.path)
        reader = _Reader(shown)
        try:
            size = await asyncio.to_thread(reader.open, root, components)
            async with aclosing(_pieces(reader)) as chunks:
                name = name_from_path(source.path)
                yield Opened(shown=shown, size=size, chunks=chunks, file_name=name, content_type=type_by_name(name))
        finally:
            reader.close()

    def _locate(self, path: str) -> tuple[Path, list[str]]:
        if not self._roots:
            raise Rejected("The file source is off; set IMPORTS__FILE_ROOTS.", stage=Stage.VALIDATE)
        parts = [part for part in path.split("/") if part not in {"", "."}]
        if not path.startswith("/") or "\0" in path or ".." in parts:
            raise Rejected("The path of the document must be absolute and without `..`.", stage=Stage.VALIDATE)
        for root in self._roots:
            depth = len(root.parts) - 1
            if tuple(parts[:depth]) == root.parts[1:] and len(parts) > depth:
                return root, parts[depth:]
        raise Rejected(f"{_shown(path)} is not below a folder of IMPORTS__FILE_ROOTS.", stage=Stage.VALIDATE)


class _Reader:
    """One open file, used from worker threads.

    A cancelled task leaves its thread running. The descriptor must not be closed, and its number given to
    another file, under a read: whoever is last, the thread or `close`, closes it.
    """

    def __init__(self, shown: str) -> None:
        self._shown = shown
        self._lock = threading.Lock()
        self._descriptor: int | None = None
        self._status: tuple[int, int] | None = None
        self._closed = False

    def open(self, root: Path, components: list[str]) -> int:
        """Walk down from `root`; the size of the file in bytes."""
        with self._in_use():
            try:
                self._descriptor = _walk(root, components)
                status = os.fstat(self._descriptor)
            except (OSError, ValueError) as error:
                raise self._failure(error) from None
            if not stat.S_ISREG(status.st_mode):
                raise Rejected(f"{self._shown} is not a regular file.", stage=Stage.FETCH)
            self._status = (status.st_size, status.st_mtime_ns)
            return status.st_size

    def read(self) -> bytes:
        """The next piece; empty at the end."""
        with self._in_use():
            if self._descriptor is None:
                return b""
            try:
                piece = os.read(self._descriptor, CHUNK)
                status = None if piece else os.fstat(self._descriptor)
            except OSError as error:
                raise self._failure(error) from None
        if status is not None and (status.st_size, status.st_mtime_ns) != self._status:
            raise Retryable(f"{self._shown} changed while it was read")
        return piece

    def close(self) -> None:
        """Close the descriptor now, or as soon as the thread that uses it is done. Never waits."""
        self._closed = True
        self._close_if_idle()

    @contextmanager
    def _in_use(self) -> Iterator[None]:
        try:
            with self._lock:
                yield
        finally:
            if self._closed:
                self._close_if_idle()

    def _close_if_idle(self) -> None:
        if not self._lock.acquire(blocking=False):
            return
        try:
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None
        finally:
            self._lock.release()

    def _failure(self, error: OSError | ValueError) -> Rejected | Retryable:
        if isinstance(error, ValueError):
            return Rejected(f"{self._shown}: the name can't be encoded.", stage=Stage.FETCH)
        reason = _REASONS.get(error.errno or 0)
        if reason is None:
            return Retryable(f"{self._shown} can't be read now ({error.strerror})")
        return Rejected(f"{self._shown}: {reason}.", stage=Stage.FETCH)


def _walk(root: Path, components: list[str]) -> int:
    """Open component by component, so that nothing exchanged in between leads out of `root`."""
    try:
        folder = os.open(root, _FOLDER & ~os.O_NOFOLLOW)
    except OSError as error:
        # A volume that is not mounted says nothing about the files on it.
        raise Retryable(
            f"The folder {root} of IMPORTS__FILE_ROOTS can't be opened ({error.strerror}); mount it"
        ) from None
    try:
        for name in components[:-1]:
            below = os.open(name, _FOLDER, dir_fd=folder)
            os.close(folder)
            folder = below
        return os.open(components[-1], _FILE, dir_fd=folder)
    finally:
        os.close(folder)


def _shown(path: str) -> str:
    return f"The file {path[:_MAX_SHOWN]!r}"


async def _pieces(reader: _Reader) -> AsyncGenerator[bytes, None]:
    while piece := await asyncio.to_thread(reader.read):
        yield piece
