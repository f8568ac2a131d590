"""What is done about strangers that carry the mark of an import: judged, told, and put out of the way where wanted."""

from collections.abc import Mapping
from dataclasses import replace

from connector.contracts.arrivals import ReceivedArrival
from connector.domain import import_state as rules
from connector.domain import twins
from connector.domain.ids import AnnotationId, ImportId
from connector.domain.import_outcome import ImportFacts
from connector.domain.outcome import NOTHING, Outcome
from connector.domain.readings import DocumentReading
from connector.domain.rows import ImportRow
from connector.engine.services import OnTwin, Services
from connector.errors import NotOurs, Rejected, Retryable

#: How far up a document's parents are followed: e-mail, archive, document, part.
GENERATIONS = 4
#: Seconds until something is done about a twin, and until it is tried again where it can't be done yet.
SOON, LOOK_AGAIN = 1.0, 30.0
#: What each wish makes of a twin.
_WANTED = {OnTwin.HOLD: "postponed", OnTwin.DELETE: "deleted"}
#: Rossum or a person is at it; it is looked at again.
_NOT_YET = frozenset({"created", "importing", "reviewing", "exporting"})
#: Statuses in which there is something to hold, or to delete.
_IN_TIME = {
    "postponed": frozenset({"to_review", "postponed", "confirmed", "in_workflow", "failed_export"}),
    "deleted": frozenset(
        {"to_review", "postponed", "confirmed", "in_workflow", "failed_export", "failed_import", "exported", "rejected"}
        | {"deleted"}
    ),
}
#: Of the original: without it the twin is the only one left.
_LOST = frozenset({"failed_import", "deleted", "purged"})


class TwinKeeper:
    """See the module."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._facts = ImportFacts(services.identity)

    async def judge(
        self, import_id: ImportId, row: ImportRow, received: ReceivedArrival | None
    ) -> tuple[ImportRow, Outcome]:
        """The row after strangers were told apart, and an event for each twin.

        Rossum may not be able to tell now: then they stay strangers, and the row is due soon.
        """
        if not twins.can_judge(row):
            return row, NOTHING
        try:
            roots = await self._roots(twins.to_read(row))
        except (Retryable, NotOurs):
            return self._later(row, LOOK_AGAIN), NOTHING
        judgement = twins.judged(row, roots)
        after = judgement.row if self._wanted else replace(judgement.row, pending=())
        # The event comes first: timers see a row only when it is committed.
        after = self._later(after, SOON) if after.pending else after
        outcome = NOTHING
        for twin in judgement.found:
            self._services.telemetry.twin("found", import_id, twin.document)
            outcome = outcome.and_then(self._facts.twin(import_id, after, received, twin, self._services.rossum.now()))
        return after, outcome

    @property
    def _wanted(self) -> str | None:
        return _WANTED.get(self._services.imports.on_twin)

    def _later(self, row: ImportRow, seconds: float) -> ImportRow:
        due = rules.later(self._services.rossum.now(), seconds)
        return replace(row, due=min(row.due or due, due))

    async def _roots(self, documents: set[int]) -> Mapping[int, DocumentReading]:
        """The root of each document that is still there."""
        known: dict[int, DocumentReading] = {}
        asked = documents
        for _ in range(GENERATIONS):
            if asked:
                known.update(await self._services.rossum.documents(asked))
            asked = {int(d.parent) for d in known.values() if d.parent is not None} - known.keys()
        return {number: _root(known[number], known) for number in documents if number in known}

    async def put_away(self, import_id: ImportId, row: ImportRow) -> ImportRow:
        """Hold or delete the twins that wait for it, as far as their status allows; the row afterwards."""
        first = twins.original(row)
        wanted = self._wanted
        if wanted is None or first is None:
            return replace(row, pending=())
        try:
            left = await self._put_away(import_id, row, first, wanted)
        except (Retryable, NotOurs):
            left = row.pending
        row = replace(row, pending=left)
        return replace(row, due=rules.later(self._services.rossum.now(), LOOK_AGAIN)) if left else row

    async def _put_away(self, import_id: ImportId, row: ImportRow, first: AnnotationId, wanted: str) -> tuple[int, ...]:
        readings = await self._services.rossum.annotations({first, *map(AnnotationId, row.pending)})
        left = []
        for annotation in map(AnnotationId, row.pending):
            status = readings[annotation].status if annotation in readings else "purged"
            document = row.twins[str(annotation)]
            if first not in readings or readings[first].status in _LOST:
                self._services.telemetry.twin("kept", import_id, document)
            elif status in _NOT_YET:
                left.append(annotation)
            elif status not in _IN_TIME[wanted]:
                self._services.telemetry.twin("too_late", import_id, document)
            elif status == wanted or await self._set(annotation, wanted):
                self._services.telemetry.twin(wanted, import_id, document)
            else:
                left.append(annotation)
        return tuple(left)

    async def _set(self, annotation: AnnotationId, wanted: str) -> bool:
        """Whether it is done, or the annotation is gone; Rossum refuses what somebody is working on."""
        try:
            await self._services.rossum.set_status(annotation, wanted)
        except Rejected:
            return False
        return True


def _root(document: DocumentReading, known: Mapping[int, DocumentReading]) -> DocumentReading:
    while document.parent is not None and document.parent in known:
        document = known[document.parent]
    return document
