"""What a running connector tells about itself: health, open work, gauges. Reads only; changes nothing but pauses."""

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connector.clock import Clock
from connector.contracts.catalogue import TopicRole
from connector.domain.messages import SweepNow
from connector.domain.readings import CLOCKS
from connector.domain.rows import AnnotationRow, AnyRow, ImportRow, ImportState
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


class Status:
    """Implements the ops port's actions and feeds the gauges."""

    def __init__(self, app: Parts, clock: Clock) -> None:
        self._app = app
        self._clock = clock
        observe = app.telemetry.observe
        observe("undecided", lambda: {(): self._undecided()})
        observe("open_entities", self._open_counts)
        observe("oldest_open_seconds", self._oldest_open)
        observe("oldest_unfinished_seconds", self._oldest)
        observe("consumer_lag", app.group.lag)
        observe("parked_imports", lambda: {(): self._parked()})
        observe("ledger_rows", lambda: {(): self._rows()})
        observe("ambiguous_imports", lambda: {(): self._ambiguous()})
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

    def _ambiguous(self) -> float:
        return sum(isinstance(r, ImportRow) and r.state is ImportState.AMBIGUOUS for _, r in self._open_rows())

    def _open_counts(self) -> Mapping[tuple[str, ...], float]:
        counts: dict[tuple[str, ...], float] = {("import",): 0.0, ("annotation",): 0.0}
        for _, row in self._open_rows():
            counts[row.kind,] = counts.get((row.kind,), 0.0) + 1
        return counts

    def _oldest_open(self) -> Mapping[tuple[str, ...], float]:
        oldest: dict[tuple[str, ...], float] = {}
        for _, row in self._open_rows():
            age = self._age(_since(row))
            oldest[row.kind,] = max(oldest.get((row.kind,), 0.0), age)
        return oldest

    def _oldest(self) -> Mapping[tuple[str, ...], float]:
        now = self._clock.monotonic()
        oldest: dict[tuple[str, ...], float] = {(TopicRole.IMPORTS,): 0.0, (TopicRole.WORK,): 0.0}
        for owner in self._app.group.owners:
            for role, tracker in owner.trackers.items():
                since = tracker.oldest_since
                oldest[role,] = max(oldest[role,], now - since if since is not None else 0.0)
        return oldest

    def _open_rows(self) -> Iterator[tuple[str, AnyRow]]:
        for owner in self._app.group.owners:
            for entity in owner.state.open():
                row = owner.state.get(entity)
                if row is not None:
                    yield entity, row

    def _age(self, since: str | None) -> float:
        if not since:
            return 0.0
        return max((self._app.rossum.now() - datetime.fromisoformat(since)).total_seconds(), 0.0)

    # --- the ops port ----------------------------------------------------------------------------------------

    def is_alive(self) -> bool:
        """Whether the poll loops still turn; a broker that is away does not count."""
        return self._clock.monotonic() - self._app.group.alive_at < STUCK_AFTER

    def readiness(self) -> Mapping[str, str | None]:
        """Kafka, partitions, Rossum."""
        group = self._app.group
        opening = group.opening
        return {
            "kafka": None if group.is_member else "not a member of the consumer group",
            "partitions": f"{len(opening)} partitions are being opened" if opening else None,
            "rossum": "Rossum fails or refuses us" if self._app.circuit.failing else None,
        }

    def document(self, key: str) -> Any:
        """The rows of a document key on this replica."""
        found = {
            entity: row
            for owner in self._app.group.owners
            for entity, row in owner.state.items()
            if isinstance(row, (ImportRow, AnnotationRow)) and key in (_key(row), entity)
        }
        return {"document_key": key, "entities": found} if found else None

    def audit(self) -> Any:
        """What is open here, with stage and age."""
        found = [(self._age(_since(row)), entity, _stage(row)) for entity, row in self._open_rows()]
        oldest = heapq.nlargest(LISTED, found)
        listed = [{"entity": entity, "stage": stage, "age_seconds": round(age)} for age, entity, stage in oldest]
        return {"open": len(found), "ambiguous": int(self._ambiguous()), "oldest": listed}

    async def sweep_now(self) -> None:
        """Ask every sweep for a deep pass."""
        await self._app.work.send([SweepNow(clock, deep=True) for clock in CLOCKS])

    def pause(self, *, paused: bool) -> None:
        """Stop or go on copying arrivals."""
        self._app.intake.paused = paused


def _key(row: ImportRow | AnnotationRow) -> str:
    return row.document_key if isinstance(row, ImportRow) else row.key


def _stage(row: AnyRow) -> str:
    match row:
        case ImportRow():
            return f"import {row.state}" + (" (overdue)" if row.overdue else "")
        case AnnotationRow():
            return row.status
        case _:
            return row.kind


def _since(row: AnyRow) -> str | None:
    match row:
        case ImportRow():
            return row.accepted_at or row.intent_at or row.first_failure
        case AnnotationRow():
            return row.clocks.get("arrived_at")
        case _:
            return None
