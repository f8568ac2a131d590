"""Reads the body of a verified webhook into hints: which annotation to look at, and what was seen.

Bodies: https://elis.rossum.ai/api/docs/#webhook-events. Only ids, status and clocks are taken; `secrets`, the
authorization token and captured values stay behind.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from connector.domain.ids import AnnotationId, QueueId
from connector.domain.messages import Hint, Via
from connector.rossum.fields import clocks_of, id_of
from connector.rossum.signature import VerifiedBody

#: Statuses on the way to another: nothing to publish, and the next one is announced as well.
PASSING_STATUSES = frozenset({"importing", "created", "reviewing", "exporting", "in_workflow"})


@dataclass(frozen=True, slots=True)
class HookReading:
    """What one webhook says.

    Attributes:
        dropped: Why there is no hint: a short bounded phrase; None when there are hints.
        timestamp: When Rossum says that it was sent, untouched.
    """

    hints: tuple[Hint, ...]
    dropped: str | None
    timestamp: str | None = None


def read_hook(body: VerifiedBody) -> HookReading:
    """The hints of one webhook.

    Raises:
        ValueError: The body cannot be read, with the part that is wrong.
    """
    source = orjson.loads(body.raw)
    if not isinstance(source, dict):
        raise ValueError("the webhook's body is no JSON object")  # noqa: TRY004 - one error for unreadable bodies
    timestamp = source.get("timestamp")
    sent_at = timestamp if isinstance(timestamp, str) else None
    match source.get("event"), source.get("action"):
        case "annotation_status", _:
            hints, dropped = _status(source)
        case "upload", "created":
            hints, dropped = _upload(source)
        case "annotation_content", "export":
            # Comes before the status is exported, so there is nothing to read yet; but the annotation is known as open
            # from here on, whatever becomes of the announcement that follows.
            hints, dropped = _export(source)
        case "annotation_content", _:
            hints, dropped = _content(source)
        case str(), _:
            hints, dropped = (), "other event"
        case _:
            raise ValueError("the webhook's body names no event")
    return HookReading(hints, dropped, sent_at)


def _status(source: Mapping[str, Any]) -> tuple[tuple[Hint, ...], str | None]:
    annotation = source.get("annotation")
    if not isinstance(annotation, dict):
        raise ValueError("the webhook's annotation is missing or no object")  # noqa: TRY004 - as above
    number = id_of(annotation.get("id")) or id_of(annotation.get("url"))
    queue = id_of(annotation.get("queue"))
    status = annotation.get("status")
    if number is None or queue is None or not isinstance(status, str):
        raise ValueError("the webhook's annotation lacks its id, queue or status")
    if status in PASSING_STATUSES:
        return (), "passing status"
    # A payload shows no arrived_at; created_at must not stand in, or a list that shows both would look stale.
    clocks = clocks_of(annotation)
    clocks.pop("arrived_at", None)
    return (Hint(AnnotationId(number), Via.WEBHOOK, status, QueueId(queue), clocks),), None


def _content(source: Mapping[str, Any]) -> tuple[tuple[Hint, ...], str | None]:
    """The annotation as a content event shows it, which says no less of its status than a status event.

    Rossum waits for the answer to most of these, and shows a refusal to the person who works on the annotation: one
    that can't be read is passed over.
    """
    try:
        return _status(source)
    except ValueError:
        return (), "unreadable content event"


def _export(source: Mapping[str, Any]) -> tuple[tuple[Hint, ...], str | None]:
    annotation = source.get("annotation")
    if not isinstance(annotation, Mapping):
        raise ValueError("the webhook's annotation is missing or no object")  # noqa: TRY004 - as above
    hint = _of_file({"annotation": annotation.get("id"), "queue": annotation.get("queue")})
    if hint is None:
        raise ValueError("the webhook's annotation lacks its id or queue")
    return (replace(hint, status="exporting"),), None


def _upload(source: Mapping[str, Any]) -> tuple[tuple[Hint, ...], str | None]:
    files = source.get("files")
    if not isinstance(files, list):
        raise ValueError("the webhook's files are missing or no list")  # noqa: TRY004 - as above
    hints = tuple(hint for file in files if isinstance(file, Mapping) and (hint := _of_file(file)))
    return hints, None if hints else "no annotation yet"


def _of_file(file: Mapping[str, Any]) -> Hint | None:
    number, queue = id_of(file.get("annotation")), id_of(file.get("queue"))
    if number is None or queue is None:
        return None
    return Hint(AnnotationId(number), Via.WEBHOOK, queue=QueueId(queue))
