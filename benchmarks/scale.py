"""How much is measured: a full run, or a quick one that shows that everything works."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scale:
    """Amounts.

    Attributes:
        rounds: Of each server with each number of connections (webhook).
        seconds: Of one round (webhook) and, times three, of the measured time (latency).
        floor: Events for the bare transaction (latency).
        limited: Documents under Rossum's limit (imports).
        unlimited: Documents without a limit (imports).
        gathered: Documents that go up together under Rossum's limit (gathering).
        exported: Annotations (sweep).
        entries: Of the ledger (ledger).
        waiting, people: Arrivals, and exports meanwhile (backlog).
    """

    rounds: int
    seconds: float
    floor: int
    limited: int
    unlimited: int
    gathered: int
    exported: int
    entries: int
    waiting: int
    people: int


FULL = Scale(
    rounds=5,
    seconds=5.0,
    floor=500,
    limited=200,
    unlimited=2_000,
    gathered=1_000,
    exported=20_000,
    entries=10_000_000,
    waiting=5_000,
    people=200,
)
QUICK = Scale(
    rounds=1,
    seconds=2.0,
    floor=100,
    limited=40,
    unlimited=300,
    gathered=200,
    exported=4_000,
    entries=400_000,
    waiting=500,
    people=20,
)
