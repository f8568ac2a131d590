"""Reads hooks and the log of their calls; a hook that can't be read is none of ours."""

from collections.abc import Mapping
from typing import Any

from connector.domain.hook_plan import FoundHook
from connector.domain.readings import HookCall
from connector.rossum.answer import Answer
from connector.rossum.fields import clock_text, id_of, text_or_none, texts


def read_hooks(answer: Answer) -> list[FoundHook]:
    """The webhooks of a list."""
    return [hook for source in results_of(answer) if (hook := _hook(source)) is not None]


def _hook(source: Mapping[str, Any]) -> FoundHook | None:
    number, config = id_of(source.get("id")), source.get("config")
    if number is None or source.get("type") != "webhook" or not isinstance(config, Mapping):
        return None
    queues = [id_of(queue) for queue in texts(source.get("queues"))]
    return FoundHook(
        id=number,
        name=text_or_none(source.get("name")) or "",
        url=text_or_none(config.get("url")),
        active=source.get("active") is True,
        events=frozenset(texts(source.get("events"))),
        queues=frozenset(queue for queue in queues if queue is not None),
        token_owner=text_or_none(source.get("token_owner")),
        secret=text_or_none(config.get("secret")),
        config=dict(config),
    )


def read_hook_calls(answer: Answer) -> list[HookCall]:
    """The calls of a log, newest first; those about no annotation are left out."""
    return [call for source in results_of(answer) if (call := _call(source)) is not None]


def _call(source: Mapping[str, Any]) -> HookCall | None:
    annotation, queue = id_of(source.get("annotation_id")), id_of(source.get("queue_id"))
    at, request = clock_text(source.get("timestamp")), text_or_none(source.get("request_id"))
    if annotation is None or queue is None or at is None or request is None:
        return None
    status = source.get("status")
    return HookCall(request, failed=status in ("failed", "cancelled"), runs=status in ("waiting", "running"))


def results_of(answer: Answer) -> list[Mapping[str, Any]]:
    """The objects of a list.

    Raises:
        Retryable: There is no list.
    """
    results = answer.data.get("results") if isinstance(answer.data, Mapping) else None
    if not isinstance(results, list):
        raise answer.senseless("it has no list of results")
    return [source for source in results if isinstance(source, Mapping)]
