"""Tells what a file is by its content, and what is inside a ZIP."""

import hashlib
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

ZIP = "application/zip"
_OLE = "application/x-ole-storage"
#: Kinds whose first bytes do not tell whether they are an office document.
CONTAINERS = frozenset({ZIP, _OLE})
_SIGNATURES = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"PK\x03\x04", ZIP),
    (b"PK\x05\x06", ZIP),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", _OLE),
)
_OOXML = "[Content_Types].xml"  # every office document of the newer kind has that part, and a folder of its own
_OOXML_FOLDERS = (
    ("xl/", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("word/", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
)
_OLE_STREAMS = (
    ("WordDocument", "application/msword"),
    ("Workbook", "application/vnd.ms-excel"),
    ("Book", "application/vnd.ms-excel"),
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
    """The MIME type that the first bytes of a file tell, None for any other kind; see ``CONTAINERS``."""
    return next((mime for signature, mime in _SIGNATURES if head.startswith(signature)), None)


def kind_inside(container: str, file: IO[bytes]) -> str | None:
    """What a whole container is: an office document, a ZIP of files, or None for what is not processed."""
    file.seek(0)
    if container == _OLE:
        content = file.read()
        return next((mime for name, mime in _OLE_STREAMS if name.encode("utf-16-le") in content), None)
    try:
        names = zipfile.ZipFile(file).namelist()
    except (zipfile.BadZipFile, OSError):
        return ZIP
    if _OOXML not in names:
        return ZIP
    return next((mime for folder, mime in _OOXML_FOLDERS if any(name.startswith(folder) for name in names)), None)


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
        if kind in CONTAINERS:
            kind = kind_inside(kind, io.BytesIO(content))
        yield Member(
            name=info.filename.rpartition("/")[2],
            mime_type=None if kind == ZIP else kind,
            sha256=hashlib.sha256(content).hexdigest(),
            md5=hashlib.md5(content, usedforsecurity=False).hexdigest(),
            content=content,
        )
