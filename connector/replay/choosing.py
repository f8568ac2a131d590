"""Which annotations a replay is about: by id, by document key, or by queue and time."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from connector.domain.ids import AnnotationId, QueueId
from connector.domain.rows import AnnotationRow, AnyRow, ImportRow
from connector.window_listing import Window


@dataclass(frozen=True, slots=True)
class Selection:
    """What a person named; `window` alone means all configured queues.

    Attributes:
        documents: Document keys, as on the records.
        names: Events that are wanted.
    """

    names: tuple[str, ...]
    annotations: frozenset[AnnotationId] = frozenset()
    documents: frozenset[str] = frozenset()
    queues: frozenset[QueueId] = frozenset()
    window: Window | None = None

    @property
    def needs_ledger(self) -> bool:
        """Whether rows must be searched for annotations that nobody has named."""
        return bool(self.documents or self.window)

    def wants(self, row: AnnotationRow) -> bool:
        """Whether a row belongs to it: by its key, or by a published revision of its window."""
        if row.key in self.documents:
            return True
        if self.window is None or row.queue not in self.queues:
            return False
        return any(
            self.window.holds(revision) and key.partition(":")[0] in self.names
            for key, revision in row.published.items()
        )


@dataclass(slots=True)
class Choice:
    """A ledger partition while it is searched; takes rows as :class:`connector.kafka.restore.RowSink` does.

    Attributes:
        found: Annotations of the selection.
    """

    selection: Selection
    found: set[AnnotationId] = field(default_factory=set)
    ledger_end: int = 0
    _of_imports: dict[str, set[AnnotationId]] = field(default_factory=dict)

    def apply(self, rows: Mapping[str, AnyRow | None], *, ledger_end: int) -> None:
        """Take in rows; a later one of the same entity decides."""
        for entity, row in rows.items():
            kind, _, number = entity.partition("/")
            if isinstance(row, ImportRow) and row.document_key in self.selection.documents:
                self._of_imports[entity] = {AnnotationId(int(annotation)) for annotation in row.annotations}
            elif isinstance(row, AnnotationRow) and self.selection.wants(row):
                self.found.add(AnnotationId(int(number)))
            elif kind == AnnotationRow.kind:
                self.found.discard(AnnotationId(int(number)))
        self.ledger_end = ledger_end

    @property
    def everything(self) -> set[AnnotationId]:
        """What was found here, and annotations of imports that were: their rows may lie elsewhere."""
        return self.found.union(*self._of_imports.values())


@dataclass(slots=True)
class Rows:
    """A ledger partition folded down to the rows of some annotations; a row sink too."""

    annotations: Collection[AnnotationId]
    rows: dict[AnnotationId, AnnotationRow] = field(default_factory=dict)
    ledger_end: int = 0

    def apply(self, rows: Mapping[str, AnyRow | None], *, ledger_end: int) -> None:
        """Keep those that are asked for."""
        for entity, row in rows.items():
            kind, _, number = entity.partition("/")
            if kind != AnnotationRow.kind or AnnotationId(int(number)) not in self.annotations:
                continue
            if isinstance(row, AnnotationRow):
                self.rows[AnnotationId(int(number))] = row
            else:
                self.rows.pop(AnnotationId(int(number)), None)
        self.ledger_end = ledger_end
