"""Forgets what ended longer ago than `STATE__RETENTION`: a few rows at a time, and a floor that stands for them.

The owner walks through its rows slowly, a round a day, and turns what may go into tombstones. The floor row goes with
them in one transaction, so that a late word about a forgotten entity finds either its row or the floor.

Nothing goes that somebody may still ask for. Sweeps have told everything up to there, and every hint of theirs is
decided: a partition that was without an owner for a year forgets nothing before it has caught up. And the arrivals
of an import can't be read again: they are deleted from their topic, and all copies that were made before are decided.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from connector.clock import Clock
from connector.contracts.arrivals import ArrivalsLeft
from connector.contracts.catalogue import TopicRole
from connector.domain.floor import floor_key
from connector.domain.ids import format_clock
from connector.domain.messages import Swept
from connector.domain.outcome import Outcome
from connector.domain.readings import CLOCKS
from connector.domain.retention import life_end, raised, rests
from connector.domain.rows import AnyRow, ImportRow
from connector.engine.committer import Committer
from connector.engine.ledger_view import LedgerView
from connector.engine.offsets import OffsetTracker
from connector.errors import KafkaUnavailable
from connector.ports import PartitionLog
from connector.telemetry import Telemetry

#: Seconds between two looks, and of a walk through all rows; shorter ones where little is remembered.
TICK, ROUND = 5.0, 86_400.0
#: Rows of one look at least and at most; no transaction holds more tombstones.
FEWEST, MOST = 20, 500
#: Parts of the retention after which a look, and a round, comes at the latest.
LOOKS, ROUNDS = 20, 4
#: Seconds after which sweeps tell again how far they are, and Kafka is asked again what arrivals it has.
TELL_EVERY, TELLS = 3_600.0, 10


def telling_pause(retention: float) -> float:
    """Seconds from one word about the progress of sweeps to the next."""
    return min(TELL_EVERY, retention / TELLS)


@dataclass(frozen=True, slots=True)
class Ways:
    """What forgetting needs of the owner.

    Attributes:
        is_busy: Whether somebody works on an entity right now.
        may_look: Whether the owner has nothing better to do than to forget.
        now: Rossum's time.
    """

    is_busy: Callable[[str], bool]
    may_look: Callable[[], bool]
    now: Callable[[], datetime]


class Forgetting:
    """See the module."""

    def __init__(  # noqa: PLR0913 - a part of an owner
        self,
        partition: int,
        *,
        view: LedgerView,
        committer: Committer,
        log: PartitionLog,
        trackers: Mapping[TopicRole, OffsetTracker],
        ways: Ways,
        retention: float,
        telemetry: Telemetry,
        clock: Clock,
    ) -> None:
        self._floor_key = floor_key(partition)
        self._view = view
        self._committer = committer
        self._log = log
        self._trackers = trackers
        self._ways = ways
        self._retention = retention
        self._telemetry = telemetry
        self._clock = clock
        self._pause = min(TICK, self._retention / LOOKS)
        self._heard: list[tuple[int, Swept]] = []
        self._swept: dict[str, str] = {}
        self._walk: Iterator[tuple[str, AnyRow]] = iter(())
        self._arrivals: ArrivalsLeft | None = None
        self._announced_on: set[str] = set()
        self._asked_at = -math.inf

    def take(self, message: Swept, offset: int) -> None:
        """A sweep has told everything up to there by messages that lie before this one, which is at `offset`."""
        self._heard.append((offset, message))

    async def run(self) -> None:
        """Forget until cancelled."""
        while True:
            await self._clock.sleep(self._pause)
            self._hear()
            until = self._until()
            if until is not None and self._ways.may_look():
                await self._look(until)

    def _hear(self) -> None:
        """Sweeps whose hints are all decided."""
        finished = self._trackers[TopicRole.WORK].committable
        for offset, message in self._heard:
            if offset < finished:
                self._swept[message.clock] = max(message.until, self._swept.get(message.clock, ""))
        self._heard = [heard for heard in self._heard if heard[0] >= finished]

    def _until(self) -> str | None:
        """The end of what may be forgotten; None while a sweep has not said how far it is."""
        if not self._swept.keys() >= set(CLOCKS):
            return None
        # The earlier of two clocks: one that is wrong by a year must not empty the ledger.
        now = min(self._ways.now(), self._clock.now())
        return min(format_clock(now - timedelta(seconds=self._retention)), *self._swept.values())

    async def _look(self, until: str) -> None:
        count = self._rows_a_look()
        looked_at = dict(islice(self._walk, count))
        if len(looked_at) < count:
            self._walk = self._view.state.items()
        resting = {entity: row for entity in looked_at if (row := self._resting(entity)) is not None}
        undated = {e: row for e, row in resting.items() if isinstance(row, ImportRow) and life_end(row) is None}
        if undated:
            # Of an earlier version, and they say no time at all: their date is that of being written again.
            self._committer.submit(Outcome(rows=undated))
        over = {entity: row for entity, row in resting.items() if "" < (life_end(row) or "") <= until}
        kept = await self._readable({entity: row for entity, row in over.items() if isinstance(row, ImportRow)})
        # Somebody may have come meanwhile.
        gone = {e: row for e, row in over.items() if e not in kept and self._resting(e) == row}
        if gone:
            floor = raised(self._view.floor, gone.values())
            await self._committer.commit(Outcome(rows={self._floor_key: floor, **dict.fromkeys(gone)}))
            self._telemetry.forgotten(row.kind for row in gone.values())

    def _rows_a_look(self) -> int:
        round_seconds = min(ROUND, self._retention / ROUNDS)
        return min(max(math.ceil(len(self._view.state) * self._pause / round_seconds), FEWEST), MOST)

    def _resting(self, entity: str) -> AnyRow | None:
        """The row of an entity that nobody works on and that wants nothing."""
        row = self._view.get(entity)
        return row if row is not None and rests(row) and not self._ways.is_busy(entity) else None

    async def _readable(self, imports: Mapping[str, ImportRow]) -> set[str]:
        """Those of these imports that may be announced again, as far as anybody knows."""
        left = await self._arrivals_left(imports.values()) if imports else None
        return {entity for entity, row in imports.items() if left is None or _is_readable(row, left)}

    async def _arrivals_left(self, rows: Iterable[ImportRow]) -> ArrivalsLeft | None:
        """What the arrivals topic still holds; None while copies that were made before are not all decided."""
        self._announced_on.update(place for row in rows for place in row.announced)
        now = self._clock.monotonic()
        if now - self._asked_at >= telling_pause(self._retention):
            self._asked_at = now
            try:
                self._arrivals = await self._log.left_of_arrivals(self._announced_on)
            except KafkaUnavailable:
                # Whatever the owner does next tells more of it; this can wait.
                self._arrivals = None
        left = self._arrivals
        return left if left is not None and self._trackers[TopicRole.IMPORTS].committable >= left.copied else None


def _is_readable(row: ImportRow, left: ArrivalsLeft) -> bool:
    """Whether one of the announcements of an import may still be there."""
    return any(left.may_have(place, offset) for place, offset in row.announced.items())
