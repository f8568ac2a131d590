"""Every problem of the settings is told at once, wherever it comes from, and none that only follows from another."""

from pathlib import Path

import pytest

from connector.errors import SettingsError
from connector.settings_load import load


def complaints(environ: dict[str, str], config: Path | None = None) -> list[str]:
    """What loading says, line by line."""
    with pytest.raises(SettingsError) as caught:
        load(config, {f"CONNECTOR_{name}": text for name, text in environ.items()})
    return str(caught.value).splitlines()


def test_names_forms_and_values_are_told_together(tmp_path: Path) -> None:
    """In the environment and in the file."""
    config = tmp_path / "connector.toml"
    config.write_text('[sweep]\nlag = "soon"\n[imports.gather]\nmax_count = 1\n')

    told = complaints({"KAFKA__GROUPID": "x", "ROSSUM__QUEUES": "8198;", "WEBHOOK__MAX_BODY": "y"}, config)

    assert {line.split(":")[0].split()[0].removeprefix("CONNECTOR_") for line in told} == {
        *("KAFKA__GROUPID", "ROSSUM__QUEUES", "WEBHOOK__MAX_BODY", "SWEEP__LAG", "IMPORTS__GATHER__MAX_COUNT")
    }
    assert len(told) == 5


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"ROSSUM__QUEUES": "8198;", "ROSSUM__DEFAULT_QUEUE": "invoices"}, "CONNECTOR_ROSSUM__QUEUES: must be JSON"),
        ({"WEBHOOK__SECRETS_FILE": "/nowhere/at/all"}, "CONNECTOR_WEBHOOK__SECRETS_FILE: the file can't be read"),
        (
            {"EMBEDDED__USERNAME": "u", "EMBEDDED__PASSWORD_FILE": "/nowhere/at/all"},
            "CONNECTOR_EMBEDDED__PASSWORD_FILE: the file can't be read",
        ),
    ],
)
def test_what_follows_from_another_is_not_told(environ: dict[str, str], said: str) -> None:
    """One thing to mend, one line."""
    (told,) = complaints(environ)

    assert told.startswith(said)


def test_a_list_is_shown_in_its_form(tmp_path: Path) -> None:
    """A single secret is a list of one."""
    config = tmp_path / "connector.toml"
    config.write_text('[webhook]\nsecrets = "hush"\n[imports.gather]\nalike = "purchase_order"\n')

    form = 'must be a list, e.g. ["one", "two"]'
    assert complaints({}, config) == [
        f"CONNECTOR_WEBHOOK__SECRETS: {form}",
        f"CONNECTOR_IMPORTS__GATHER__ALIKE: {form}",
    ]
