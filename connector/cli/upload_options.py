"""Options of the commands that upload files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from connector.quantities import seconds_of

FilesArgument = Annotated[list[Path], typer.Argument(metavar="FILE|FOLDER…", help="Documents, or folders of them.")]
RecursiveOption = Annotated[bool, typer.Option("--recursive", "-r", help="Folders inside of folders too.")]
ValuesOption = Annotated[
    list[str], typer.Option("--values", metavar="ID=VALUE", help="A field's value (upload:ID in the schema); repeat.")
]
MetadataOption = Annotated[
    list[str], typer.Option("--metadata", metavar="KEY=VALUE", help="Metadata of the annotations; may be repeated.")
]
DocumentIdOption = Annotated[
    str | None, typer.Option(help="Key of the document's events; default: its name. One file only.")
]
JsonLinesOption = Annotated[bool, typer.Option("--json", help="One JSON object a document instead of text.")]


def pairs(option: str, given: Sequence[str]) -> dict[str, str]:
    """What `KEY=VALUE` options say.

    Raises:
        typer.BadParameter: One has no `=`, or no key, or a key comes twice.
    """
    found: dict[str, str] = {}
    for text in given:
        key, sign, value = text.partition("=")
        if not sign or not key:
            raise typer.BadParameter(f"{text!r} is no KEY=VALUE", param_hint=option)
        if key in found:
            raise typer.BadParameter(f"{key} is given twice", param_hint=option)
        found[key] = value
    return found


def field_values(given: Sequence[str]) -> dict[str, str]:
    """Values by Rossum's names of them, `upload:<id>`.

    Raises:
        typer.BadParameter: As :func:`pairs`.
    """
    return {
        key if key.startswith("upload:") else f"upload:{key}": value for key, value in pairs("--values", given).items()
    }


def duration(option: str, text: str) -> float:
    """Seconds of `90`, `90s`, `10m`, `2h`.

    Raises:
        typer.BadParameter: It is no duration.
    """
    try:
        return float(seconds_of(text))
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} {error}", param_hint=option) from None
