"""The rows of the ledger: the small state of one entity each, and how they are written.

A row's key is its entity. Three facts of a row are indexed by every state store: `due` (when it wants to be looked
at), `open` (not at rest yet) and `held` (the lowest offset of `imports` that it still needs). Every row keeps in
`later` the fields that only a later version knows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, ClassVar, Self

import orjson

from connector.domain.floor import FloorRow
from connector.domain.gathers import GatherRow, GatherState
from connector.domain.row_shape import Resting, UnknownRow

#: Statuses after which Rossum does nothing more by itself. `confirmed` and `failed_export` are not among them.
AT_REST = frozenset({"exported", "rejected", "deleted", "purged", "split", "failed_import"})


class ImportState(StrEnum):
    """Where an import stands.

    waiting ──▶ intent ──▶ accepted ──▶ completed   (an identical document that Rossum refused ends as completed too)
       │          │  ▲         │
       │          ▼  │         ▼
       └──────▶ failed ◀───────┘          intent ──▶ ambiguous (shown by `audit`; a mark seen later adopts it)
    """

    #: Not uploaded; `due` says when to try (again).
    WAITING = "waiting"
    #: An upload may be under way or its outcome unknown.
    INTENT = "intent"
    #: Rossum has it; which annotations came of it is not known yet, or they are still importing.
    ACCEPTED = "accepted"
    #: All annotations known and imported. Terminal.
    COMPLETED = "completed"
    #: `import.failed` was published. Terminal until a later announcement raises the generation.
    FAILED = "failed"
    #: Cannot be decided by looking; a person must.
    AMBIGUOUS = "ambiguous"


@dataclass(frozen=True, slots=True)
class ImportRow:
    """One import.

    Attributes:
        generation: One more after each failure; starts above those of forgotten imports, `born` is its first.
        announced: Per partition of an arrivals topic the highest offset taken into account.
        held: Offset in `imports` of the copy, until the end is known.
        file_name: As sent; the resolver looks for it.
        sha256: Of what was sent, where known.
        intent_at: Rossum's time when the upload was about to start.
        first_intent: The same of the first upload of this generation.
        annotations: Annotation id (text) to the last status told by its owner.
        documents: Root documents that are the import's own.
        expected: All annotation ids, once task and upload object said so.
        not_ours: Annotations that look alike and whose owners said that they belong to another import.
        earlier: Annotations of earlier generations.
        strangers: Annotation id (text) to a document that may be a twin: not judged yet.
        twins: Annotation id (text) to the root document of a twin.
        pending: Annotations of twins that are still to be held or deleted.
        refused: Rossum refused the upload as identical to another document.
        ended: When the last word of its end was written (Rossum's time); rows of earlier versions lack it.
        gather: The upload of several documents that the last attempt was a part of.
        alone: Such an upload failed and one of its documents may be why: it goes up by itself.
    """

    kind: ClassVar[str] = "import"

    state: ImportState
    document_key: str
    generation: int = 1
    announced: Mapping[str, int] = field(default_factory=dict)
    causation: str | None = None
    traceparent: str | None = None
    tracestate: str | None = None
    queue: int | None = None
    held: int | None = None
    due: str | None = None
    attempt: int = 0
    first_failure: str | None = None
    reason: str | None = None
    file_name: str | None = None
    size: int | None = None
    sha256: str | None = None
    single: bool = True
    intent_at: str | None = None
    looks: int = 0
    task: str | None = None
    accepted_at: str | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)
    documents: tuple[int, ...] = ()
    expected: tuple[int, ...] | None = None
    overdue: bool = False
    first_intent: str | None = None
    not_ours: tuple[int, ...] = ()
    earlier: tuple[int, ...] = ()
    strangers: Mapping[str, int] = field(default_factory=dict)
    twins: Mapping[str, int] = field(default_factory=dict)
    pending: tuple[int, ...] = ()
    refused: bool | None = None
    ended: str | None = None
    gather: str | None = None
    alone: bool | None = None
    born: int = 1
    later: Mapping[str, Any] = field(default_factory=dict)

    @property
    def open(self) -> bool:
        """Until completed or failed."""
        return self.state not in ENDED


@dataclass(frozen=True, slots=True)
class AnnotationRow(Resting):
    """One annotation.

    Attributes:
        key: The key of its events; fixed once `published` is not empty.
        clocks: The newest value seen of each clock.
        published: Event name (for captured: name and status) to the newest published revision.
        captures: Capture status to the revisions that were captured or superseded, ascending, the newest few; `first`
            only where it was superseded.
        counts: Capture status to how many revisions were published.
        unsent: Those of `published` that lay beyond the horizon: they have no event.
        adopted: Those of `published` whose event says `first`: the clock appeared after it.
        told: The last status that its import was told.
        read_at: Rossum's `Date` of the newest answer that this row rests on.
        origin: Of the arrival that it came from: causation, traceparent, tracestate, as far as known.
        twin_of: The annotation of which it is a twin.
    """

    kind: ClassVar[str] = "annotation"

    status: str
    key: str
    queue: int | None = None
    import_id: str | None = None
    root: int | None = None
    document: int | None = None
    clocks: Mapping[str, str] = field(default_factory=dict)
    published: Mapping[str, str] = field(default_factory=dict)
    captures: Mapping[str, Sequence[str]] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    unsent: Mapping[str, str] = field(default_factory=dict)
    adopted: Mapping[str, str] = field(default_factory=dict)
    told: str | None = None
    read_at: str | None = None
    origin: Mapping[str, str] = field(default_factory=dict)
    twin_of: int | None = None
    later: Mapping[str, Any] = field(default_factory=dict)

    @property
    def open(self) -> bool:
        """Until a status at rest."""
        return self.status not in AT_REST


@dataclass(frozen=True, slots=True)
class SweepRow(Resting):
    """One clock's periodic sweep.

    Attributes:
        watermark: Every fact up to here has been hinted (clock text).
        queues: The queues that the watermark speaks for.
        deep_at: Rossum time of the last pass with the long overlap.
        walk: An interrupted pass: {after, before, cursor, deep, queues, seen, new}; None between passes.
    """

    kind: ClassVar[str] = "sweep"

    clock: str
    watermark: str
    queues: tuple[int, ...]
    deep_at: str | None = None
    walk: Mapping[str, Any] | None = None
    later: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HeaderRow(Resting):
    """Which deployment a ledger partition belongs to; made once by the owner of partition 0.

    Attributes:
        incarnation: Random id of this ledger.
        start: Rossum's `Date` at the very first start.
    """

    kind: ClassVar[str] = "header"

    incarnation: str
    start: str
    group: str
    partitions: int
    organization: int
    identity_version: str
    later: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ClaimRow(Resting):
    """At-least-once only: from here on rows count only if `owner` wrote them."""

    kind: ClassVar[str] = "claim"

    owner: str
    later: Mapping[str, Any] = field(default_factory=dict)


AnyRow = ImportRow | GatherRow | AnnotationRow | SweepRow | HeaderRow | ClaimRow | FloorRow | UnknownRow

#: Of the keys of claim rows.
CLAIM_PREFIX = "claim/"
_ROWS = (ImportRow, GatherRow, AnnotationRow, SweepRow, HeaderRow, ClaimRow, FloorRow)
_KINDS: dict[str, type[Any]] = {row.kind: row for row in _ROWS}
_LATER = "later"
#: States after which nothing happens by itself.
ENDED = frozenset({ImportState.COMPLETED.value, ImportState.FAILED.value})
_FIELDS = {kind: tuple(f.name for f in fields(row) if f.name != _LATER) for kind, row in _KINDS.items()}
_NAMES = {kind: frozenset(names) for kind, names in _FIELDS.items()}
_STATES: dict[str, type[StrEnum]] = {ImportRow.kind: ImportState, GatherRow.kind: GatherState}
_TUPLES = ("documents", "expected", "queues", "not_ours", "earlier", "pending", "members")


def header_key(partition: int) -> str:
    """Ledger key of a partition's header row."""
    return f"header/{partition}"


def claim_key(owner: str) -> str:
    """Ledger key of a claim row: one per owner, so that compaction never removes a claim that rows rest on."""
    return f"{CLAIM_PREFIX}{owner}"


@dataclass(frozen=True, slots=True)
class WrittenRow:
    """A row as it stands in the ledger, with who wrote it."""

    row: AnyRow
    owner: str | None

    @classmethod
    def decode(cls, value: bytes) -> Self:
        """Parse a ledger value; what a later version added is kept, so that going back to this one loses nothing.

        Raises:
            ValueError: Not a row of this product.
        """
        try:
            document = orjson.loads(value)
            kind, content = document["kind"], document["row"]
            return cls(_row(kind, content), document.get("owner"))
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(f"not a ledger row: {type(error).__name__}") from error


def _row(kind: str, content: dict[str, Any]) -> AnyRow:
    if kind not in _KINDS:
        return UnknownRow(str(kind), {**content})
    names, known = _NAMES[kind], content
    if not content.keys() <= names:
        known = {name: value for name, value in content.items() if name in names}
        known[_LATER] = {name: value for name, value in content.items() if name not in names}
    for name in _TUPLES:
        if isinstance(known.get(name), list):
            known[name] = tuple(known[name])
    if kind in _STATES:
        known["state"] = _STATES[kind](known["state"])
    row: AnyRow = _KINDS[kind](**known)
    return row


def encode_row(row: AnyRow, owner: str | None = None) -> bytes:
    """A row's ledger value; fields that hold nothing are left out to keep rows small."""
    document = {"kind": row.kind, "row": _content(row)}
    return orjson.dumps({**document, "owner": owner} if owner else document)


def _content(row: AnyRow) -> Mapping[str, Any]:
    if isinstance(row, UnknownRow):
        return row.content
    names = _FIELDS[row.kind]
    content = {name: value for name in names if (value := getattr(row, name)) not in (None, (), {})}
    return {**row.later, **content} if row.later else content
