"""Embedded mode: an application of others opens single annotations in Rossum's validation screen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from connector.contracts.events import AnnotationReady, DocumentInfo
from connector.domain.annotation_events import annotation_info
from connector.domain.ids import AnnotationId
from connector.domain.readings import AnnotationReading


@dataclass(frozen=True, slots=True)
class EmbeddedOrder:
    """What an embedded URL is to be like.

    Attributes:
        start: Whether the review begins with the URL, rather than when somebody opens it.
        options: Rossum's own parameters, as they go to it.
    """

    annotation: AnnotationId
    start: bool = False
    options: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EmbeddedUrl:
    """An embedded URL; it holds a token and is shown to nobody but who asked for it."""

    url: str = field(repr=False)
    status: str


@dataclass(frozen=True, slots=True)
class Ready:
    """An annotation that a person can open now, and its document as far as Rossum showed it."""

    annotation: AnnotationReading
    document_url: str | None = None
    file_name: str | None = None

    def data(self) -> AnnotationReady:
        """The same data as `annotation.ready` has; key and import are those of the annotation's own mark."""
        reading = self.annotation
        document = None
        if reading.document is not None and self.document_url is not None:
            document = DocumentInfo(id=reading.document, url=self.document_url, file_name=self.file_name)
        return AnnotationReady(
            document_key=reading.mark.document_key if reading.mark else f"rossum:{reading.id}",
            import_id=reading.mark.import_id if reading.mark else None,
            annotation=annotation_info(reading),
            document=document,
            metadata=dict(reading.metadata),
        )


@dataclass(frozen=True, slots=True)
class ReadyList:
    """The annotations of a queue that a person can open now, oldest document first.

    Attributes:
        complete: False where there are more than are listed, or the list changed so fast that one that was ready all
            along may be missing.
        at: Rossum's `Date` of the last answer.
    """

    ready: tuple[Ready, ...]
    complete: bool
    at: datetime
