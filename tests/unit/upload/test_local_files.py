"""The files that a person means."""

from pathlib import Path

import pytest

from connector.errors import SettingsError
from connector.upload.local_files import LocalFile, local_files


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Two documents, one of them deeper, one hidden, one linked."""
    for name in ("b.pdf", "a/c.pdf", "a/deep/d.pdf", ".hidden", ".git/x"):
        path = tmp_path / "docs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (tmp_path / "docs" / "linked.pdf").symlink_to(tmp_path / "docs" / "b.pdf")
    return tmp_path / "docs"


def names(*given: Path, recursive: bool = False) -> list[tuple[str, str]]:
    """Name and key of each file."""
    return [(file.name, file.key) for file in local_files(given, recursive=recursive, document_id=None)]


def test_a_file_is_called_by_its_name(place: Path) -> None:
    """Wherever it lies; it may be given its own key, and links are followed."""
    (file,) = local_files([place / "linked.pdf"], recursive=False, document_id="po-77")

    assert file == LocalFile(place / "b.pdf", "linked.pdf", "po-77")
    assert names(place / "a" / "c.pdf") == [("c.pdf", "c.pdf")]


def test_files_of_a_folder_are_called_by_the_way_to_them(place: Path) -> None:
    """Deeper ones only when that is wanted, hidden ones never."""
    assert [name for name, _ in names(place)] == ["b.pdf", "linked.pdf"]
    assert names(place, recursive=True) == [
        ("a/c.pdf", "a/c.pdf"),
        ("a/deep/d.pdf", "a/deep/d.pdf"),
        ("b.pdf", "b.pdf"),
        ("linked.pdf", "linked.pdf"),
    ]


def test_a_file_that_is_named_twice_is_one(place: Path) -> None:
    """Also when a folder names it again."""
    assert names(place / "b.pdf", place / "b.pdf") == [("b.pdf", "b.pdf")]


def test_what_cannot_be_meant_is_told(place: Path) -> None:
    """A missing file, an empty folder, one key for several, two of one name, a name that is no text."""
    (place / "empty").mkdir()
    (place / "odd").mkdir()
    (place / "odd" / "\udcff.pdf").touch()
    cases = {
        "can't be read": [place / "nothing.pdf"],
        "no files there": [place / "empty"],
        r"odd/\\udcff.pdf is not UTF-8: rename it": [place / "odd"],
        "would both be called c.pdf": [place / "a" / "c.pdf", place / "other" / "c.pdf"],
    }
    (place / "other").mkdir()
    (place / "other" / "c.pdf").write_text("x")

    for said, given in cases.items():
        with pytest.raises(SettingsError, match=said):
            local_files(given, recursive=False, document_id=None)
    with pytest.raises(SettingsError, match="names one document, but there are 2"):
        local_files([place], recursive=False, document_id="one")
