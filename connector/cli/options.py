"""Options that several commands share."""

import os
from pathlib import Path
from typing import Annotated

import typer

from connector.settings import Settings
from connector.settings_load import load

ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="TOML file with settings; the environment wins over it.")
]


def settings_from(config: Path | None) -> Settings:
    """The settings of a file and of this process's environment.

    Raises:
        SettingsError: One line a problem.
    """
    return load(config, os.environ)
