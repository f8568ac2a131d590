"""Paths that can't be written are told with the option that names them, without a traceback."""

import tempfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from connector.cli.main import main
from connector.contracts.arrivals import Coordinates
from connector.domain.ids import ImportId
from connector.redrive.letters import Content, DeadLetter

ARRIVED = Coordinates("cluster", "documents.arrived", 0, 3, 0)
LETTER = DeadLetter(0, 7, 0, ARRIVED, ImportId("i"), None, None, 1, "fetch", "gone", 1, "", 0)
ROSSUM = {
    "CONNECTOR_ROSSUM__BASE_URL": "http://127.0.0.1:1/api/v1",
    "CONNECTOR_ROSSUM__TOKEN": "t",
    "CONNECTOR_ROSSUM__QUEUES": "[8198]",
    "CONNECTOR_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1",
}


def run(*arguments: str) -> tuple[int, str]:
    """Exit code and everything that was said."""
    result = CliRunner().invoke(main, arguments, env=ROSSUM)
    return result.exit_code, result.output


def test_an_audit_tells_where_it_can_not_write(tmp_path: Path) -> None:
    """Before it has asked anybody anything."""
    nowhere = tmp_path / "nowhere"

    assert run("audit", "--quiet", "--directory", str(nowhere)) == (
        1,
        f"rossum-connector: cannot write {nowhere} (--directory): No such file or directory\n",
    )


def test_an_audit_without_a_place_for_temporary_files_names_the_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is what helps."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))

    assert run("audit", "--quiet") == (
        1,
        "rossum-connector: cannot write temporary files (--directory): No such file or directory\n",
    )


def test_a_value_that_can_not_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a dead letter."""

    async def letters(*_: object, **__: object) -> list[DeadLetter]:
        return [LETTER]

    async def content(*_: object) -> Content:
        return Content(None, b"{}", ())

    monkeypatch.setattr("connector.cli.dead_letters._Command.letters", letters)
    monkeypatch.setattr("connector.cli.dead_letters._Command.content", content)

    assert run("dead-letters", "show", LETTER.place, "-o", str(tmp_path)) == (
        1,
        f"rossum-connector: cannot write {tmp_path} (--output): Is a directory\n",
    )
