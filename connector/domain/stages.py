"""In one word where an entity stands, and since when it has been open: what people who look are shown."""

from connector.domain.rows import AnnotationRow, AnyRow, ImportRow


def stage(row: AnyRow) -> str:
    """Kind and state of an import, the status of an annotation."""
    match row:
        case ImportRow():
            return f"import {row.state}" + (" (overdue)" if row.overdue else "")
        case AnnotationRow():
            return row.status
        case _:
            return row.kind


def open_since(row: AnyRow) -> str | None:
    """Clock text of when its story began, where the row knows."""
    match row:
        case ImportRow():
            return row.accepted_at or row.intent_at or row.first_failure
        case AnnotationRow():
            return row.clocks.get("arrived_at")
        case _:
            return None
