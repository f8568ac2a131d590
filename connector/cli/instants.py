"""Instants as people give them on the command line."""

from datetime import UTC, datetime

import typer

from connector.domain.ids import format_clock


def clock_text(option: str, given: str | None) -> str | None:
    """The clock text of an ISO 8601 date or instant; without an offset it is UTC.

    Raises:
        typer.BadParameter: It is none.
    """
    if given is None:
        return None
    try:
        instant = datetime.fromisoformat(given)
        return format_clock(instant if instant.tzinfo else instant.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        raise typer.BadParameter(
            f"{given!r} is no instant; write for example 2026-01-31 or 2026-01-31T08:00:00Z", param_hint=option
        ) from None


def shown_instant(milliseconds: int) -> str:
    """An instant of Kafka's (milliseconds since 1970) for people: UTC, whole seconds."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
