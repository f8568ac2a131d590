"""Tells what a file is by its content, and what is inside a ZIP."""

import hashlib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

ZIP = "application/zip"
_SIGNATURES = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"PK\x03\x04", ZIP),
    (b"PK\x05\x06", ZIP),
)
HEAD = 8  # bytes that tell every kind
MOST_MEMBERS = 1000  # a ZIP must have fewer files
_PIECE = 1 << 16
_ENCRYPTED = 0x1


class ArchiveError(Exception):
    """A ZIP that cannot be opened; ``status`` is the attachment status that says why."""

    def __init__(self, status: str) -> None:
        super().__init__(status)
        self.status = status


@dataclass(frozen=True, slots=True)
class Member:
    """A file inside a ZIP; ``mime_type`` None = of a kind that is not processed."""

    name: str
    mime_type: str | None
    sha256: str
    md5: str
    content: bytes


def kind_of(head: bytes) -> str | None:
    """The MIME type that the first bytes of a file tell, None for any other kind."""
    return next((mime for signature, mime in _SIGNATURES if head.startswith(signature)), None)


def listed(spool: IO[bytes]) -> tuple[zipfile.ZipFile, list[zipfile.ZipInfo]]:
    """The archive and those of its files that count: at the root, or in the only first-level folder.

    Raises:
        ArchiveError: broken or protected by a password.
    """
    try:
        archive = zipfile.ZipFile(spool)
    except (zipfile.BadZipFile, OSError) as error:
        raise ArchiveError("failed_to_extract") from error
    members = [info for info in archive.infolist() if not info.is_dir() and not _hidden(info.filename)]
    if any(info.flag_bits & _ENCRYPTED for info in members):
        raise ArchiveError("password_protected_archive")
    root = [info for info in members if "/" not in info.filename]
    folders = {info.filename.partition("/")[0] for info in members}
    if root or len(folders) != 1:
        return archive, root
    return archive, [info for info in members if info.filename.count("/") == 1]


def _hidden(name: str) -> bool:
    return name.startswith("__MACOSX/") or name.rpartition("/")[2].startswith(".")


def members(archive: zipfile.ZipFile, infos: list[zipfile.ZipInfo]) -> Iterator[Member]:
    """Read the files of the archive, one after the other.

    Raises:
        ArchiveError: a file that cannot be read.
    """
    for info in infos:
        try:
            content = archive.read(info)
        except (zipfile.BadZipFile, NotImplementedError, OSError, EOFError) as error:
            raise ArchiveError("failed_to_extract") from error
        kind = kind_of(content[:HEAD])
        yield Member(
            name=info.filename.rpartition("/")[2],
            mime_type=None if kind == ZIP else kind,
            sha256=hashlib.sha256(content).hexdigest(),
            md5=hashlib.md5(content, usedforsecurity=False).hexdigest(),
            content=content,
        )
