"""Kinds: content decides, the source's word comes second."""

import pytest

from connector.documents.kinds import Kind, kind_of, media_type, type_by_name

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"%PDF-1.7\n", Kind("application/pdf", single=True)),
        (b"\xef\xbb\xbf\r\n%PDF-1.4", Kind("application/pdf", single=True)),
        (b"\x89PNG\r\n\x1a\n0000", Kind("image/png", single=True)),
        (b"\xff\xd8\xff\xe0", Kind("image/jpeg", single=True)),
        (b"II*\x00", Kind("image/tiff", single=True)),
        (b"MM\x00*", Kind("image/tiff", single=True)),
        (b"II+\x00", Kind("image/tiff", single=True)),
        (b"MM\x00+", Kind("image/tiff", single=True)),
        (b"PK\x03\x04....%PDF-1.4", Kind("application/zip", single=False)),
        (b"PK\x05\x06", Kind("application/zip", single=False)),
        (b"\x1f\x8b\x08", Kind("application/gzip", single=False)),
        (b"7z\xbc\xaf\x27\x1c", Kind("application/x-7z-compressed", single=False)),
        (b"Rar!\x1a\x07\x00", Kind("application/vnd.rar", single=False)),
        (b"From: a@example.com\n\n%PDF-1.4", Kind("application/pdf", single=False)),
        (b"x" * 1024 + b"%PDF-", Kind("application/octet-stream", single=False)),
        (b"%PD", Kind("application/octet-stream", single=False)),
    ],
)
def test_content_tells_the_kind(head: bytes, kind: Kind) -> None:
    """Only a document that begins as a PDF or an image is promised to be single."""
    assert kind_of(head, None) == kind


def test_content_wins_over_the_source() -> None:
    """A server that calls a PNG a PDF is not believed."""
    assert kind_of(b"\x89PNG\r\n\x1a\n", "application/pdf") == Kind("image/png", single=True)


def test_the_source_is_heard_where_content_is_silent() -> None:
    """A claim without magic bytes gives the type but never the promise of one document."""
    assert kind_of(b"<Invoice/>", "application/pdf") == Kind("application/pdf", single=False)


def test_an_office_file_keeps_its_name() -> None:
    """A ZIP that the source calls a Word file is one."""
    assert kind_of(b"PK\x03\x04", DOCX) == Kind(DOCX, single=False)


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("text/xml; charset=utf-8", "text/xml"),
        (" Application/PDF ", "application/pdf"),
        ("application/octet-stream", None),
        ("nonsense", None),
        ("a/b\r\nX: 1", None),
        ("", None),
        (None, None),
    ],
)
def test_media_types_are_read_strictly(header: str | None, name: str | None) -> None:
    """A header that is no media type is no word at all."""
    assert media_type(header) == name


@pytest.mark.parametrize(
    ("name", "kind"), [("a.xml", "text/xml"), ("a.unknown", None), ("data:text/html,x", None), (None, None)]
)
def test_an_extension_names_a_type(name: str | None, kind: str | None) -> None:
    """Well-known extensions only."""
    assert type_by_name(name) == kind
