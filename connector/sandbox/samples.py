"""The documents of the sandbox: one of every fate and of every way to announce it, and the events each must bring."""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import count
from pathlib import Path
from typing import Any, Final

import orjson

from connector.sandbox.pages import pdf, png

_SOURCE: Final = "/sandbox"
_TYPE: Final = "com.example.document.arrived"


class Form(Enum):
    """How an arrival is written."""

    PLAIN = auto()
    BINARY = auto()
    STRUCTURED = auto()
    #: JSON that breaks off.
    BROKEN = auto()


class Place(Enum):
    """Where the document is."""

    INLINE = auto()
    FILE = auto()
    #: In a file that does not exist.
    NOWHERE = auto()


@dataclass(frozen=True, slots=True)
class Kind:
    """One sort of sample document.

    Attributes:
        name: Its document ids are `<name>-1`, `<name>-2`, ….
        about: What happens to it, in a few words.
        outcome: How it ends, in a few words.
        events: Events that must be read on the lifecycle topic, each with how often.
        ready: How often `annotation.ready` may be read: a look that comes after the review does not see it.
        uploads: How many root documents Rossum has of it at the end.
        instructions: To the simulator, as `metadata.sandbox`.
        announced: How often the same arrival is written.
        via: How every fact about its annotations must have been learnt (`ce_observedvia`); None = in any way.
    """

    name: str
    about: str
    outcome: str
    events: Mapping[str, int]
    ready: int = 1
    uploads: int = 1
    instructions: Mapping[str, Any] = field(default_factory=dict)
    form: Form = Form.PLAIN
    place: Place = Place.INLINE
    announced: int = 1
    via: str | None = None


@dataclass(frozen=True, slots=True)
class ArrivalRecord:
    """An arrival as it goes to Kafka."""

    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """One document of the sandbox."""

    document_id: str
    kind: Kind
    number: int


def _imported(more: Mapping[str, int]) -> Mapping[str, int]:
    return {"import.accepted": 1, "import.completed": 1, **more}


_CAPTURED: Final = _imported({"annotation.confirmed": 1, "annotation.captured": 1})
_REFUSED_LATE: Final = {"import.accepted": 1, "import.failed": 1}

KINDS: Final = (
    Kind("captured", "plain JSON, reviewed, exported", "captured", _CAPTURED),
    Kind(
        "from-file",
        "CloudEvent (binary), in a file",
        "captured",
        _CAPTURED,
        form=Form.BINARY,
        place=Place.FILE,
    ),
    Kind("structured", "CloudEvent (structured)", "captured", _CAPTURED, form=Form.STRUCTURED),
    Kind(
        "hook-lost",
        "its webhooks never arrive",
        "found by a sweep",
        _CAPTURED,
        # Its task runs for as long as the sandbox waits, so that asking about the task finds nothing either.
        instructions={"hooks": "lost", "task": 90},
        via="sweep",
    ),
    Kind(
        "re-exported",
        "corrected and exported again",
        "captured twice",
        _imported({"annotation.confirmed": 2, "annotation.captured": 2}),
        ready=2,
        instructions={"re_export_after": 4},
    ),
    Kind(
        "split",
        "split into two documents",
        "both parts captured",
        _imported({"annotation.split": 1, "annotation.confirmed": 2, "annotation.captured": 2}),
        ready=2,
        instructions={"fate": "split", "processing": 2},
    ),
    Kind("twice", "announced twice", "imported once", _CAPTURED, announced=2),
    Kind(
        "rejected",
        "the reviewer rejects it",
        "rejected",
        _imported({"annotation.rejected": 1}),
        instructions={"fate": "rejected"},
    ),
    Kind(
        "postponed",
        "the reviewer postpones it",
        "postponed",
        _imported({"annotation.postponed": 1}),
        instructions={"fate": "postponed"},
    ),
    Kind(
        "deleted",
        "the reviewer deletes it",
        "deleted",
        _imported({"annotation.deleted": 1}),
        instructions={"fate": "deleted"},
    ),
    Kind(
        "no-export",
        "its export fails in Rossum",
        "export failed",
        _imported({"annotation.confirmed": 1, "annotation.export_failed": 1}),
        instructions={"fate": "failed_export"},
    ),
    Kind(
        "damaged",
        "Rossum can't read the document",
        "dead letter",
        _REFUSED_LATE,
        ready=0,
        instructions={"fate": "failed_import"},
    ),
    Kind(
        "task-failed",
        "Rossum's import task fails",
        "dead letter",
        _REFUSED_LATE,
        ready=0,
        instructions={"fate": "failed_task"},
    ),
    Kind(
        "no-result",
        "Rossum makes no annotation",
        "dead letter",
        _REFUSED_LATE,
        ready=0,
        instructions={"fate": "no_annotation"},
    ),
    Kind(
        "unreadable",
        "the arrival is broken JSON",
        "dead letter",
        {"import.failed": 1},
        ready=0,
        uploads=0,
        form=Form.BROKEN,
    ),
    Kind(
        "missing",
        "the file does not exist",
        "dead letter",
        {"import.failed": 1},
        ready=0,
        uploads=0,
        place=Place.NOWHERE,
    ),
)


def samples() -> Iterator[Sample]:
    """One of each kind, then again, without end."""
    for number in count(1):
        for kind in KINDS:
            yield Sample(f"{kind.name}-{number}", kind, number)


def arrival_of(sample: Sample, folder: Path) -> ArrivalRecord:
    """The arrival of a sample; a document that belongs in a file is written to `folder`."""
    data = {
        "document_id": sample.document_id,
        "source": _source(sample, folder),
        "queue": "invoices",
        "file_name": _file_name(sample),
        "metadata": {"sample": sample.document_id, "sandbox": dict(sample.kind.instructions)},
    }
    value, headers = _written(sample, data)
    return ArrivalRecord(sample.document_id.encode(), value, headers)


def _file_name(sample: Sample) -> str:
    return f"{sample.document_id}.{'png' if sample.kind.place is Place.FILE else 'pdf'}"


def _source(sample: Sample, folder: Path) -> dict[str, Any]:
    path = folder / _file_name(sample)
    if sample.kind.place is Place.NOWHERE:
        return {"kind": "file", "path": str(path)}
    if sample.kind.place is Place.FILE:
        path.write_bytes(png(sample.document_id))
        return {"kind": "file", "path": str(path)}
    page = pdf([f"Invoice {sample.document_id}", "A sample document of the sandbox:", sample.kind.about])
    return {"kind": "inline", "base64": base64.b64encode(page).decode()}


def _written(sample: Sample, data: Mapping[str, Any]) -> tuple[bytes, tuple[tuple[str, bytes], ...]]:
    event = {"specversion": "1.0", "id": sample.document_id, "source": _SOURCE, "type": _TYPE}
    match sample.kind.form:
        case Form.BINARY:
            attributes = tuple((f"ce_{name}", text.encode()) for name, text in event.items())
            return orjson.dumps(data), (*attributes, ("content-type", b"application/json"))
        case Form.STRUCTURED:
            whole = {**event, "datacontenttype": "application/json", "data": data}
            return orjson.dumps(whole), (("content-type", b"application/cloudevents+json"),)
        case Form.BROKEN:
            return orjson.dumps(data)[:-20], ()
        case Form.PLAIN:
            return orjson.dumps(data), ()
