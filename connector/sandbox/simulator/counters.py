"""Counts requests of the API by operation and by what became of them."""

from collections import Counter


class Counters:
    """``METHOD /path/{id}`` -> status, ``dropped`` or the action of a fault -> how often."""

    def __init__(self) -> None:
        self._counts: dict[str, Counter[str]] = {}

    def add(self, operation: str, outcome: int | str) -> None:
        """Count one request."""
        self._counts.setdefault(operation, Counter())[str(outcome)] += 1

    def as_json(self) -> dict[str, dict[str, int]]:
        """All counts so far, operations in alphabetical order."""
        return {operation: dict(counts) for operation, counts in sorted(self._counts.items())}
