"""Annotations sorted by clock, per queue and status, so that a window of 200,000 is counted by bisection."""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any, NamedTuple

from connector.sandbox.simulator.model import Annotation

Buckets = dict[tuple[int, str], list[Annotation]]
Key = Callable[[Annotation], Any]


class Slice(NamedTuple):
    """Part of one sorted bucket: rows ``start`` to ``stop``."""

    bucket: list[Annotation]
    start: int
    stop: int


class ClockIndexes:
    """One index per clock that was ever asked for; equal clocks are ordered by document, then id."""

    def __init__(self) -> None:
        self._indexes: dict[str, Buckets] = {}
        self._keys: dict[str, Key] = {}

    def key(self, clock: str) -> Key:
        """The order inside the index of that clock."""
        if clock not in self._keys:
            self._keys[clock] = attrgetter(clock, "document_id", "id")
        return self._keys[clock]

    def ensure(self, clock: str, annotations: Iterable[Annotation]) -> None:
        """Build the index of a clock at its first use."""
        if clock in self._indexes:
            return
        self._indexes[clock] = {}
        self._fill(clock, annotations)

    def slices(self, clock: str, bounds: tuple[int, int], wanted: Callable[[int, str], bool]) -> list[Slice]:
        """The rows whose clock is within ``bounds`` (half open), of the (queue, status) pairs wanted."""
        key = attrgetter(clock)
        found = []
        for (queue, status), bucket in self._indexes[clock].items():
            if bucket and wanted(queue, status):
                start = bisect_left(bucket, bounds[0], key=key)
                stop = bisect_left(bucket, bounds[1], lo=start, key=key)
                found.append(Slice(bucket, start, stop))
        return [piece for piece in found if piece.stop > piece.start]

    def add(self, annotation: Annotation) -> None:
        """Put it where its present clocks say."""
        for clock, buckets in self._indexes.items():
            if getattr(annotation, clock) is not None:
                bucket = buckets.setdefault((annotation.queue_id, annotation.status), [])
                insort(bucket, annotation, key=self.key(clock))

    def remove(self, annotation: Annotation) -> None:
        """Take it out; to be called before its clocks, queue or status change."""
        for clock, buckets in self._indexes.items():
            if getattr(annotation, clock) is not None:
                bucket = buckets[(annotation.queue_id, annotation.status)]
                key = self.key(clock)
                del bucket[bisect_left(bucket, key(annotation), key=key)]

    def add_many(self, annotations: list[Annotation]) -> None:
        """Put many at once: one sort instead of as many insertions."""
        for clock in self._indexes:
            self._fill(clock, annotations)

    def _fill(self, clock: str, annotations: Iterable[Annotation]) -> None:
        buckets = self._indexes[clock]
        for annotation in annotations:
            if getattr(annotation, clock) is not None:
                buckets.setdefault((annotation.queue_id, annotation.status), []).append(annotation)
        for bucket in buckets.values():
            bucket.sort(key=self.key(clock))
