"""File names: whatever a source says, what goes on is harmless."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.documents.names import (
    clean_file_name,
    name_from_disposition,
    name_from_path,
    name_from_url_path,
)

NASTY = st.text(
    alphabet=st.one_of(st.characters(exclude_categories=()), st.sampled_from("/\\\"'\r\n\0. \u202e\ud800é😀")),
    max_size=400,
)


@given(NASTY)
def test_a_clean_name_is_harmless(raw: str) -> None:
    """Nothing that could break a header, a path or a log survives, and the name fits a file system."""
    name = clean_file_name(raw)

    if name is not None:
        assert 0 < len(name.encode()) <= 255
        assert not set("/\\\"'`\r\n\0") & set(name)
        assert not {unicodedata.category(c) for c in name} & {"Cc", "Cs", "Zl", "Zp"}
        assert name.strip(". ")
        assert name == name.strip()


@given(NASTY)
def test_cleaning_is_idempotent(raw: str) -> None:
    """A clean name stays as it is."""
    once = clean_file_name(raw)

    assert once is None or clean_file_name(once) == once


@given(NASTY)
def test_no_header_breaks_the_parser(raw: str) -> None:
    """Any header gives a clean name or none."""
    name = name_from_disposition(f"attachment; filename={raw}; filename*={raw}")

    assert name is None or clean_file_name(name) == name


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("invoice.pdf", "invoice.pdf"),
        ("  účtenka 1.pdf ", "účtenka 1.pdf"),
        ("a/b\\c.pdf", "a_b_c.pdf"),
        ('x"\r\nX-Evil: 1.pdf', "xX-Evil: 1.pdf"),
        ("fdp.\u202eexe.pdf", "fdp.exe.pdf"),
        ("क्‍ष.pdf", "क्‍ष.pdf"),  # a joiner belongs to the word
        ("", None),
        (".", None),
        ("..", None),
        (" . . ", None),
        ("\r\n\0", None),
        ("\ud800", None),
        ("a" * 300 + ".pdf", "a" * 251 + ".pdf"),
        ("é" * 200 + ".pdf", "é" * 125 + ".pdf"),
        ("a." + "b" * 300, "a." + "b" * 253),
        ("😀" * 100, "😀" * 63),
    ],
)
def test_cleaning_keeps_what_is_harmless(raw: str, clean: str | None) -> None:
    """Known names come out as written down here."""
    assert clean_file_name(raw) == clean


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ('attachment; filename="a b.pdf"', "a b.pdf"),
        ("attachment; filename=a.pdf", "a.pdf"),
        ("inline; FileName = a.pdf", "a.pdf"),
        ("attachment; filename=\"fallback.pdf\"; filename*=UTF-8''%C3%BA%C4%8Det.pdf", "účet.pdf"),
        ("attachment; filename*=utf-8'cs'%C3%BA.pdf; filename=fallback.pdf", "ú.pdf"),
        ("attachment; filename*=iso-8859-1''%A3.pdf", "£.pdf"),
        ("attachment; filename*=UTF-8''%ff.pdf; filename=fallback.pdf", "fallback.pdf"),
        ("attachment; filename*=utf-7''x.pdf; filename=fallback.pdf", "fallback.pdf"),
        (r'attachment; filename="a\"b\\c.pdf"', "c.pdf"),
        ('attachment; filename="C:\\\\temp\\\\x.pdf"', "x.pdf"),
        ("attachment; filename=../../etc/passwd", "passwd"),
        ("attachment; filename*=UTF-8''..%2F..%2Fetc%2Fpasswd", "passwd"),
        ("attachment; filename*=UTF-8''a%0D%0AX:1.pdf", "aX:1.pdf"),
        ('attachment; filename=""', None),
        ("attachment; filename=..", None),
        ("attachment", None),
        ("", None),
    ],
)
def test_a_disposition_names_the_file(header: str, name: str | None) -> None:
    """RFC 6266: `filename*` wins where it is readable, and only the last path component counts."""
    assert name_from_disposition(header) == name


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/a/b/Invoice%201.pdf", "Invoice 1.pdf"),
        ("/a/%C3%BA.pdf/", "ú.pdf"),
        ("/a/..%2F..%2Fetc%2Fpasswd", "passwd"),
        ("/%00%0d%0a", None),
        ("/%ff.pdf", "\ufffd.pdf"),
        ("/", None),
        ("", None),
    ],
)
def test_a_url_path_names_the_file(path: str, name: str | None) -> None:
    """The last segment, decoded."""
    assert name_from_url_path(path) == name


@pytest.mark.parametrize(("path", "name"), [("/data/in/a.pdf", "a.pdf"), ("/data/in/a\nb.pdf", "ab.pdf"), ("/", None)])
def test_a_path_names_the_file(path: str, name: str | None) -> None:
    """The last component, cleaned."""
    assert name_from_path(path) == name
