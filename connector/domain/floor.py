"""The floor of a ledger partition: below it rows may have been forgotten, so that nothing there is news any more."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from connector.domain.row_shape import Resting


@dataclass(frozen=True, slots=True)
class FloorRow(Resting):
    """What a partition has forgotten; written with the tombstones, and only ever raised.

    It is a fact of the ledger and no calculation: an owner with another clock, or with a longer `STATE__RETENTION`,
    must not take for news what an earlier one has forgotten.

    Attributes:
        until: The latest end of a life that was forgotten (clock text).
        announced: Per partition of the arrivals topic the highest announcement of a forgotten import.
        forgotten: How many rows were forgotten, by kind.
    """

    kind: ClassVar[str] = "floor"

    until: str
    announced: Mapping[str, int] = field(default_factory=dict)
    forgotten: Mapping[str, int] = field(default_factory=dict)
    later: Mapping[str, Any] = field(default_factory=dict)


def floor_key(partition: int) -> str:
    """Ledger key of a partition's floor."""
    return f"floor/{partition}"
