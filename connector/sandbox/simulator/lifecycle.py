"""How an annotation lives: the AI, the simulated reviewer and the export move it from status to status.

A document's fate is decided by its instructions. Whoever else moves the annotation meanwhile (API, control
endpoint) wins: each step first looks whether the annotation is still where the step found it.
"""

import asyncio
from dataclasses import dataclass, replace
from typing import Any

from connector.sandbox.simulator.background import Background
from connector.sandbox.simulator.behaviour import Behaviour
from connector.sandbox.simulator.clock import SimulatorClock
from connector.sandbox.simulator.hook_delivery import Deliveries
from connector.sandbox.simulator.model import API_USER, REVIEWER, STATUS_CLOCKS, Annotation, Document
from connector.sandbox.simulator.state import State

EXPORTING_SECONDS = 0.02  # how long an export takes when no hook has a say
REVIEWING_SECONDS = 0.02  # how long the simulated reviewer looks at a document
SPLIT_CHILDREN = 2
_UNREADABLE = {"content": "The file could not be processed.", "id": "all", "type": "error"}
_OTHER_EXTENSION = {"extension": "was here"}


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds from upload to ``to_review``, and from there to the reviewer; negative review = nobody."""

    processing: float
    review: float


class Lifecycle:
    """Moves annotations; every change of status goes through ``move``."""

    def __init__(self, state: State, clock: SimulatorClock, behaviour: Behaviour, pace: Pace) -> None:
        self._state = state
        self._clock = clock
        self._behaviour = behaviour
        self._pace = pace
        self._delayed: dict[tuple[int, str], int] = {}
        self._tied = (0, 0)
        self.background = Background()
        self.deliveries: Deliveries

    def begin(self, annotation: Annotation) -> None:
        """Start the life of a new annotation; returns at once."""
        self.background.spawn(self._live(annotation))

    def begin_export(self, annotation: Annotation, by: int = API_USER) -> None:
        """Start the export of an annotation; it is ``exporting`` when this returns."""
        previous = self._start_export(annotation, by)
        self.background.spawn(self._end_export(annotation, previous))

    async def export_now(self, annotation: Annotation) -> None:
        """Export an annotation and return when it has ended one way or the other."""
        previous = self._start_export(annotation, API_USER)
        await self._end_export(annotation, previous)

    def confirm(self, annotation: Annotation, by: int) -> None:
        """Confirm a reviewed annotation: the queue decides whether it is exported at once."""
        if self._state.queues[annotation.queue_id].use_confirmed_state:
            self.move(annotation, "confirmed", by)
        else:
            self.begin_export(annotation, by)

    def move(self, annotation: Annotation, status: str, by: int | None = None, **more: Any) -> None:
        """Change the status: its clock is set, hooks are told; ``by`` is the person who did it."""
        previous = annotation.status
        now = self._stamp()
        changes: dict[str, Any] = {"status": status, **more}
        if by is not None:
            changes |= {"modifier": by, "modified_at": now}
        if status == "reviewing":
            changes |= {"assigned_at": now, "holder": by}
        elif annotation.holder is not None:
            changes["holder"] = None
        if status == "exported":
            changes["exports"] = annotation.exports + 1
        changes |= self._clock_of(annotation, status, now)
        self._state.change(annotation, **changes)
        if previous != status:
            self.deliveries.status_changed(annotation, previous)

    def _clock_of(self, annotation: Annotation, status: str, now: int) -> dict[str, Any]:
        """The clock that the status sets, at once or after the delay."""
        clock = STATUS_CLOCKS.get(status)
        if clock is None:
            return {}
        if self._behaviour.clock_delay <= 0:
            return {clock: now}
        self._delayed[annotation.id, clock] = now
        self.background.spawn(self._show_clock(annotation, clock, now, self._behaviour.clock_delay))
        return {clock: None}

    async def _show_clock(self, annotation: Annotation, clock: str, value: int, delay: float) -> None:
        await asyncio.sleep(delay)
        if self._delayed.get((annotation.id, clock)) == value:
            del self._delayed[annotation.id, clock]
            self._state.change(annotation, **{clock: value})

    def _stamp(self) -> int:
        """The clock value of one status change; a group of ``tied_clocks`` in a row share theirs."""
        value, left = self._tied
        if left > 0 and self._behaviour.tied_clocks > 1:
            self._tied = (value, left - 1)
            return value
        now = self._clock.now()
        self._tied = (now, self._behaviour.tied_clocks - 1)
        return now

    async def _live(self, annotation: Annotation) -> None:
        asked = annotation.instructions
        if annotation.status == "created":
            self.move(annotation, "importing")
        await asyncio.sleep(self._pace.processing if asked.processing is None else asked.processing)
        if annotation.status != "importing" or not self._finish_import(annotation):
            return
        await self._review(annotation)
        if asked.re_export_after is not None and annotation.status == "exported":
            await asyncio.sleep(asked.re_export_after)
            if annotation.status == "exported":
                self.move(annotation, "to_review")
                await self._review(annotation)

    def _finish_import(self, annotation: Annotation) -> bool:
        """End the import; whether there is something to review."""
        more: dict[str, Any] = {"metadata": dict(_OTHER_EXTENSION)} if self._behaviour.overwrite_metadata else {}
        fate = annotation.instructions.fate
        if fate == "failed_import":
            self.move(annotation, "failed_import", messages=[_UNREADABLE], **more)
        elif fate == "split":
            self.split(annotation, **more)
        else:
            self.move(annotation, "to_review", **more)
            self.deliveries.initialized(annotation)
            return True
        return False

    def split(self, annotation: Annotation, **more: Any) -> None:
        """Make the children: new documents below its document, usually without its metadata; it is ``split`` then."""
        metadata = annotation.metadata if self._behaviour.inherit_metadata else {}
        root = self._state.documents[annotation.document_id]
        children = []
        for part in range(1, SPLIT_CHILDREN + 1):
            document = self._state.add_document(self._part_of(root, part))
            child = self._state.make_annotation(document, annotation.queue_id, dict(metadata), "importing")
            child.instructions = replace(annotation.instructions, fate="exported")
            children.append(child)
        self._state.relate("edit", None, annotation.id, [child.id for child in children])
        for child in children:
            self.begin(child)
        self.move(annotation, "split", **more)

    def _part_of(self, root: Document, part: int) -> Document:
        stem, dot, suffix = root.file_name.rpartition(".")
        name = f"{stem}_{part}.{suffix}" if dot else f"{root.file_name}_{part}"
        return Document(
            id=self._state.next_id("document"),
            file_name=name,
            sent_name=name,
            sha256=f"{int(root.sha256, 16) ^ part:064x}",
            md5="",
            size=root.size,
            mime_type=root.mime_type,
            created_at=self._clock.now(),
            born=self._clock.monotonic(),
            parent=root.id,
        )

    async def _review(self, annotation: Annotation) -> None:
        """Wait for the simulated reviewer and let them act out the document's fate."""
        asked = annotation.instructions
        wait = self._pace.review if asked.review is None else asked.review
        if wait < 0:
            return
        await asyncio.sleep(wait)
        if annotation.status != "to_review":
            return
        if asked.fate in {"postponed", "deleted"}:
            self.move(annotation, asked.fate, REVIEWER)
            return
        self.move(annotation, "reviewing", REVIEWER)
        await asyncio.sleep(REVIEWING_SECONDS)
        if annotation.status != "reviewing" or annotation.holder != REVIEWER:
            return
        if asked.fate == "rejected":
            self.move(annotation, "rejected", REVIEWER)
        elif self._state.queues[annotation.queue_id].use_confirmed_state:
            self.move(annotation, "confirmed", REVIEWER)
        else:
            previous = self._start_export(annotation, REVIEWER)
            await self._end_export(annotation, previous)

    def _start_export(self, annotation: Annotation, by: int) -> str:
        """Set ``exporting``; the status before is returned. Who reviewed it confirms it by that."""
        previous = annotation.status
        confirmed = self._clock_of(annotation, "confirmed", self._stamp()) if previous == "reviewing" else {}
        self.move(annotation, "exporting", by, **confirmed)
        return previous

    async def _end_export(self, annotation: Annotation, previous: str) -> None:
        """Ask the export hooks and end as ``exported`` or ``failed_export``."""
        taken = await self.deliveries.exporting(annotation, previous)
        await asyncio.sleep(EXPORTING_SECONDS)
        if annotation.status != "exporting":
            return
        if annotation.instructions.fate == "failed_export":
            # A person who tries again succeeds.
            annotation.instructions = replace(annotation.instructions, fate="exported")
            taken = False
        self.move(annotation, "exported" if taken else "failed_export")
