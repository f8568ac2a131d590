"""The rows of the ledger: the small state of one entity each, and how they are written.

A row's key is its entity. Three facts of a row are indexed by every state store: `due` (when it wants to be looked
at), `open` (not at rest yet) and `held` (the lowest offset of `imports` that it still needs).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, ClassVar, Protocol, Self

import orjson

#: Statuses after which Rossum does nothing more by itself. `confirmed` and `failed_export` are not among them.
AT_REST = frozenset({"exported", "rejected", "deleted", "purged", "split", "failed_import"})


class Row(Protocol):
    """What every row offers to the indexes of a state store."""

    kind: ClassVar[str]

    @property
    def due(self) -> str | None:
        """Clock text of the moment at which the owner wants to look at it again."""

    @property
    def open(self) -> bool:
        """Whether its story has no end yet."""

    @property
    def held(self) -> int | None:
        """The offset in `imports` of the copy that it still needs."""


@dataclass(frozen=True, slots=True)
class _Resting:
    """A row that wants nothing by itself."""

    @property
    def due(self) -> str | None:
        return None

    @property
    def open(self) -> bool:
        return False

    @property
    def held(self) -> int | None:
        return None


class ImportState(StrEnum):
    """Where an import stands.

    waiting ──▶ intent ──▶ accepted ──▶ completed
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
        announced: Per partition of the arrivals topic the highest offset taken into account.
        held: Offset in `imports` of the copy, until the end is known.
        file_name: As sent; the resolver looks for it.
        intent_at: Rossum's time when the upload was about to start.
        annotations: Annotation id (text) to the last status told by its owner.
        expected: All annotation ids, once task and upload object said so.
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

    @property
    def open(self) -> bool:
        """Until completed or failed."""
        return self.state not in (ImportState.COMPLETED, ImportState.FAILED)


@dataclass(frozen=True, slots=True)
class AnnotationRow(_Resting):
    """One annotation.

    Attributes:
        key: The key of its events; fixed once `published` is not empty.
        clocks: The newest value seen of each clock.
        published: Event name (for captured: name and status) to the newest published revision.
        captures: Capture status to the revisions that were captured or superseded, ascending, the newest few.
        counts: Capture status to how many revisions were published.
        told: The last status that its import was told.
        read_at: Rossum's `Date` of the newest answer that this row rests on.
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
    told: str | None = None
    read_at: str | None = None

    @property
    def open(self) -> bool:
        """Until a status at rest."""
        return self.status not in AT_REST


@dataclass(frozen=True, slots=True)
class SweepRow(_Resting):
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


@dataclass(frozen=True, slots=True)
class HeaderRow(_Resting):
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


@dataclass(frozen=True, slots=True)
class ClaimRow(_Resting):
    """At-least-once only: from here on rows count only if `owner` wrote them."""

    kind: ClassVar[str] = "claim"

    owner: str


AnyRow = ImportRow | AnnotationRow | SweepRow | HeaderRow | ClaimRow

_KINDS: dict[str, type[Any]] = {row.kind: row for row in (ImportRow, AnnotationRow, SweepRow, HeaderRow, ClaimRow)}
_FIELDS = {kind: frozenset(f.name for f in fields(row)) for kind, row in _KINDS.items()}
_TUPLES = ("documents", "expected", "queues")


def header_key(partition: int) -> str:
    """Ledger key of a partition's header row."""
    return f"header/{partition}"


def claim_key(owner: str) -> str:
    """Ledger key of a claim row: one per owner, so that compaction never removes a claim that rows rest on."""
    return f"claim/{owner}"


@dataclass(frozen=True, slots=True)
class WrittenRow:
    """A row as it stands in the ledger, with who wrote it."""

    row: AnyRow
    owner: str | None

    @classmethod
    def decode(cls, value: bytes) -> Self:
        """Parse a ledger value; fields that a later version added are left out.

        Raises:
            ValueError: Not a row of this product.
        """
        try:
            document = orjson.loads(value)
            kind, content = document["kind"], document["row"]
            known = {name: content[name] for name in content.keys() & _FIELDS[kind]}
            for name in _TUPLES:
                if isinstance(known.get(name), list):
                    known[name] = tuple(known[name])
            if kind == ImportRow.kind:
                known["state"] = ImportState(known["state"])
            return cls(_KINDS[kind](**known), document.get("owner"))
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            msg = f"not a ledger row: {type(error).__name__}"
            raise ValueError(msg) from error


def encode_row(row: AnyRow, owner: str | None = None) -> bytes:
    """A row's ledger value; fields that hold nothing are left out to keep rows small."""
    content = {f.name: value for f in fields(row) if (value := getattr(row, f.name)) not in (None, (), {})}
    return orjson.dumps(
        {"kind": row.kind, "owner": owner, "row": content} if owner else {"kind": row.kind, "row": content}
    )
