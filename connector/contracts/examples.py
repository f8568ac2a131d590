"""One example of every event's data and of an arrival; they stand in `schemas/`."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel

from connector.contracts import events
from connector.contracts.arrivals import Arrival
from connector.errors import Stage

_API: Final = "https://acme.rossum.app/api/v1"
_IMPORT: Final = "6c1f3c5e-3d3f-5f0e-9b7a-2f6f7a1f2b11"
_ARRIVED: Final = "2025-11-03T09:12:44.120391Z"
_EXPORTED: Final = "2025-11-03T09:31:07.004512Z"

ARRIVAL: Final = Arrival.model_validate(
    {
        "source": {"kind": "https", "url": "https://files.acme.example/in/4711.pdf", "size": 48213},
        "queue": "invoices",
        "document_id": "erp-4711",
        "file_name": "invoice 4711.pdf",
        "values": {"upload:tenant": "acme-cz"},
        "metadata": {"batch": 17},
    }
)

_IMPORT_EVENT: Final[dict[str, Any]] = {
    "document_key": "erp-4711",
    "import_id": _IMPORT,
    "metadata": {"batch": 17},
    "generation": 1,
}


def _annotation(status: str, **more: Any) -> dict[str, Any]:
    """What all events about an annotation have."""
    info = events.AnnotationInfo(
        id=315777,
        url=f"{_API}/annotations/315777",
        status=status,
        queue=8198,
        schema=f"{_API}/schemas/31336",
        automated=False,
        arrived_at=_ARRIVED,
        **more,
    )
    document = events.DocumentInfo(id=315877, url=f"{_API}/documents/315877", file_name="invoice 4711.pdf")
    return {
        "document_key": "erp-4711",
        "import_id": _IMPORT,
        "metadata": {"batch": 17},
        "annotation": info,
        "document": document,
    }


def _field(value: str | None, kind: str, confidence: float | None) -> events.CapturedField:
    return {"value": value, "type": kind, "confidence": confidence}


def _node(schema_id: str, value: str, kind: str, confidence: float | None) -> dict[str, Any]:
    return {
        "category": "datapoint",
        "schema_id": schema_id,
        "value": value,
        "type": kind,
        "rir_confidence": confidence,
    }


_CONTENT: Final[list[Any]] = [
    {
        "category": "section",
        "schema_id": "invoice_details_section",
        "children": [
            _node("document_id", "4711", "string", 0.99),
            _node("date_issue", "2025-10-30", "date", 0.97),
            _node("order_id", "", "string", None),
            {
                "category": "multivalue",
                "schema_id": "line_items",
                "children": [
                    {
                        "category": "tuple",
                        "schema_id": "line_item",
                        "children": [
                            _node("item_description", "Paper A4", "string", 0.95),
                            _node("item_amount_total", "2100.00", "number", 0.98),
                        ],
                    }
                ],
            },
        ],
    }
]

_EXPORTED_ANNOTATION: Final = _annotation("exported", exported_at=_EXPORTED)

EXAMPLES: Final[Mapping[str, BaseModel]] = {
    "import.accepted": events.ImportAccepted(**_IMPORT_EVENT, queue=8198, file_name="invoice 4711.pdf"),
    "import.completed": events.ImportCompleted(**_IMPORT_EVENT, annotations=[315777], documents=[315877]),
    "import.failed": events.ImportFailed(
        **_IMPORT_EVENT,
        stage=Stage.FETCH,
        reason="files.acme.example answered 404: the document is gone.",
        http_status=404,
        attempts=3,
    ),
    "import.duplicate": events.ImportDuplicate(
        **_IMPORT_EVENT, refused=False, annotations=[315790], documents=[315890]
    ),
    "annotation.ready": events.AnnotationReady(**_annotation("to_review")),
    "annotation.confirmed": events.AnnotationConfirmed(**_annotation("confirmed", confirmed_at=_EXPORTED)),
    "annotation.postponed": events.AnnotationPostponed(**_annotation("postponed")),
    "annotation.export_failed": events.AnnotationExportFailed(**_annotation("failed_export")),
    "annotation.captured": events.AnnotationCaptured(
        **_EXPORTED_ANNOTATION,
        revision_count=1,
        fields={
            "document_id": _field("4711", "string", 0.99),
            "date_issue": _field("2025-10-30", "date", 0.97),
            "order_id": _field(None, "string", None),
        },
        tables={
            "line_items": [
                {
                    "item_description": _field("Paper A4", "string", 0.95),
                    "item_amount_total": _field("2100.00", "number", 0.98),
                }
            ]
        },
        content=_CONTENT,
    ),
    "annotation.captured-thin": events.AnnotationCapturedThin(**_EXPORTED_ANNOTATION, revision_count=1),
    "annotation.rejected": events.AnnotationRejected(**_annotation("rejected")),
    "annotation.split": events.AnnotationSplit(**_annotation("split"), children=[315801, 315802]),
    "annotation.deleted": events.AnnotationDeleted(**_annotation("deleted")),
    "annotation.purged": events.AnnotationPurged(**_annotation("purged")),
    "annotation.superseded": events.AnnotationSuperseded(
        **_EXPORTED_ANNOTATION, superseded="2025-11-03T09:20:00.000000Z", current=_EXPORTED
    ),
    "sweep.completed": events.SweepCompleted(
        clock="exported_at",
        window=events.Window(after="2025-11-03T09:30:30.000000Z", before="2025-11-03T09:31:55.000000Z"),
        queues=[8198, 8199],
        seen=41,
        new=2,
        recovered=0,
    ),
}
