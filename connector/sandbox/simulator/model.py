"""What the simulator remembers: one class per kind of object, instants in microseconds since 1970."""

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

STATUSES = (
    "created", "importing", "failed_import", "split", "to_review", "reviewing", "in_workflow", "confirmed",
    "rejected", "exporting", "exported", "failed_export", "postponed", "deleted", "purged",
)  # fmt: skip

#: The clock that a status sets.
STATUS_CLOCKS = {
    "confirmed": "confirmed_at",
    "rejected": "rejected_at",
    "exported": "exported_at",
    "failed_export": "export_failed_at",
    "deleted": "deleted_at",
    "purged": "purged_at",
}

#: Clocks that the annotation list can be filtered by.
CLOCKS = (
    "arrived_at", "assigned_at", "confirmed_at", "modified_at", "deleted_at", "exported_at",
    "export_failed_at", "purged_at", "rejected_at",
)  # fmt: skip

FATES = frozenset({
    "exported", "rejected", "failed_import", "failed_export", "split", "postponed", "deleted", "failed_task",
    "no_annotation",
})  # fmt: skip

API_USER = 1
REVIEWER = 2
#: Has the role `annotator_embedded`: the user whose tokens go into embedded URLs.
EMBEDDED_USER = 3
USERNAMES = {
    API_USER: "sandbox@example.com",
    REVIEWER: "reviewer@example.com",
    EMBEDDED_USER: "embedded@example.com",
}
ORGANIZATION = 1
ORGANIZATION_GROUP = 1
WORKSPACE = 7540


@dataclass(frozen=True, slots=True)
class Instructions:
    """What the ``sandbox`` key of an upload's metadata asks for; None = the simulator's pace (seconds)."""

    fate: str = "exported"
    processing: float | None = None
    review: float | None = None
    re_export_after: float | None = None
    task: float | None = None
    hooks_lost: bool = False

    @classmethod
    def of(cls, metadata: Json) -> "Instructions":
        """Read them from the metadata; what is missing or unreadable keeps its default."""
        asked = metadata.get("sandbox")
        if not isinstance(asked, dict):
            return _PLAIN
        fate = asked.get("fate")
        return cls(
            fate=fate if fate in FATES else "exported",
            processing=_seconds(asked.get("processing")),
            review=_seconds(asked.get("review")),
            re_export_after=_seconds(asked.get("re_export_after")),
            task=_seconds(asked.get("task")),
            hooks_lost=asked.get("hooks") == "lost",
        )


_PLAIN = Instructions()


def _seconds(value: Any) -> float | None:
    """A number of seconds, or None when it is none."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


@dataclass(slots=True, eq=False)
class Document:
    """One file; ``born`` is the monotonic second of its making."""

    id: int
    file_name: str
    sent_name: str
    sha256: str
    md5: str
    size: int
    mime_type: str
    created_at: int
    born: float
    parent: int | None = None
    attachment_status: str | None = None
    metadata: Json = field(default_factory=dict)
    uploaded_metadata: Json | None = None
    annotations: list[int] = field(default_factory=list)
    email: int | None = None
    internal: bool = False
    """Known to ``/sandbox/documents`` only: the import failed before Rossum showed it."""
    purged: bool = False


@dataclass(slots=True, eq=False)
class Annotation:
    """One document in one queue; changed only through ``State.change``."""

    id: int
    document_id: int
    queue_id: int
    status: str
    created_at: int
    arrived_at: int
    born: float
    metadata: Json
    assigned_at: int | None = None
    confirmed_at: int | None = None
    modified_at: int | None = None
    deleted_at: int | None = None
    exported_at: int | None = None
    export_failed_at: int | None = None
    purged_at: int | None = None
    rejected_at: int | None = None
    modifier: int | None = None
    holder: int | None = None
    exports: int = 0
    instructions: Instructions = _PLAIN
    values: Json | None = None
    edits: dict[int, str] | None = None
    messages: list[Json] | None = None
    relations: tuple[int, ...] = ()
    history: list[tuple[float, "Annotation"]] | None = None
    """Earlier states, each with the monotonic second until which it held; kept while lists lag."""


@dataclass(slots=True, eq=False)
class Workspace:
    """A folder of queues."""

    id: int
    name: str
    metadata: Json = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Schema:
    """What a queue captures; without ``content`` of its own it is the sandbox's schema."""

    id: int
    name: str
    content: list[Json] | None = None
    metadata: Json = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Queue:
    """One queue; its schema has the id ``schema_id``. ``use_confirmed_state``: nothing exports by itself."""

    id: int
    name: str
    schema_id: int
    use_confirmed_state: bool = False
    metadata: Json = field(default_factory=dict)
    workspace_id: int = WORKSPACE
    settings: Json = field(default_factory=dict)
    status: str = "active"

    @property
    def is_active(self) -> bool:
        """Whether nobody has asked for its deletion."""
        return self.status == "active"


@dataclass(slots=True, eq=False)
class Upload:
    """One accepted upload request."""

    id: int
    queue_id: int
    created_at: int
    documents: list[int] = field(default_factory=list)
    additional_documents: list[int] = field(default_factory=list)
    annotations: list[int] = field(default_factory=list)
    email_id: int | None = None


@dataclass(slots=True)
class ImportTask:
    """The task of an upload or an e-mail; ``ready`` is the monotonic second at which it ends."""

    id: int
    upload_id: int
    created_at: int
    ready: float
    fails: bool
    email_id: int | None = None


@dataclass(slots=True, eq=False)
class Relation:
    """Annotations that belong together: ``duplicate`` (key = MD5 of the content) or ``edit`` (a split)."""

    id: int
    type: str
    key: str | None
    parent: int | None
    annotations: list[int]


@dataclass(frozen=True, slots=True)
class EmbeddedSession:
    """What the token of an embedded URL is good for: one annotation, until an instant, as one user.

    ``places`` says by action where the browser goes then.
    """

    annotation_id: int
    user: int
    expires_at: int
    places: Json


@dataclass(slots=True, eq=False)
class Hook:
    """One webhook: its public object without URLs of its own, and the secrets that are never shown."""

    id: int
    body: Json
    secrets: Json
    queues: frozenset[int]
    events: frozenset[str]

    def wants(self, event: str, queue_id: int) -> bool:
        """Whether an event (``event.action``) of that queue is to be sent to it; functions and jobs are never run."""
        return (
            self.body["type"] == "webhook"
            and bool(self.body["active"])
            and queue_id in self.queues
            and event in self.events
        )
