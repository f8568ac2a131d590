"""Files that are there whole or not at all."""

from pathlib import Path

import pytest

from connector.errors import Fatal
from connector.export.whole_file import whole_file


def test_a_file_appears_when_it_is_complete(tmp_path: Path) -> None:
    """Until then what was there before is there, and afterwards nothing else."""
    path = tmp_path / "export.csv"
    path.write_bytes(b"before")

    with whole_file(path) as file:
        file.write(b"new")
        file.flush()
        meanwhile = path.read_bytes()

    assert (meanwhile, path.read_bytes()) == (b"before", b"new")
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_broke_off_never_appears(tmp_path: Path) -> None:
    """Nor does anything of it stay behind."""
    path = tmp_path / "export.csv"

    def write_half() -> None:
        with whole_file(path) as file:
            file.write(b"half")
            raise KeyError

    with pytest.raises(KeyError):
        write_half()

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["nowhere/export.csv", "a file/export.csv"])
def test_a_place_that_cannot_be_written_is_told(tmp_path: Path, name: str) -> None:
    """With the path and the system's reason."""
    (tmp_path / "a file").touch()

    with pytest.raises(Fatal, match=r"cannot write .*export\.csv: "), whole_file(tmp_path / name) as file:
        file.write(b"x")
