"""What a document is, told by its first bytes."""

import mimetypes
import re
from dataclasses import dataclass

#: Bytes that `kind_of` wants to see; a PDF header may start anywhere in them (PDF 1.7, annex H.3.4.1).
PEEK = 1024
OCTET_STREAM = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Kind:
    """A document's media type, and whether it certainly holds exactly one document."""

    content_type: str
    single: bool


_PDF = "application/pdf"
_ZIP = "application/zip"
_MAGIC = (
    (b"%PDF-", Kind(_PDF, single=True)),
    (b"\x89PNG\r\n\x1a\n", Kind("image/png", single=True)),
    (b"\xff\xd8\xff", Kind("image/jpeg", single=True)),
    (b"II*\0", Kind("image/tiff", single=True)),
    (b"MM\0*", Kind("image/tiff", single=True)),
    (b"II+\0", Kind("image/tiff", single=True)),
    (b"MM\0+", Kind("image/tiff", single=True)),
    (b"PK\x03\x04", Kind(_ZIP, single=False)),
    (b"PK\x05\x06", Kind(_ZIP, single=False)),
    (b"PK\x07\x08", Kind(_ZIP, single=False)),
    (b"\x1f\x8b", Kind("application/gzip", single=False)),
    (b"7z\xbc\xaf\x27\x1c", Kind("application/x-7z-compressed", single=False)),
    (b"Rar!\x1a\x07", Kind("application/vnd.rar", single=False)),
)
#: Formats that are ZIP archives inside: there the source's own word says more than the magic bytes.
_ZIP_INSIDE = ("application/vnd.openxmlformats-officedocument.", "application/vnd.oasis.opendocument.")
_BLANK = b"\xef\xbb\xbf\0\t\n\f\r "
_MEDIA_TYPE = re.compile(r"\s*([\w.+-]{1,64}/[\w.+-]{1,128})\s*(?:;.*)?", re.ASCII | re.DOTALL)
# Python's own table only: the machine's would make the answer differ between replicas.
_BY_EXTENSION = mimetypes.MimeTypes()


def kind_of(head: bytes, named: str | None) -> Kind:
    """The kind of a document that begins with `head` (up to `PEEK` bytes).

    Content decides; where it is silent, `named`, the source's own word, gives the type.
    """
    told = _by_magic(head)
    if told is None:
        return Kind(named or OCTET_STREAM, single=False)
    if told.content_type == _ZIP and named and named.startswith(_ZIP_INSIDE):
        return Kind(named, single=False)
    return told


def media_type(header: str | None) -> str | None:
    """The bare type of a Content-Type header, lower case; None when it is absent or says nothing."""
    found = _MEDIA_TYPE.fullmatch(header or "")
    name = found[1].lower() if found else None
    return None if name == OCTET_STREAM else name


def type_by_name(file_name: str | None) -> str | None:
    """The media type that the extension of a file name stands for."""
    return _BY_EXTENSION.guess_type(f"/{file_name}")[0] if file_name else None


def _by_magic(head: bytes) -> Kind | None:
    for text in (head, head.lstrip(_BLANK)[: len(_MAGIC[0][0])]):
        for magic, kind in _MAGIC:
            if text.startswith(magic):
                return kind
    # Readers accept a PDF behind other bytes, but a mail may quote one: no claim about how many it holds.
    return Kind(_PDF, single=False) if b"%PDF-" in head[:PEEK] else None
