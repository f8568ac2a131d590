"""All annotations of one partition: hints in, canonical reads from Rossum, one outcome each.

An annotation has one decision in flight; hints that come meanwhile wait and merge. Reads go by batches because
Rossum answers for 100 ids in one call.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

from connector.domain import annotation_hints as promises
from connector.domain import annotation_state as rules
from connector.domain.annotation_hints import Need
from connector.domain.annotation_outcome import Seen, Subject, decide
from connector.domain.ids import AnnotationId, QueueId, annotation_entity
from connector.domain.messages import Hint, Linked, TwinOf
from connector.domain.outcome import NOTHING, Outcome
from connector.domain.push_facts import weighed
from connector.domain.readings import AnnotationReading, ExportReading
from connector.domain.split_parts import STEADY_FOR
from connector.engine.ancestry import Ancestry
from connector.engine.captured_reads import exports_by_queue, is_gone, is_wanted
from connector.engine.circuits import NO_SUCH_QUEUE
from connector.engine.claiming import Claiming
from connector.engine.committer import Committer
from connector.engine.ledger_view import LedgerView
from connector.engine.moves import tell_of_move
from connector.engine.open_set import OpenSet
from connector.engine.services import Services
from connector.engine.tickets import Ticket
from connector.engine.waiting_room import Batch, Kind, Waiting, WaitingRoom
from connector.errors import ConnectorError, NotOurs, Retryable, Throttled

#: Pauses (seconds) while Rossum shows less than was promised; the last one repeats.
LAG_PAUSES = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0)
#: Seconds before an annotation that showed a defect of ours is tried again.
DEFECT_PAUSE = 60.0
#: Seconds after which what Rossum shows is taken as it is: the open set and the sweeps look again.
LAG_PATIENCE = 60.0


class AnnotationDesk:
    """See the module."""

    def __init__(
        self, services: Services, view: LedgerView, committer: Committer, *, spawn: Callable[..., object]
    ) -> None:
        self._services = services
        self._view = view
        self._committer = committer
        self._spawn = spawn
        self._maker = services.annotations
        self._claiming = Claiming(services, committer, services.claimed_queues, spawn=spawn)
        self._ancestry = Ancestry(services, view)
        self._room = WaitingRoom(services.clock, kind_of=self._kind)
        self.open = OpenSet()

    @property
    def undecided(self) -> int:
        """Annotations that wait or are being read."""
        return len(self._room)

    def __contains__(self, annotation: AnnotationId) -> bool:
        return annotation in self._room

    def take(self, message: Hint | Linked | TwinOf, ticket: Ticket) -> None:
        """A message of the work log; needs no decision when the row knows all that it says."""
        if isinstance(message, Hint) and self._is_known(message):
            self._services.telemetry.hint_finished(message.via, "known")
            self._committer.finish(ticket, message.entity)
            return
        waiting = Waiting(self._services.clock.monotonic(), tickets=[ticket])
        if isinstance(message, Hint):
            waiting.hints.append(message)
            waiting.heard.append(message.via)
        elif isinstance(message, Linked):
            waiting.linked = message
        else:
            waiting.twin_of = message.original
        self._room.put(message.annotation, waiting)

    def reread(self, annotations: Iterable[AnnotationId]) -> None:
        """Read these again although nobody hinted."""
        for annotation in annotations:
            self._room.put(annotation, Waiting(self._services.clock.monotonic(), forced=True))

    def _is_known(self, hint: Hint) -> bool:
        row = self._view.annotation_row(hint.entity)
        return hint.annotation not in self._room and promises.is_known(row, hint, self._maker.policy)

    async def run(self) -> None:
        """Read and decide until cancelled."""
        while True:
            self._spawn(self._work(await self._room.next_batch()))

    def _kind(self, annotation: AnnotationId, waiting: Waiting) -> Kind:
        row = self._view.annotation_row(annotation_entity(annotation))
        if waiting.forced or waiting.listing:
            return Need.LISTING, None
        need = promises.need(row, waiting.hints, self._maker.policy)
        told = waiting.linked is not None or waiting.twin_of is not None
        if need is Need.NOTHING and told and (row is None or row.status in rules.UNFINISHED):
            return Need.LISTING, None
        return need, waiting.hints[0].queue if need is Need.EXPORT else None

    async def _work(self, batch: Batch) -> None:
        """Read and decide one batch; what could not be read waits again."""
        rossum = self._services.rossum
        try:
            if batch.need is Need.NOTHING:
                self._decide_known(batch)
            elif batch.need is Need.EXPORT and batch.queue is not None:
                exports = await rossum.exports(batch.queue, batch.members.keys())
                await self._by_export(batch, exports)
            else:
                await self._by_listing(batch, await rossum.annotations(batch.members.keys()))
            self._worked(batch.queue)
        except (Retryable, NotOurs) as error:
            pause = self._failed(error, batch.queue)
            for annotation, waiting in batch.members.items():
                if not waiting.handled:
                    self._again(annotation, waiting, pause=pause, lag=False)
        finally:
            self._room.free(batch)

    def _worked(self, queue: QueueId | None) -> None:
        self._services.circuit.worked()
        if (circuit := self._services.queues.of(queue)) is not None:
            circuit.worked()

    def _failed(self, error: Retryable | NotOurs, queue: QueueId | None) -> float:
        """The pause (seconds) that a failed read leads to; one queue that Rossum refuses stops alone."""
        circuit = self._services.queues.of(queue)
        if isinstance(error, NotOurs) and error.http_status in NO_SUCH_QUEUE and circuit is not None:
            return circuit.failed("not_ours")
        return self._services.circuit.failed(type(error).__name__)

    def _decide_known(self, batch: Batch) -> None:
        """Nothing to read: hints that the row covers meanwhile, and links."""
        for annotation, waiting in batch.members.items():
            row = self._view.annotation_row(annotation_entity(annotation))
            decision = decide(Subject(annotation, row, (), waiting.linked, waiting.twin_of), None, self._maker)
            self._finish(annotation, waiting, decision.outcome, "known")

    async def _by_export(self, batch: Batch, exports: Mapping[AnnotationId, ExportReading]) -> None:
        for annotation, waiting in batch.members.items():
            export = exports.get(annotation)
            reading = promises.reading_of_export(export, waiting.hints) if export else None
            row = self._view.annotation_row(annotation_entity(annotation))
            enough = reading is not None and not promises.is_lagging(row, waiting.hints, reading)
            if (
                export is None
                or reading is None
                or not enough
                or (waiting.linked is None and self._ancestry.is_stranger(reading))
            ):
                waiting.listing = waiting.handled = True
                self._room.put(annotation, waiting)
                continue
            await self._decide(annotation, waiting, Seen(reading, export))

    async def _by_listing(self, batch: Batch, readings: Mapping[AnnotationId, AnnotationReading]) -> None:
        ready: dict[AnnotationId, AnnotationReading] = {}
        for annotation, waiting in batch.members.items():
            waiting.first_read = waiting.first_read or self._services.clock.monotonic()
            reading = readings.get(annotation)
            if reading is None and waiting.tries >= len(LAG_PAUSES):
                reading = await self._services.rossum.annotation(annotation)
                if reading is None and self._out_of_patience(waiting):
                    self._finish(annotation, waiting, NOTHING, "gone")
                    continue
            row = self._view.annotation_row(annotation_entity(annotation))
            lagging = reading is None or promises.is_lagging(row, waiting.hints, reading)
            if reading is None or (lagging and not self._out_of_patience(waiting)):
                self._again(annotation, waiting)
            else:
                ready[annotation] = reading
        for annotation in await self._ancestry.link(batch, ready.values()):
            del ready[annotation]
            self._again(annotation, batch.members[annotation])
        exports, wanted = await self._exports_of(batch, ready)
        for annotation, reading in ready.items():
            await self._decide_listed(
                batch.members[annotation], reading, exports.get(annotation), wanted=annotation in wanted
            )

    async def _exports_of(
        self, batch: Batch, ready: dict[AnnotationId, AnnotationReading]
    ) -> tuple[dict[AnnotationId, ExportReading], set[AnnotationId]]:
        """The captured data of those that have an unpublished revision; those of a refused queue are not ready."""
        by_queue: dict[QueueId, list[AnnotationId]] = defaultdict(list)
        for annotation, reading in ready.items():
            hints = batch.members[annotation].hints
            row = rules.lifted(self._view.annotation_row(annotation_entity(annotation)), hints)
            replay = any(hint.replay for hint in hints)
            if is_wanted(row, reading, self._maker.policy, floor=self._view.forgotten_until, replay=replay):
                by_queue[reading.queue].append(annotation)
        found, refused = await exports_by_queue(self._services.rossum, by_queue)
        for queue, error in refused.items():
            members = {annotation: batch.members[annotation] for annotation in by_queue[queue]}
            for annotation in members:
                del ready[annotation]
            self._refused(queue, members, error)
        return found, {annotation for ids in by_queue.values() for annotation in ids}

    def _refused(self, queue: QueueId, members: Mapping[AnnotationId, Waiting], error: NotOurs) -> None:
        """Rossum does not give out the captured data of that queue."""
        if self._services.queues.of(queue) is None:
            # Moved to where we have no rights: nothing may wait for that. The open set looks again, ever less often.
            for annotation, waiting in members.items():
                self._services.telemetry.moved_out_of_reach(annotation, queue)
                self._finish(annotation, waiting, NOTHING, "out_of_reach")
            return
        pause = self._failed(error, queue)
        for annotation, waiting in members.items():
            self._again(annotation, waiting, pause=pause, lag=False)

    async def _decide_listed(
        self, waiting: Waiting, reading: AnnotationReading, export: ExportReading | None, *, wanted: bool
    ) -> None:
        annotation, patient = reading.id, not self._out_of_patience(waiting)
        if (
            wanted
            and export is None
            and (patient or not await is_gone(self._services.rossum, reading, self._maker.policy))
        ):
            self._again(annotation, waiting)
            return
        if export is not None:
            shown = rules.with_export(reading, export)
            if patient and promises.is_lagging(None, waiting.hints, shown):
                self._again(annotation, waiting)
                return
            reading = shown
        row = self._view.annotation_row(annotation_entity(annotation))
        children: tuple[AnnotationId, ...] = ()
        if reading.status == "split" and reading.document and not (row and "annotation.split" in row.published):
            shown_parts = await self._services.rossum.children(reading.document)
            parts = waiting.parts.told(shown_parts, now=self._services.clock.monotonic(), patient=patient)
            if parts is None:
                self._again(annotation, waiting, pause=STEADY_FOR if waiting.parts.shown else None)
                return
            children = parts
        await self._decide(
            annotation, waiting, Seen(reading, export, children, readable=not wanted or export is not None)
        )

    async def _decide(self, annotation: AnnotationId, waiting: Waiting, seen: Seen) -> None:
        try:
            await self._decide_one(annotation, waiting, seen)
        except Throttled as error:
            self._again(annotation, waiting, pause=error.retry_after, lag=False)
        except ConnectorError:
            raise
        except Exception as error:  # noqa: BLE001 - one annotation's defect must not stop all the others
            self._services.telemetry.failed_unexpectedly(f"annotation {annotation}", error)
            self._again(annotation, waiting, pause=DEFECT_PAUSE, lag=False)

    async def _decide_one(self, annotation: AnnotationId, waiting: Waiting, seen: Seen) -> None:
        row = self._view.annotation_row(annotation_entity(annotation))
        told = (tuple(waiting.hints), waiting.linked, waiting.twin_of)
        tell_of_move(row, seen.reading, self._services)
        decision = decide(Subject(annotation, row, *told, floor=self._view.forgotten_until), seen, self._maker)
        outcome = decision.outcome
        if self._services.claims is not None:
            # The annotation stays busy meanwhile, so its row is still the one that was decided on.
            outcome = await self._services.claims.secured(outcome)
        self._finish(annotation, waiting, outcome, "horizon" if decision.beyond else "read")

    def _finish(self, annotation: AnnotationId, waiting: Waiting, outcome: Outcome, how: str) -> None:
        telemetry, clock = self._services.telemetry, self._services.clock
        waiting.handled = True
        for via in waiting.heard:
            telemetry.hint_finished(via, how)
        for event in outcome.events:
            telemetry.first_seen(event.via, event.name)
        outcome = weighed(self._services.push, {hint.via for hint in waiting.hints}, outcome)
        if outcome.rows or outcome.events or outcome.messages or waiting.tickets:
            self._committer.submit(outcome, waiting.tickets)
        row = self._view.annotation_row(annotation_entity(annotation))
        if row is not None:
            self.open.note(annotation, row, now=clock.monotonic(), wall=clock.now())
            self._claiming.look(annotation, row)

    def _again(self, number: AnnotationId, waiting: Waiting, *, pause: float | None = None, lag: bool = True) -> None:
        if pause is None:
            pause = LAG_PAUSES[min(waiting.tries, len(LAG_PAUSES) - 1)]
        waiting.handled = True
        waiting.tries += lag
        waiting.not_before = self._services.clock.monotonic() + pause
        self._room.put(number, waiting)

    def _out_of_patience(self, waiting: Waiting) -> bool:
        """Whether Rossum has been asked for long enough; time in which it did not answer at all does not count."""
        now = self._services.clock.monotonic()
        return now - (now if waiting.first_read is None else waiting.first_read) > LAG_PATIENCE
