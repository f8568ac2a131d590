"""`rossum-connector schemas` writes the contracts and notices when they are stale."""

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from connector.cli.schemas import schemas

APP = typer.Typer()
APP.command()(schemas)


def run(*arguments: str) -> tuple[int, str]:
    """Exit code and everything that was said."""
    result = CliRunner().invoke(APP, arguments)
    return result.exit_code, result.output


def test_what_was_written_passes_the_check(tmp_path: Path) -> None:
    """Writing makes the check pass, and writing again changes nothing."""
    directory = str(tmp_path / "new")

    first, checked, again = (
        run("--directory", directory),
        run("--directory", directory, "--check"),
        run("--directory", directory),
    )

    assert first[0] == 0
    assert "asyncapi.yaml" in first[1]
    assert checked == again == (0, "")


def test_a_stale_file_is_named(tmp_path: Path) -> None:
    """The check names what differs and what is missing, says what to run, and exits with 3."""
    run("--directory", str(tmp_path))
    (tmp_path / "arrival.json").write_text("{}", encoding="utf-8")
    (tmp_path / "import.failed.json").unlink()

    code, said = run("--directory", str(tmp_path), "--check")

    assert code == 3
    assert "arrival.json" in said
    assert "import.failed.json" in said
    assert "import.accepted.json" not in said
    assert f"rossum-connector schemas --directory {tmp_path}" in said
    assert (tmp_path / "arrival.json").read_text(encoding="utf-8") == "{}"


def test_only_our_own_left_overs_are_removed(tmp_path: Path) -> None:
    """A schema of an event that no longer exists goes; files of others stay."""
    run("--directory", str(tmp_path))
    gone, theirs = tmp_path / "annotation.gone.json", tmp_path / "package.json"
    gone.write_text('{"$id": "urn:rossum-kafka-connector:schema:annotation.gone:1"}', encoding="utf-8")
    theirs.write_text("{}", encoding="utf-8")

    checked, written = run("--directory", str(tmp_path), "--check"), run("--directory", str(tmp_path))

    assert (checked[0], written[0]) == (3, 0)
    assert "annotation.gone.json" in checked[1]
    assert not gone.exists()
    assert theirs.exists()


@pytest.mark.parametrize(("below", "named"), [("file", ""), ("folder", "arrival.json")])
def test_what_can_not_be_written_is_told(tmp_path: Path, below: str, named: str) -> None:
    """With its option, without a traceback: a file where the directory should be, a folder where a file should be."""
    (tmp_path / "file").touch()
    (tmp_path / "folder" / "arrival.json").mkdir(parents=True)

    code, said = run("--directory", str(tmp_path / below))

    assert code == 1
    assert f"rossum-connector: cannot write {tmp_path / below / named} (--directory): " in said
