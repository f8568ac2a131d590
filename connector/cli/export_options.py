"""Options of the commands that write exports."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from connector.export.csv_form import CsvForm
from connector.export.forms import Form
from connector.export.json_form import JsonForm
from connector.export.tables import Columns
from connector.export.xlsx_form import XlsxForm
from connector.export.xml_form import XmlForm


class FormName(StrEnum):
    """How captured data are written."""

    JSON = "json"
    CSV = "csv"
    XML = "xml"
    XLSX = "xlsx"


class Target(StrEnum):
    """Where an export can move annotations."""

    EXPORTING = "exporting"
    EXPORTED = "exported"


class ClockName(StrEnum):
    """Rossum's clocks by which annotations can be chosen."""

    EXPORTED_AT = "exported_at"
    CONFIRMED_AT = "confirmed_at"
    REJECTED_AT = "rejected_at"
    EXPORT_FAILED_AT = "export_failed_at"
    DELETED_AT = "deleted_at"
    PURGED_AT = "purged_at"
    ARRIVED_AT = "arrived_at"


class StatusName(StrEnum):
    """Rossum's statuses of annotations."""

    CREATED = "created"
    IMPORTING = "importing"
    FAILED_IMPORT = "failed_import"
    SPLIT = "split"
    TO_REVIEW = "to_review"
    REVIEWING = "reviewing"
    IN_WORKFLOW = "in_workflow"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    EXPORTING = "exporting"
    EXPORTED = "exported"
    FAILED_EXPORT = "failed_export"
    POSTPONED = "postponed"
    DELETED = "deleted"
    PURGED = "purged"


QueueOption = Annotated[
    str | None, typer.Option("--queue", help="Queue id or alias; default: ROSSUM__DEFAULT_QUEUE.", show_default=False)
]
FormOption = Annotated[FormName, typer.Option("--format", help="How to write it.")]
ColumnsOption = Annotated[
    str | None,
    typer.Option(help="Columns of csv and xlsx, comma-separated: schema ids, meta_url, meta_file_name, meta_status, …"),
]
OutputOption = Annotated[Path | None, typer.Option("--output", "-o", help="File to write; default: stdout.")]
RateOption = Annotated[
    float | None,
    typer.Option(min=0, help="Calls of Rossum a second; default: a quarter of ROSSUM__REQUESTS_PER_SECOND."),
]
QuietOption = Annotated[bool, typer.Option("--quiet", help="No progress on stderr.")]


def form_of(name: FormName, columns: str | None) -> Form:
    """The form with its columns.

    Raises:
        typer.BadParameter: It has none.
    """
    names = tuple(part.strip() for part in (columns or "").split(",") if part.strip())
    if names and name not in (FormName.CSV, FormName.XLSX):
        raise typer.BadParameter(
            f"{name} has no columns; leave them out, or choose csv or xlsx", param_hint="--columns"
        )
    match name:
        case FormName.JSON:
            return JsonForm()
        case FormName.XML:
            return XmlForm()
        case FormName.CSV:
            return CsvForm(Columns(names))
        case FormName.XLSX:
            return XlsxForm(Columns(names))


def require_file(name: FormName, output: Path | None) -> Path | None:
    """The file to write; None stands for stdout.

    Raises:
        typer.BadParameter: It can be none, or a workbook can't go to stdout.
    """
    path = None if output is None or str(output) == "-" else output
    if path is None and name is FormName.XLSX:
        raise typer.BadParameter("a workbook needs a file: add -o FILE.xlsx", param_hint="--output")
    if path is not None and path.is_dir():
        raise typer.BadParameter(f"{path} is a folder: name a file in it", param_hint="--output")
    if path is not None and not path.parent.is_dir():
        raise typer.BadParameter(f"the folder {path.parent} does not exist", param_hint="--output")
    return path
