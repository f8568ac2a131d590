"""Queues as people name them on the command line."""

import typer

from connector.domain.ids import QueueId, queue_named
from connector.errors import SettingsError
from connector.settings import RossumSettings


def queue_id(settings: RossumSettings, name: str) -> QueueId:
    """The queue of an id, an API URL or an alias of the settings.

    Raises:
        typer.BadParameter: It is none of them.
    """
    number = settings.queues.get(name)
    queue = queue_named(name) if number is None else QueueId(number)
    if queue is None:
        known = ", ".join(settings.queues) or "an alias (ROSSUM__QUEUES names none)"
        raise typer.BadParameter(f"{name!r} is neither an id, a queue URL nor one of {known}", param_hint="--queue")
    return queue


def queue_or_default(settings: RossumSettings, name: str | None) -> QueueId:
    """The queue that is named, else the default one.

    Raises:
        SettingsError: There is no default.
        typer.BadParameter: The name is none.
    """
    if name is None and settings.default_queue is None:
        raise SettingsError("which queue? add --queue with an id or an alias, or set CONNECTOR_ROSSUM__DEFAULT_QUEUE")
    return queue_id(settings, str(settings.default_queue) if name is None else name)
