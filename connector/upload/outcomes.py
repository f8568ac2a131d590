"""What became of a document that was brought to Rossum by hand."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from connector.domain.ids import AnnotationId, ImportId
from connector.upload.local_files import LocalFile


class Fate(StrEnum):
    """How the way of a document ended, as far as we know."""

    #: Rossum has taken it.
    UPLOADED = "uploaded"
    #: As far as was asked for: its captured data can be exported.
    DONE = "done"
    #: Rossum has one of the same name and content, and that was to be skipped.
    IDENTICAL = "identical"
    #: It never will be: Rossum refuses it, can't read it, or a person did.
    FAILED = "failed"
    #: Not done when the time was over.
    WAITING = "waiting"
    #: Whether Rossum has it is not known.
    UNKNOWN = "unknown"
    #: Certainly not in Rossum.
    NOT_SENT = "not sent"


@dataclass(frozen=True, slots=True)
class Sent:
    """How an upload ended.

    Attributes:
        import_id: Names this upload in the annotation's metadata.
        single: Whether the file is of a kind that holds exactly one document.
        at: Rossum's time before its first byte.
        task: URL of the upload's task.
        annotations: Where they are known already.
        sentence: Why, where it did not go well.
    """

    file: LocalFile
    fate: Fate
    import_id: ImportId
    single: bool = False
    at: datetime | None = None
    task: str | None = None
    annotations: tuple[AnnotationId, ...] = ()
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class Followed:
    """What became of an upload.

    Attributes:
        annotations: What the document became, with their statuses; empty where that is not known.
        sentence: Why it is not done; empty where it is.
    """

    file: LocalFile
    fate: Fate
    annotations: tuple[tuple[AnnotationId, str], ...] = ()
    sentence: str = ""
