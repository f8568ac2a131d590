"""Whether a frozen replica is a zombie: others work its partitions before it knows that any time has passed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.support.fleet import Berth

READY, ENDED = "partition_ready", "partition_ended"


@dataclass(frozen=True, slots=True)
class Freeze:
    """One replica that stands still.

    Attributes:
        held: Partitions that it worked then; without any it is nobody's predecessor.
        since: The machine's clock.
    """

    number: int
    held: frozenset[int]
    since: datetime

    def has_successor(self, berths: Iterable[Berth]) -> bool:
        """Whether another works one of its partitions by now."""
        others = (berth for berth in berths if berth.number != self.number)
        return any(taken_over(self, berth.said(READY)) for berth in others)


def worked_by(berth: Berth) -> frozenset[int]:
    """Partitions that a replica works, by its own words."""
    return held(berth.said_in_this_life(READY, ENDED))


def held(told: Iterable[Mapping[str, Any]]) -> frozenset[int]:
    """What is left of the partitions of one life, whose lines are in their order."""
    partitions: set[int] = set()
    for line in told:
        if line["event"] == READY:
            partitions.add(line["partition"])
        else:
            partitions.discard(line["partition"])
    return frozenset(partitions)


def taken_over(freeze: Freeze, told: Iterable[Mapping[str, Any]]) -> bool:
    """Whether another's lines say that a partition of the frozen one was made ready there since."""
    return any(
        line["partition"] in freeze.held and datetime.fromisoformat(line["timestamp"]) >= freeze.since for line in told
    )
