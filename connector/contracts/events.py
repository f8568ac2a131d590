"""The data of every event; what `schemas/` is generated from.

Clocks are Rossum's own, text in UTC with microseconds. What is not known is absent from the JSON, never null, except
the value and confidence of a captured field. Fields may be added at any time: consumers ignore what they don't know.
"""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from connector.errors import Stage

_Clock = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
_Url = Annotated[str, Field(json_schema_extra={"format": "uri"})]


class _Contract(BaseModel):
    model_config = ConfigDict(frozen=True, populate_by_name=True, serialize_by_alias=True)


class AnnotationInfo(_Contract):
    """A Rossum annotation as it was when the event was made."""

    id: int = Field(description="Annotation id.")
    url: _Url = Field(description="API URL of the annotation.")
    status: str = Field(description="Rossum status; new ones may appear.")
    queue: int = Field(description="Queue id.")
    queue_url: _Url | None = Field(None, description="API URL of the queue.")
    schema_: _Url | None = Field(None, alias="schema", description="API URL of the schema.")
    automated: bool | None = Field(None, description="Whether no person took part.")
    arrived_at: _Clock | None = Field(None, description="When it arrived in Rossum.")
    confirmed_at: _Clock | None = Field(None, description="When it was confirmed.")
    exported_at: _Clock | None = Field(None, description="When it was exported.")
    modified_at: _Clock | None = Field(None, description="When it was last modified.")
    modifier: str | None = Field(None, description="API URL of the user who modified it last.")


class DocumentInfo(_Contract):
    """The document behind an annotation."""

    id: int = Field(description="Document id.")
    url: _Url = Field(description="API URL of the document.")
    file_name: str | None = Field(None, description="File name in Rossum, where the read showed it.")


class CapturedField(TypedDict):
    """One captured field."""

    value: Annotated[
        str | None,
        Field(
            description="Text as Rossum normalised it; a number as decimal text without an exponent, a date as "
            "YYYY-MM-DD; null where nothing was captured."
        ),
    ]
    type: Annotated[str | None, Field(description="Rossum's type: string, number, date, enum; new ones may appear.")]
    confidence: Annotated[float | None, Field(description="The AI's confidence, 0 to 1; null where it gave none.")]


class Claim(_Contract):
    """Where the whole body of an event is that is too large for Kafka."""

    url: _Url = Field(description="Place in the claim store.")
    size: int = Field(ge=0, description="Size of the stored body in bytes.")
    sha256: str = Field(pattern="^[0-9a-f]{64}$", description="SHA-256 of the stored body in hex.")


class _DocumentEvent(_Contract):
    document_key: str = Field(
        description="Key of the record: the arrival's document_id, else the import id, else rossum:<annotation id>."
    )
    import_id: str | None = Field(None, description="The import (UUID) that it came from; absent for other doors.")
    metadata: dict[str, Any] = Field(
        default_factory=dict,
        description="The producer's metadata: the arrival's, on an annotation as Rossum has it; without our mark.",
    )


class _ImportEvent(_DocumentEvent):
    import_id: str = Field(description="The import (UUID).")
    generation: int = Field(
        ge=1,
        description="One more for each announcement after a failure; the first is 1, or above those forgotten.",
    )


class ImportAccepted(_ImportEvent):
    """Rossum has taken the upload; its annotations are not known yet."""

    queue: int | None = Field(None, description="Queue id.")
    file_name: str | None = Field(None, description="File name as sent to Rossum.")


class ImportCompleted(_ImportEvent):
    """The annotations of the import are known and imported."""

    annotations: list[int] = Field(description="Annotation ids, none to many.")
    documents: list[int] = Field(default_factory=list, description="Ids of the root documents.")


class ImportFailed(_ImportEvent):
    """The import has ended without success; a dead letter was written in the same transaction."""

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
    root: int | None = Field(None, description="For a part of a split: id of the annotation that was split first.")


class AnnotationReady(_AnnotationEvent):
    """A person can open the annotation now; the embedded URL is minted on demand, never sent."""


class AnnotationConfirmed(_AnnotationEvent):
    """The annotation was confirmed."""


class AnnotationPostponed(_AnnotationEvent):
    """The annotation was postponed."""


class AnnotationExportFailed(_AnnotationEvent):
    """The annotation's export failed in Rossum; it is not at rest."""


class AnnotationRejected(_AnnotationEvent):
    """The annotation was rejected."""


class AnnotationDeleted(_AnnotationEvent):
    """The annotation was deleted."""


class AnnotationPurged(_AnnotationEvent):
    """The annotation was purged: Rossum has no data of it any more."""


class AnnotationSplit(_AnnotationEvent):
    """The annotation was split into others."""

    children: list[int] = Field(description="Annotation ids of the parts.")


class AnnotationSuperseded(_AnnotationEvent):
    """A revision was replaced or purged in Rossum before its captured data could be read."""

    superseded: str = Field(description="The revision (a clock, or `first`) that can't be had any more.")
    current: str | None = Field(None, description="The revision that replaced it, where it was published.")


class AnnotationCapturedThin(_AnnotationEvent):
    """A revision of captured data was published on the captured topic; this tells of it without the data."""

    revision_count: int = Field(ge=1, description="1 for the first captured revision, then 2, 3, ….")
    duplicate_of: int | None = Field(None, description="Id of the annotation of which this one is a twin.")


class AnnotationCaptured(AnnotationCapturedThin):
    """One revision of captured data."""

    fields: dict[str, CapturedField] | None = Field(
        None, description="Header fields by schema id, or by the name that settings give."
    )
    tables: dict[str, list[dict[str, CapturedField]]] | None = Field(
        None, description="Line items and other repeated values, named in the same way: rows of fields."
    )
    content: list[Any] | None = Field(
        None, description="Rossum's export tree, untouched; absent where settings leave it out."
    )
    omitted: list[str] | None = Field(
        None, description="Parts left out because the record would be too large: content, tables, fields."
    )
    content_url: _Url | None = Field(None, description="Where Rossum serves what was left out (needs its token).")
    claim: Claim | None = Field(None, description="Where the whole body is, with a claim store configured.")


class Window(_Contract):
    """A window of a clock."""

    after: _Clock = Field(description="Lower bound.")
    before: _Clock = Field(description="Upper bound.")


class SweepCompleted(_Contract):
    """A pass over a window of one clock is complete: up to its end consumers have what Rossum has shown."""

    clock: str = Field(description="The clock that the pass went by, e.g. exported_at.")
    window: Window = Field(description="The window.")
    queues: list[int] = Field(description="Queue ids that the watermark speaks for.")
    seen: int = Field(ge=0, description="Annotations listed.")
    new: int = Field(ge=0, description="Those that no earlier pass had hinted.")
    recovered: int = Field(
        ge=0, description="Facts published since the last pass that only sweeps had announced: lost webhooks."
    )
