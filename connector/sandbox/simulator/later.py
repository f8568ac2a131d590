"""Rossum as it may be one day: statuses, fields, types and kinds of nodes that no client knows yet.

Rossum adds fields and values of enumerations at any time (https://elis.rossum.ai/api/docs/#backward-compatibility).
"""

from typing import Any

from connector.sandbox.simulator.model import Json

#: How a later Rossum calls some of its statuses; filters still know the names of today.
LATER_STATUSES = {"reviewing": "verifying", "exporting": "dispatching", "exported": "archived"}
LATER_TYPES = {"string": "text", "enum": "choice"}
_NOVELTY: Json = {"novelty": {"of": ["a", "later", "version"]}, "archived_at": None}
_NEW_NODES: list[Json] = [
    {"category": "figure", "schema_id": "figure", "children": [{"category": "curve", "schema_id": "curve"}]},
    {
        "category": "datapoint",
        "schema_id": "tags",
        "value": ["several", "at once"],
        "type": {"list": "string"},
        "rir_confidence": {"mean": 0.9},
    },
]


def with_news(shown: Json) -> Json:
    """An object with more fields, and with its status as a later Rossum names it."""
    status = shown.get("status")
    return {**shown, **_NOVELTY, **({"status": LATER_STATUSES[status]} if status in LATER_STATUSES else {})}


def export_with_news(element: Json) -> Json:
    """The same for an element of the export; some of its fields have new types, and there are new nodes."""
    return {**with_news(element), "content": [*_renewed(element["content"]), *_NEW_NODES]}


def _renewed(node: Any) -> Any:
    if isinstance(node, list):
        return [_renewed(item) for item in node]
    if "children" in node:
        return {**node, "children": _renewed(node["children"]), "layout": "grid"}
    return {**node, "type": LATER_TYPES.get(node.get("type"), node.get("type")), "layout": "cell"}


def untyped(node: Any) -> Any:
    """A content tree whose datapoints tell no type."""
    if isinstance(node, list):
        return [untyped(item) for item in node]
    without = {name: value for name, value in node.items() if name != "type"}
    return {**without, "children": untyped(node["children"])} if "children" in node else without
