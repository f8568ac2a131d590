"""The folder of an export under way."""

from pathlib import Path

import pytest

from connector.domain.ids import AnnotationId
from connector.errors import Fatal, SettingsError
from connector.export.folder import Fetched, Folder, State
from connector.export.forms import Part

REQUEST = {"--queue": 8198, "--format": "csv", "--status": ["exported"]}
IDS = (AnnotationId(2), AnnotationId(1))
STATE = State(REQUEST, IDS, ("exported", "exported"), {AnnotationId(9): "is in queue 8199"}, "ids")


def test_an_export_goes_on_where_it_was(tmp_path: Path) -> None:
    """What was written is found again: the set, what was left out, and the chunks that are done."""
    folder = Folder.make(tmp_path / "x.csv.partial", STATE)
    fetched = Fetched((Part(folder.new_file(1, 0), IDS),), {AnnotationId(3): "is gone"})
    folder.finish(1, fetched)

    again = Folder.found(folder.path, REQUEST)

    assert again.state == STATE
    assert (again.fetched(0), again.fetched(1)) == (None, fetched)
    assert folder.path.stat().st_mode & 0o077 == 0


def test_a_folder_without_its_set_is_not_left(tmp_path: Path) -> None:
    """Whatever breaks off while the set is written, a signal too: there is nothing yet to go on with."""
    unwritable = State({"--queue": object()}, IDS, ("exported", "exported"), {}, "ids")

    with pytest.raises(TypeError):
        Folder.make(tmp_path / "x.csv.partial", unwritable)

    assert list(tmp_path.iterdir()) == []


def test_a_finished_export_leaves_nothing(tmp_path: Path) -> None:
    """The folder is gone with all that was in it."""
    folder = Folder.make(tmp_path / "x.csv.partial", STATE)
    folder.new_file(0, 0).write_bytes(b"captured")
    folder.finish(0, Fetched((), {}))

    folder.remove()

    assert list(tmp_path.iterdir()) == []


def test_another_export_is_not_resumed(tmp_path: Path) -> None:
    """The sentence names what differs and what it was."""
    folder = Folder.make(tmp_path / "x.csv.partial", STATE)

    with pytest.raises(SettingsError, match=r"of another export \(--status \['exported'\]\); give the same options"):
        Folder.found(folder.path, {**REQUEST, "--status": []})


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "nothing to resume"), (b"{", "can't be read"), (b'{"version": 99}', "another version")],
)
def test_what_cannot_be_resumed_is_told(tmp_path: Path, content: bytes | None, said: str) -> None:
    """With what to do."""
    if content is not None:
        (tmp_path / "state.json").write_bytes(content)

    with pytest.raises(SettingsError, match=said):
        Folder.found(tmp_path, REQUEST)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """With its path."""
    with pytest.raises(Fatal, match=r"cannot make the folder .*nowhere"):
        Folder.make(tmp_path / "nowhere" / "x.partial", STATE)
