"""The data of every event; what `schemas/` is generated from.

Clocks are Rossum's own, text in UTC with microseconds. Unknown fields may be added at any time; consumers ignore
what they don't know.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from connector.errors import Stage


class _Contract(BaseModel):
    model_config = ConfigDict(frozen=True, populate_by_name=True, serialize_by_alias=True)


class AnnotationInfo(_Contract):
    """A Rossum annotation as it was when the event was made."""

    id: int = Field(description="Annotation id.")
    url: str = Field(description="API URL of the annotation.")
    status: str = Field(description="Rossum status; new ones may appear.")
    queue: int = Field(description="Queue id.")
    schema_: str | None = Field(None, alias="schema", description="API URL of the schema.")
    automated: bool | None = Field(None, description="Whether no person took part.")
    arrived_at: str | None = Field(None, description="When it arrived in Rossum.")
    confirmed_at: str | None = Field(None, description="When it was confirmed.")
    exported_at: str | None = Field(None, description="When it was exported.")
    modified_at: str | None = Field(None, description="When it was last modified.")
    modifier: str | None = Field(None, description="API URL of the user who modified it last.")


class DocumentInfo(_Contract):
    """The document behind an annotation."""

    id: int = Field(description="Document id.")
    url: str = Field(description="API URL of the document.")
    file_name: str | None = Field(None, description="File name in Rossum, where the read showed it.")


class CapturedField(TypedDict):
    """One captured field: `value` is text, a decimal number as text, an ISO date, or null when empty."""

    value: str | None
    type: str | None
    confidence: float | None


class _DocumentEvent(_Contract):
    document_key: str = Field(description="Key of the record: the producer's id, the import id, or rossum:<id>.")
    import_id: str | None = Field(None, description="The import that it came from; null for other doors.")
    metadata: dict[str, Any] = Field(default_factory=dict, description="The arrival's own metadata.")


class _ImportEvent(_DocumentEvent):
    generation: int = Field(ge=1, description="1 for the first announcement, more after failures and redrives.")


class ImportAccepted(_ImportEvent):
    """Rossum has taken the upload."""

    queue: int | None = Field(None, description="Queue id.")
    file_name: str | None = Field(None, description="File name as sent to Rossum.")


class ImportCompleted(_ImportEvent):
    """The annotations of the import are known and imported."""

    annotations: list[int] = Field(description="Annotation ids, none to many.")
    documents: list[int] = Field(default_factory=list, description="Ids of the root documents.")


class ImportFailed(_ImportEvent):
    """The import has ended without success; a dead letter was written with this event."""

    stage: Stage = Field(description="Where it failed.")
    reason: str = Field(description="One sentence for a person.")
    http_status: int | None = Field(None, description="The HTTP status that decided it.")
    attempts: int = Field(ge=1, description="How often it was tried.")
    annotations: list[int] = Field(default_factory=list, description="Annotation ids known by then.")


class ImportDuplicate(_ImportEvent):
    """Identical content was refused, or a second root document of the same import was found."""

    refused: bool = Field(description="True: refused, the import ends here. False: a twin was found.")
    annotations: list[int] = Field(default_factory=list, description="Annotation ids of the twin.")
    documents: list[int] = Field(default_factory=list, description="Document ids of the twin.")


class _AnnotationEvent(_DocumentEvent):
    annotation: AnnotationInfo = Field(description="The annotation.")
    document: DocumentInfo | None = Field(None, description="Its document.")
    root: int | None = Field(None, description="For a child of a split: the annotation that was split.")


class AnnotationReady(_AnnotationEvent):
    """A person can open it now."""


class AnnotationConfirmed(_AnnotationEvent):
    """It was confirmed."""


class AnnotationPostponed(_AnnotationEvent):
    """It was postponed."""


class AnnotationExportFailed(_AnnotationEvent):
    """Its export failed in Rossum; it is not at rest."""


class AnnotationRejected(_AnnotationEvent):
    """It was rejected."""


class AnnotationDeleted(_AnnotationEvent):
    """It was deleted."""


class AnnotationPurged(_AnnotationEvent):
    """It was purged: Rossum has no data of it any more."""


class AnnotationSplit(_AnnotationEvent):
    """It was split into other annotations."""

    children: list[int] = Field(description="Annotation ids of the parts.")


class AnnotationSuperseded(_AnnotationEvent):
    """A revision was replaced or purged in Rossum before its captured data could be read."""

    superseded: str = Field(description="The revision (clock) that can't be had any more.")
    current: str | None = Field(None, description="The revision that replaced it.")


class AnnotationCapturedThin(_AnnotationEvent):
    """A revision of captured data was published on the captured topic; this tells of it without the data."""

    revision_count: int = Field(ge=1, description="1 for the first captured revision, then 2, 3, ….")
    duplicate_of: int | None = Field(None, description="Annotation of which this one is a twin.")


class AnnotationCaptured(AnnotationCapturedThin):
    """One revision of captured data."""

    fields: dict[str, CapturedField] = Field(default_factory=dict, description="Header fields by schema id.")
    tables: dict[str, list[dict[str, CapturedField]]] = Field(
        default_factory=dict, description="Line items and multivalues by schema id: rows of fields by schema id."
    )
    content: list[Any] = Field(default_factory=list, description="Rossum's export tree, untouched.")
    omitted: list[str] = Field(
        default_factory=list, description="Parts left out because the record would be too large."
    )
    content_url: str | None = Field(None, description="Where Rossum serves what was left out.")


class Window(_Contract):
    """A window of a clock."""

    after: str = Field(description="Lower bound.")
    before: str = Field(description="Upper bound.")


class SweepCompleted(_Contract):
    """A pass over a window of one clock is complete."""

    clock: str = Field(description="The clock that the pass went by.")
    window: Window = Field(description="The window.")
    queues: list[int] = Field(description="Queue ids that the watermark speaks for.")
    seen: int = Field(ge=0, description="Annotations listed.")
    new: int = Field(ge=0, description="Those that no earlier pass had hinted.")
    recovered: int = Field(
        ge=0, description="Facts published since the last pass that only sweeps had announced: lost webhooks."
    )


def thin(captured: AnnotationCaptured) -> AnnotationCapturedThin:
    """The same revision without its data."""
    names = AnnotationCapturedThin.model_fields
    return AnnotationCapturedThin.model_construct(**{name: getattr(captured, name) for name in names})


def shrink(captured: AnnotationCaptured, *parts: str) -> AnnotationCaptured:
    """The same event without those parts (`content`, `tables`, `fields`), which it then names."""
    empty: dict[str, Any] = {"content": [], "tables": {}, "fields": {}}
    return captured.model_copy(
        update={
            **{part: empty[part] for part in parts},
            "omitted": list(parts),
            "content_url": f"{captured.annotation.url}/content",
        }
    )
