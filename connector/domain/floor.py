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
        announced: The highest announcement of a forgotten import, by :func:`place_of` its arrival.
        generation: The highest generation of a forgotten import.
        forgotten: How many rows were forgotten, by kind.
    """

    kind: ClassVar[str] = "floor"

    until: str
    announced: Mapping[str, int] = field(default_factory=dict)
    forgotten: Mapping[str, int] = field(default_factory=dict)
    generation: int = 0
    later: Mapping[str, Any] = field(default_factory=dict)


def place_of(topic: str, partition: int) -> str:
    """How rows name a partition of an arrivals topic."""
    return f"{topic}/{partition}"


def announced_up_to(announced: Mapping[str, int], topic: str, partition: int) -> int:
    """The highest offset taken into account of a partition of an arrivals topic; -1 where there is none.

    Rows of earlier versions say of which partition, and not of which topic.
    """
    return max(announced.get(place_of(topic, partition), -1), announced.get(str(partition), -1))


def floor_key(partition: int) -> str:
    """Ledger key of a partition's floor."""
    return f"floor/{partition}"
