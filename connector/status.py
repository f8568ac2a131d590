"""What a running connector tells about itself: health, open work, gauges. Reads only; changes nothing but pauses."""

import asyncio
import heapq
import itertools
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connector.clock import Clock
from connector.contracts.catalogue import TopicRole
from connector.domain.ids import import_entity
from connector.domain.messages import SweepNow
from connector.domain.readings import CLOCKS
from connector.domain.rows import AnnotationRow, AnyRow, ImportRow, ImportState
from connector.domain.stages import open_since, stage
from connector.engine.circuits import Circuit
from connector.kafka.group import OwnerGroup
from connector.kafka.intake import Intake
from connector.ports import Rossum, WorkLog
from connector.rossum.budget import Budget
from connector.telemetry import Telemetry

#: Seconds without a poll after which the process counts as stuck.
STUCK_AFTER = 60.0
#: Open entities that an answer lists at most.
LISTED = 1_000
#: Rows that are counted in one go, about a millisecond: webhooks and commits come between.
ROWS_A_SLICE = 1_000
#: Seconds that a count of open work is good for; several collectors of metrics cost no more than one.
FRESH = 5.0
_NEVER = "~"
#: What can be open.
KINDS = (ImportRow.kind, AnnotationRow.kind)


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of the app that are looked at."""

    telemetry: Telemetry
    rossum: Rossum
    work: WorkLog
    intake: Intake
    group: OwnerGroup
    circuit: Circuit
    budget: Budget


@dataclass(slots=True)
class Census:
    """What is open on this replica, counted once.

    Attributes:
        open: How many, by kind.
        oldest: The longest open ones: since when (clock text), entity, stage.
        since: When the oldest of each kind came.
        stages: How many, by stage, and when the oldest of them came.
    """

    open: Counter[str] = field(default_factory=Counter)
    ambiguous: int = 0
    oldest: list[tuple[str, str, str]] = field(default_factory=list)
    since: dict[str, str] = field(default_factory=dict)
    stages: dict[str, tuple[int, str]] = field(default_factory=dict)

    def add(self, rows: list[tuple[str, AnyRow]]) -> None:
        """Take in some rows."""
        staged: list[tuple[str, str, str]] = []
        for entity, row in rows:
            since, at = open_since(row) or _NEVER, stage(row)
            self.open[row.kind] += 1
            self.ambiguous += isinstance(row, ImportRow) and row.state is ImportState.AMBIGUOUS
            self.since[row.kind] = min(self.since.get(row.kind, _NEVER), since)
            count, oldest = self.stages.get(at, (0, _NEVER))
            self.stages[at] = count + 1, min(oldest, since)
            staged.append((since, entity, at))
        self.oldest = heapq.nsmallest(LISTED, [*self.oldest, *staged])


class Status:
    """Implements the ops port's actions and feeds the gauges."""

    def __init__(self, app: Parts, clock: Clock) -> None:
        self._app = app
        self._clock = clock
        self._census = Census()
        self._counted_at = float("-inf")
        self._counting = asyncio.Lock()
        observe = app.telemetry.observe
        observe("undecided", lambda: {(): self._undecided()})
        observe("open_entities", self._open_counts)
        observe("oldest_open_seconds", self._oldest_open)
        observe("oldest_unfinished_seconds", self._oldest)
        observe("consumer_lag", lambda: {**app.group.lag(), **app.intake.lag()})
        observe("parked_imports", lambda: {(): self._parked()})
        observe("ledger_rows", lambda: {(): self._rows()})
        observe("ambiguous_imports", lambda: {(): self._census.ambiguous})
        observe("intake_paused", lambda: {(): app.intake.paused})
        observe("api_budget_waiting", lambda: {(lane.value,): n for lane, n in app.budget.waiting.items()})
        observe("api_budget_rate", lambda: {(): app.budget.rate})
        observe("api_budget_paused_seconds", lambda: {(): app.budget.paused_for})

    # --- gauges ----------------------------------------------------------------------------------------------

    def _undecided(self) -> float:
        return sum(owner.annotations.undecided for owner in self._app.group.owners)

    def _parked(self) -> float:
        return sum(owner.imports.parked for owner in self._app.group.owners)

    def _rows(self) -> float:
        return sum(len(owner.state) for owner in self._app.group.owners)

    def _open_counts(self) -> Mapping[tuple[str, ...], float]:
        return {(kind,): self._census.open[kind] for kind in KINDS}

    def _oldest_open(self) -> Mapping[tuple[str, ...], float]:
        return {(kind,): self._age(self._census.since.get(kind)) for kind in KINDS}

    def _oldest(self) -> Mapping[tuple[str, ...], float]:
        now = self._clock.monotonic()
        oldest: dict[tuple[str, ...], float] = {(TopicRole.IMPORTS,): 0.0, (TopicRole.WORK,): 0.0}
        for owner in self._app.group.owners:
            for role, tracker in owner.trackers.items():
                since = tracker.oldest_since
                oldest[role,] = max(oldest[role,], now - since if since is not None else 0.0)
        return oldest

    async def refresh(self) -> None:
        """Count the open work anew, unless that was just done."""
        async with self._counting:
            if self._clock.monotonic() - self._counted_at >= FRESH:
                self._census = await self._count()
                self._counted_at = self._clock.monotonic()

    async def _count(self) -> Census:
        census = Census()
        for rows in self._slices():
            census.add(rows)
            await asyncio.sleep(0)
        return census

    def _slices(self) -> Iterator[list[tuple[str, AnyRow]]]:
        """All open rows; one that changes meanwhile is shown as it was or as it is."""
        for owner in self._app.group.owners:
            entities = iter(owner.state.open())
            while some := list(itertools.islice(entities, ROWS_A_SLICE)):
                yield [(entity, row) for entity in some if (row := owner.state.get(entity)) is not None]

    def _age(self, since: str | None) -> float:
        if since is None or since == _NEVER:
            return 0.0
        return max((self._app.rossum.now() - datetime.fromisoformat(since)).total_seconds(), 0.0)

    # --- the ops port ----------------------------------------------------------------------------------------

    def is_alive(self) -> bool:
        """Whether both poll loops still turn; a broker that is away does not count."""
        turned = min(self._app.group.alive_at, self._app.intake.alive_at)
        return self._clock.monotonic() - turned < STUCK_AFTER

    def readiness(self) -> Mapping[str, str | None]:
        """What it takes to store webhooks and to own partitions. Not Rossum: its hooks must not get lost as well."""
        group = self._app.group
        opening = group.opening
        return {
            "kafka": None if group.is_member else "not a member of the consumer group, or the broker does not answer",
            "partitions": f"{len(opening)} partitions are being opened" if opening else None,
        }

    def warnings(self) -> Mapping[str, str]:
        """Rossum, while nothing or little can be asked of it; arrivals, while they can't be copied."""
        rossum = "Rossum fails or refuses us" if self._app.circuit.failing else None
        found = {"rossum": rossum, "intake": self._app.intake.complaint}
        return {name: complaint for name, complaint in found.items() if complaint is not None}

    async def document(self, key: str) -> Any:
        """The rows of a document key on this replica."""
        found: dict[str, AnyRow] = {}
        for owner in self._app.group.owners:
            rows = owner.state.items()
            # One whose partition went away meanwhile has rows no more.
            while owner in self._app.group.owners and (some := list(itertools.islice(rows, ROWS_A_SLICE))):
                found.update((entity, row) for entity, row in some if _is_of(row, entity, key))
                await asyncio.sleep(0)
        return {"document_key": key, "entities": found} if found else None

    async def audit(self) -> Any:
        """What is open on this replica: totals by stage, and the oldest with age, due time and reason."""
        census = await self._count()
        parked = {import_entity(i) for owner in self._app.group.owners for i in owner.imports.parked_imports}
        stages = [
            {"stage": name, "count": count, "oldest_seconds": round(self._age(since))}
            for name, (count, since) in sorted(census.stages.items())
        ]
        return {
            "partitions": sorted(owner.partition for owner in self._app.group.owners),
            "open": census.open.total(),
            "ambiguous": census.ambiguous,
            "parked": len(parked),
            "stages": stages,
            "oldest": [self._shown(since, entity, at, parked) for since, entity, at in census.oldest],
        }

    def _shown(self, since: str, entity: str, at: str, parked: Collection[str]) -> dict[str, Any]:
        rows = (owner.state.get(entity) for owner in self._app.group.owners)
        row = next((row for row in rows if row is not None), None)
        shown: dict[str, Any] = {"entity": entity, "stage": at, "age_seconds": round(self._age(since))}
        if isinstance(row, ImportRow):
            shown |= {"parked": entity in parked, "due": row.due, "reason": row.reason}
        return shown

    async def sweep_now(self) -> None:
        """Ask every sweep for a deep pass."""
        await self._app.work.send([SweepNow(clock, deep=True) for clock in CLOCKS])

    def pause(self, *, paused: bool) -> None:
        """Stop or go on copying arrivals."""
        self._app.intake.paused = paused


def _is_of(row: AnyRow, entity: str, key: str) -> bool:
    return isinstance(row, (ImportRow, AnnotationRow)) and key in (_key(row), entity)


def _key(row: ImportRow | AnnotationRow) -> str:
    return row.document_key if isinstance(row, ImportRow) else row.key
