"""All objects of the simulated organisation, and the only place that changes them."""

import copy
import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from connector.sandbox.simulator.behaviour import Behaviour
from connector.sandbox.simulator.clock import SimulatorClock
from connector.sandbox.simulator.indexes import ClockIndexes
from connector.sandbox.simulator.model import (
    WORKSPACE,
    Annotation,
    Document,
    Hook,
    ImportTask,
    Json,
    Queue,
    Relation,
    Schema,
    Upload,
    Workspace,
)

# Each kind counts from its own start, so that an id used for the wrong kind finds nothing.
_FIRST_SCHEMA = 31336
_STARTS = {
    "annotation": 314528,
    "document": 1015877,
    "upload": 2046,
    "task": 60024,
    "hook": 1500,
    "relation": 900,
    "queue": 8300,
    "schema": 31400,
    "workspace": 7600,
    "users": 10775,
    "groups": 1,
    "inboxes": 1229,
    "emails": 96743,
    "email_templates": 1501,
    "connectors": 1600,
    "rules": 1700,
    "labels": 1800,
    "document_relations": 1900,
    "engines": 3000,
    "engine_fields": 3500,
}


class State:
    """Queues, documents, annotations, uploads, tasks, relations and hooks, by id."""

    def __init__(self, queues: Iterable[tuple[int, str]], clock: SimulatorClock, behaviour: Behaviour) -> None:
        self.queues = {
            number: Queue(number, name, _FIRST_SCHEMA + place) for place, (number, name) in enumerate(queues)
        }
        self.schemas = {
            queue.schema_id: Schema(queue.schema_id, f"Schema of {queue.name}") for queue in self.queues.values()
        }
        self.workspaces = {WORKSPACE: Workspace(WORKSPACE, "Sandbox")}
        #: Objects that are only kept, by the name of their resource and their id.
        self.objects: defaultdict[str, dict[int, Json]] = defaultdict(dict)
        self.annotations: dict[int, Annotation] = {}
        self.documents: dict[int, Document] = {}
        self.documents_by_name: dict[str, list[Document]] = {}
        self.uploads: dict[int, Upload] = {}
        self.tasks: dict[int, ImportTask] = {}
        self.relations: dict[int, Relation] = {}
        self.hooks: dict[int, Hook] = {}
        self.accepted: Counter[tuple[str, str]] = Counter()
        self.counts: Counter[tuple[int, str]] = Counter()
        self.indexes = ClockIndexes()
        self.version = 0
        self._clock = clock
        self._behaviour = behaviour
        self._ids = {kind: itertools.count(start) for kind, start in _STARTS.items()}
        self._by_md5: dict[str, list[int]] = {}

    def next_id(self, kind: str) -> int:
        """The next free id of that kind of object."""
        return next(self._ids[kind])

    def add_document(self, document: Document) -> Document:
        """Keep a new document."""
        self.documents[document.id] = document
        self.documents_by_name.setdefault(document.file_name, []).append(document)
        return document

    def forget_document(self, document: Document) -> None:
        """Remove a document that has no annotation."""
        del self.documents[document.id]
        self.documents_by_name[document.file_name].remove(document)

    def make_annotation(self, document: Document, queue_id: int, metadata: Json, status: str) -> Annotation:
        """Put the document into a queue; identical content becomes a ``duplicate`` relation."""
        now = self._clock.now()
        born = self._clock.monotonic()
        number = self.next_id("annotation")
        annotation = Annotation(number, document.id, queue_id, status, now, document.created_at, born, metadata)
        self._keep(document, annotation)
        self.indexes.add(annotation)
        if document.md5:
            self._relate_duplicates(document.md5, annotation)
        return annotation

    def add_finished(self, made: list[tuple[Document, Annotation]]) -> None:
        """Keep many documents with their annotations at once; they are nobody's duplicates."""
        for document, annotation in made:
            self.add_document(document)
            self._keep(document, annotation)
        self.indexes.add_many([annotation for _, annotation in made])

    def _keep(self, document: Document, annotation: Annotation) -> None:
        self.annotations[annotation.id] = annotation
        document.annotations.append(annotation.id)
        self.counts[annotation.queue_id, annotation.status] += 1
        self.version += 1

    def _relate_duplicates(self, md5: str, annotation: Annotation) -> None:
        alike = self._by_md5.setdefault(md5, [])
        alike.append(annotation.id)
        if len(alike) == 1:
            return
        relation = next((r for r in map(self.relations.get, self._relations_of(alike[0])) if r and r.key == md5), None)
        if relation is None:
            self.relate("duplicate", md5, None, list(alike))
        else:
            relation.annotations.append(annotation.id)
            self.change(annotation, relations=(*annotation.relations, relation.id))

    def _relations_of(self, annotation_id: int) -> tuple[int, ...]:
        return self.annotations[annotation_id].relations

    def relate(self, kind: str, key: str | None, parent: int | None, annotations: list[int]) -> Relation:
        """Make a relation and note it on each annotation that takes part."""
        relation = Relation(self.next_id("relation"), kind, key, parent, annotations)
        self.relations[relation.id] = relation
        for number in annotations:
            annotation = self.annotations[number]
            self.change(annotation, relations=(*annotation.relations, relation.id))
        return relation

    def change(self, annotation: Annotation, **changes: Any) -> None:
        """Set attributes of an annotation; indexes, counts and the past that lagging lists show follow."""
        if self._behaviour.list_lag > 0:
            self._remember(annotation)
        self.indexes.remove(annotation)
        self.counts[annotation.queue_id, annotation.status] -= 1
        for name, value in changes.items():
            setattr(annotation, name, value)
        self.counts[annotation.queue_id, annotation.status] += 1
        self.indexes.add(annotation)
        self.version += 1

    def _remember(self, annotation: Annotation) -> None:
        now = self._clock.monotonic()
        past = copy.copy(annotation)
        past.history = None
        oldest = now - self._behaviour.list_lag
        kept = [entry for entry in annotation.history or () if entry[0] > oldest]
        annotation.history = [*kept, (now, past)]

    def lagged(self, annotation: Annotation) -> Annotation | None:
        """The annotation as lists show it now; None while they do not show it yet."""
        lag = self._behaviour.list_lag
        if lag <= 0:
            return annotation
        then = self._clock.monotonic() - lag
        if annotation.born > then:
            return None
        return next((past for until, past in annotation.history or () if until > then), annotation)

    def hooks_for(self, event: str, queue_id: int) -> list[Hook]:
        """The active hooks that want this event (``event.action``) of this queue."""
        return [hook for hook in self.hooks.values() if hook.wants(event, queue_id)]

    def holds_identical(self, name: str, sha256: str) -> bool:
        """Whether a document of that name and content was ever accepted."""
        return self.accepted[name, sha256] > 0

    def move_name(self, document: Document, name: str, *, purged: bool) -> None:
        """Show the document under another name."""
        self.documents_by_name[document.file_name].remove(document)
        document.file_name = name
        document.purged = purged
        self.documents_by_name.setdefault(name, []).append(document)
