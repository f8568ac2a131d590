"""What the README shows of a terminal session is the same for every run, and nothing else is changed."""

from pathlib import Path

import pytest

from tests.support.transcripts import Terminal, block, steady, with_block

NAMES = {"http://127.0.0.1:41234/api/v1": "https://example.rossum.app/api/v1"}
README = "# Title\n<!-- transcript:a:begin -->\nold\n<!-- transcript:a:end -->\nrest\n"


def test_ids_and_instants_are_numbered_as_they_appear() -> None:
    """What was equal stays equal, what was different stays different; dates and amounts of documents stay."""
    first, second = "5f0e8f0a-0000-4000-8000-00000000abcd", "6f0e8f0a-0000-4000-8000-00000000abcd"
    text = (
        f"annotation 314530 of {second}, annotation 314528 of {first}\n"
        "http://127.0.0.1:41234/api/v1/annotations/314530 at 2026-11-24T02:12:51.673155Z\n"
        "--from 2026-11-24 is 2026-11-24T00:00:00.000000Z, --ids 314528,314530; due 2025-01-31, 3145.28, INV-314528"
    )

    assert steady(text, NAMES, "2026-11-24") == (
        "annotation 4711 of 00000000-0000-4000-8000-000000000001, "
        "annotation 4712 of 00000000-0000-4000-8000-000000000002\n"
        "https://example.rossum.app/api/v1/annotations/4711 at 2026-03-02T09:00:01.000000Z\n"
        "--from 2026-03-02 is 2026-03-02T00:00:00.000000Z, --ids 4712,4711; due 2025-01-31, 3145.28, INV-4712"
    )


def test_a_transcript_has_its_place_in_the_readme() -> None:
    """It is read as it was written, and the rest of the page stays."""
    written = with_block(README, "a", "$ echo x\nx")

    assert block(written, "a") == "$ echo x\nx"
    assert written == with_block(with_block(README, "a", "other"), "a", "$ echo x\nx")
    assert (written[:8], written[-5:]) == ("# Title\n", "rest\n")
    with pytest.raises(ValueError, match="<!-- transcript:b:begin -->"):
        block(README, "b")


async def test_a_terminal_shows_what_commands_print(tmp_path: Path) -> None:
    """Both streams in their order, with the settings of the deployment only; another exit code is a failure."""
    terminal = Terminal(tmp_path, {"CONNECTOR_X": "y"}, {}, "2026-11-24")

    await terminal.run("echo one; echo two >&2; echo $CONNECTOR_X")
    await terminal.run("rossum-connector --version > version", code=0)

    assert terminal.transcript().splitlines()[:4] == [
        "$ echo one; echo two >&2; echo $CONNECTOR_X",
        *("one", "two", "y"),
    ]
    assert (tmp_path / "version").read_text().strip()
    with pytest.raises(AssertionError, match="ended with 3"):
        await terminal.run("exit 3")
