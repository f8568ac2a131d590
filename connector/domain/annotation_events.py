"""Turns a fact about an annotation into its event."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from connector.contracts import events as contracts
from connector.contracts.captured import captured_fields
from connector.contracts.captured_form import CapturedForm, selected
from connector.contracts.envelope import Event
from connector.domain.annotation_state import FIRST, Fact
from connector.domain.identity import Identity
from connector.domain.ids import AnnotationId, annotation_entity, format_clock
from connector.domain.messages import Hint, Via
from connector.domain.readings import AnnotationReading, ExportReading
from connector.domain.rows import AnnotationRow

#: The first source that spoke of a fact is how it was observed.
_ORDER = (Via.WEBHOOK, Via.SWEEP, Via.REPLAY, Via.READ)


def shown_revision(row: AnnotationRow, name: str, revision: str) -> str:
    """A published revision as its event has it: `first` also where the clock appeared later."""
    return "first" if revision.startswith(FIRST) or row.adopted.get(name) == revision else revision


def id_revision(name: str, revision: str, capture: str | None) -> str:
    """What of a fact makes its event's id: of a captured revision its status too, of others the revision alone.

    A superseded revision is the clock that was replaced, whatever its status was.
    """
    return f"{capture}@{revision}" if capture and name == "annotation.captured" else revision


def annotation_info(reading: AnnotationReading) -> contracts.AnnotationInfo:
    """An annotation as events tell of it."""
    clocks = reading.clocks
    return contracts.AnnotationInfo(
        id=reading.id,
        url=reading.url,
        status=reading.status,
        queue=reading.queue,
        schema=reading.schema,
        automated=reading.automated,
        arrived_at=clocks.get("arrived_at"),
        confirmed_at=clocks.get("confirmed_at"),
        exported_at=clocks.get("exported_at"),
        modified_at=reading.modified_at,
        modifier=reading.modifier,
    )


@dataclass(frozen=True, slots=True)
class Sight:
    """Everything that an event about an annotation may tell."""

    annotation: AnnotationId
    row: AnnotationRow
    reading: AnnotationReading
    export: ExportReading | None
    children: Sequence[AnnotationId]
    hints: Sequence[Hint]


class AnnotationEvents:
    """Makes the events of one annotation."""

    def __init__(self, identity: Identity, sight: Sight, form: CapturedForm) -> None:
        self._identity = identity
        self._sight = sight
        self._form = form
        self._models: dict[str, Callable[[Fact], BaseModel]] = {
            "annotation.ready": lambda _: contracts.AnnotationReady(**self._shared()),
            "annotation.confirmed": lambda _: contracts.AnnotationConfirmed(**self._shared()),
            "annotation.postponed": lambda _: contracts.AnnotationPostponed(**self._shared()),
            "annotation.export_failed": lambda _: contracts.AnnotationExportFailed(**self._shared()),
            "annotation.rejected": lambda _: contracts.AnnotationRejected(**self._shared()),
            "annotation.deleted": lambda _: contracts.AnnotationDeleted(**self._shared()),
            "annotation.purged": lambda _: contracts.AnnotationPurged(**self._shared()),
            "annotation.split": self._split,
            "annotation.superseded": self._superseded,
            "annotation.captured": self._captured,
        }

    def event(self, fact: Fact) -> Event:
        """The event of a fact."""
        sight, entity = self._sight, annotation_entity(self._sight.annotation)
        return Event(
            id=self._identity.event_id(entity, fact.name, id_revision(fact.name, fact.revision, fact.capture)),
            name=fact.name,
            source=self._identity.source(sight.reading.queue),
            subject=f"annotations/{sight.annotation}",
            time=fact.time or format_clock(sight.reading.at),
            key=sight.row.key,
            revision=fact.revision,
            via=self._via(),
            data=self._models[fact.name](fact),
            import_id=sight.row.import_id,
            causation=sight.row.origin.get("causation"),
            traceparent=sight.row.origin.get("traceparent"),
            tracestate=sight.row.origin.get("tracestate"),
            replay=next((hint.replay for hint in sight.hints if hint.replay), None),
        )

    def _via(self) -> Via:
        told = {hint.via for hint in self._sight.hints}
        return next((via for via in _ORDER if via in told), Via.READ)

    def _shared(self) -> dict[str, Any]:
        sight = self._sight
        return {
            "document_key": sight.row.key,
            "import_id": sight.row.import_id,
            "annotation": annotation_info(sight.reading),
            "document": self._document(),
            "metadata": dict(sight.reading.metadata),
            "root": sight.row.root,
        }

    def _document(self) -> contracts.DocumentInfo | None:
        sight = self._sight
        document = sight.reading.document
        if document is None:
            return None
        return contracts.DocumentInfo(
            id=document,
            url=f"{self._identity.base_url}/documents/{document}",
            file_name=sight.export.file_name if sight.export else None,
        )

    def _split(self, _fact: Fact) -> BaseModel:
        return contracts.AnnotationSplit(**self._shared(), children=list(self._sight.children))

    def _superseded(self, fact: Fact) -> BaseModel:
        published = self._sight.row.published.get(f"annotation.captured:{fact.capture}")
        current = published if published and published != fact.revision else None
        return contracts.AnnotationSuperseded(**self._shared(), superseded=fact.revision, current=current)

    def _captured(self, fact: Fact) -> BaseModel:
        export = self._sight.export
        content = export.content if export else []
        whole = captured_fields(content, export.types) if export else ({}, {})
        fields, tables = selected(*whole, self._form.of(self._sight.reading.queue))
        return contracts.AnnotationCaptured(
            **self._shared(),
            revision_count=self._sight.row.counts.get(fact.capture or "", 1),
            duplicate_of=self._sight.row.twin_of,
            fields=fields,
            tables=tables,
            content=content if self._form.content else None,
        )
