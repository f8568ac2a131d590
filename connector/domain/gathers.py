"""Documents that go up together in one upload: its row, and the names under which they are sent."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar

import orjson

from connector.domain.file_names import numbered_name, sign_of
from connector.domain.row_shape import Resting

#: Names that are tried for a document before it goes into another gather.
_NAMES = 200


class GatherState(StrEnum):
    """How far the one upload of a gather came.

    intent ──▶ accepted │ void │ unknown (its members are looked up one by one, and each ends as it ends)
    """

    #: It may be under way, or its owner died in it: what its members became must be looked up.
    INTENT = "intent"
    #: Rossum has all of it; `task` is known.
    ACCEPTED = "accepted"
    #: Certainly nothing was imported.
    VOID = "void"
    #: Rossum may have it.
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class GatherRow(Resting):
    """One upload of several documents; its members' own rows carry their work.

    Attributes:
        members: Import ids, in the order in which their documents were sent.
        intent_at: Rossum's time when the upload was about to start.
    """

    kind: ClassVar[str] = "gather"

    state: GatherState
    queue: int
    members: tuple[str, ...]
    intent_at: str
    task: str | None = None
    later: Mapping[str, Any] = field(default_factory=dict)


def free_name(file_name: str, taken: Container[str]) -> str | None:
    """The name, or one with a number, whose sign nobody has; None where there is none."""
    candidates = (file_name, *(numbered_name(file_name, number) for number in range(2, _NAMES)))
    return next((name for name in candidates if name is not None and sign_of(name) not in taken), None)


def shared(metadata: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What all of at least one have in common, and what each has besides."""
    first, *others = metadata
    common = {
        key: value
        for key, value in first.items()
        if all(key in other and _written(other[key]) == _written(value) for other in others)
    }
    return common, [{key: value for key, value in each.items() if key not in common} for each in metadata]


def _written(value: Any) -> bytes:
    """As JSON, which tells 1 from true."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
