"""Partitions as a broker keeps them: offsets, transactions that are open or decided, and what each reader may see."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

Headers = tuple[tuple[str, bytes], ...]


class Fate(Enum):
    """What became of a record."""

    PLAIN = auto()
    PENDING = auto()
    COMMITTED = auto()
    ABORTED = auto()
    #: A control record: takes an offset, is nobody's.
    MARKER = auto()


@dataclass(slots=True, eq=False)
class Stored:
    """One record, in the shape of aiokafka's `ConsumerRecord`; equal to none but itself."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp: int
    fate: Fate
    transactional_id: str | None


@dataclass(slots=True)
class Log:
    """One partition."""

    topic: str
    partition: int
    start: int = 0
    end: int = 0
    records: list[Stored] = field(default_factory=list)
    _stable: int = 0

    def append(  # noqa: PLR0913 - what a record is made of
        self,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes]],
        *,
        timestamp: int,
        transactional_id: str | None = None,
        fate: Fate = Fate.PLAIN,
    ) -> Stored:
        """Store a record at the end."""
        stored = Stored(
            self.topic, self.partition, self.end, key, value, tuple(headers), timestamp, fate, transactional_id
        )
        self.records.append(stored)
        self.end += 1
        return stored

    def decide(self, transactional_id: str, *, committed: bool, timestamp: int) -> None:
        """Write the marker of a transaction."""
        for record in self.records:
            if record.fate is Fate.PENDING and record.transactional_id == transactional_id:
                record.fate = Fate.COMMITTED if committed else Fate.ABORTED
        self.append(None, None, (), timestamp=timestamp, fate=Fate.MARKER)

    @property
    def last_stable(self) -> int:
        """The offset of the first record of an open transaction, else the end; it never goes back."""
        records = self.records
        for index in range(self._index(self._stable), len(records)):
            if records[index].fate is Fate.PENDING:
                self._stable = records[index].offset
                break
        else:
            self._stable = self.end
        return self._stable

    def visible_end(self, *, committed_only: bool) -> int:
        """Where a reader's world ends."""
        return self.last_stable if committed_only else self.end

    def read(self, position: int, most: int, *, committed_only: bool) -> tuple[list[Stored], int]:
        """Up to `most` records from a position on, and the position behind them; what is nobody's is passed over."""
        found: list[Stored] = []
        position = max(position, self.start)
        if position >= self.end or position >= (end := self.visible_end(committed_only=committed_only)):
            return found, position
        for record in self.records[self._index(position) :]:
            if record.offset >= end or len(found) == most:
                break
            position = record.offset + 1
            hidden = record.fate is Fate.MARKER or (committed_only and record.fate is Fate.ABORTED)
            if not hidden:
                found.append(record)
        return found, position

    def _index(self, offset: int) -> int:
        low, high = 0, len(self.records)
        while low < high:
            middle = (low + high) // 2
            if self.records[middle].offset < offset:
                low = middle + 1
            else:
                high = middle
        return low

    def trim(self, offset: int) -> int:
        """Delete what lies below; the new start."""
        self.start = max(self.start, min(offset, self.end))
        self.records = self.records[self._index(self.start) :]
        return self.start

    def compact(self, *, before: int | None = None) -> None:
        """Keep the newest record of each key, as a cleaner may do at any time below the last stable offset.

        Args:
            before: Records of this time (milliseconds) and later are left alone.
        """
        recent = (r.offset for r in self.records if before is not None and r.timestamp >= before)
        stable = min(self.last_stable, next(recent, self.end))
        newest = {record.key: record.offset for record in self.records if record.offset < stable and _counts(record)}
        self.records = [
            record
            for record in self.records
            if record.offset >= stable or not _counts(record) or newest[record.key] == record.offset
        ]


def _counts(record: Stored) -> bool:
    return record.fate in (Fate.PLAIN, Fate.COMMITTED)
