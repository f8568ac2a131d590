"""Whose a document is, by the simulator's own list: of a document that went up with others its file name tells."""

from collections.abc import Iterable, Mapping
from typing import Any

from connector.domain.file_names import sign_of
from connector.domain.readings import MARK_KEY


def import_of(document: Mapping[str, Any]) -> str | None:
    """The import that a document's metadata names; None without our mark, or when its name is none of those sent."""
    mark = document["metadata"].get(MARK_KEY, {})
    found: str | None = mark.get("import_id")
    if "members" in mark:
        found, *_ = mark["members"].get(sign_of(document["file_name"]), (None,))
    return found


def gathers_of(documents: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """How many documents went up in each gather."""
    sizes: dict[str, int] = {}
    for document in documents:
        if (gather := document["metadata"].get(MARK_KEY, {}).get("gather")) is not None:
            sizes[gather] = sizes.get(gather, 0) + 1
    return sizes
