"""Webhook requests of 3 kB as Rossum sends them, ready to be written to a socket: signed, one per annotation."""

import hashlib
import hmac

import orjson

from connector.clock import SystemClock
from connector.domain.ids import format_clock

SECRET = "hook secret of the benchmarks"  # noqa: S105 - made up, of a hook that nobody has
QUEUE = 8198
PATH = "/hooks/rossum"
#: Bytes of one body.
SIZE = 3_000
_SENT_AT = format_clock(SystemClock().now())
_API = "https://example.rossum.app/api/v1"


def request(annotation: int, port: int) -> bytes:
    """The whole HTTP request that announces the export of one annotation."""
    body = _body(annotation)
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: */*\r\nUser-Agent: rossum\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        f"X-Rossum-Signature-SHA256: sha256={signature}\r\n\r\n"
    )
    return head.encode() + body


def _body(annotation: int) -> bytes:
    """An `annotation_status.changed` body; a note that nobody reads fills it up to the size."""
    event = {
        "request_id": f"{annotation:032x}",
        "timestamp": _SENT_AT,
        "base_url": "https://example.rossum.app",
        "rossum_authorization_token": "0" * 40,
        "hook": f"{_API}/hooks/1500",
        "settings": {},
        "secrets": {},
        "action": "changed",
        "event": "annotation_status",
        "annotation": _annotation(annotation),
        "document": {
            "id": annotation,
            "url": f"{_API}/documents/{annotation}",
            "s3_name": "0" * 32,
            "mime_type": "application/pdf",
            "arrived_at": "2026-11-01T09:59:00.000000Z",
            "original_file_name": f"invoice {annotation}.pdf",
            "content": f"{_API}/documents/{annotation}/content",
            "metadata": {},
        },
    }
    filler = SIZE - len(orjson.dumps(event | {"note": ""}))
    return orjson.dumps(event | {"note": "x" * filler})


def _annotation(number: int) -> dict[str, object]:
    links = {name: f"{_API}/{name}s/{number}" for name in ("document", "schema")}
    clocks = dict.fromkeys(("assigned_at", "confirmed_at", "modified_at"), "2026-11-01T09:59:58.000000Z")
    people = dict.fromkeys(("creator", "modifier", "confirmed_by", "exported_by"), f"{_API}/users/1")
    nothing = ("deleted_at", "export_failed_at", "purged_at", "rejected_at", "deleted_by", "purged_by", "rejected_by")
    return {
        **links,
        **clocks,
        **people,
        **dict.fromkeys(nothing),
        "id": number,
        "url": f"{_API}/annotations/{number}",
        "queue": f"{_API}/queues/{QUEUE}",
        "pages": [f"{_API}/pages/{number}"],
        "created_at": "2026-11-01T09:59:00.000000Z",
        "exported_at": "2026-11-01T10:00:00.000000Z",
        "status": "exported",
        "previous_status": "exporting",
        "messages": [],
        "content": f"{_API}/annotations/{number}/content",
        "time_spent": 12,
        "metadata": {},
        "organization": f"{_API}/organizations/1",
    }
