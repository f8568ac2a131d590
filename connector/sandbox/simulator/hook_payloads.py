"""The bodies that webhooks carry, per event, in the shapes that Rossum documents."""

import uuid
from dataclasses import dataclass

from connector.sandbox.simulator.clock import SimulatorClock, iso
from connector.sandbox.simulator.model import Annotation, Document, Hook, Json, Upload
from connector.sandbox.simulator.state import State
from connector.sandbox.simulator.views import Views

# The annotation and document of a payload have fewer keys than the API's objects.
_ANNOTATION_KEYS = (
    "document", "id", "queue", "schema", "pages", "creator", "modifier", "assigned_at", "created_at",
    "confirmed_at", "deleted_at", "exported_at", "export_failed_at", "modified_at", "purged_at",
    "rejected_at", "confirmed_by", "deleted_by", "exported_by", "purged_by", "rejected_by", "status",
)  # fmt: skip
_DOCUMENT_KEYS = (
    "id", "url", "s3_name", "mime_type", "arrived_at", "original_file_name", "content", "metadata",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Payloads:
    """Builds payloads; what all hooks of one event share is built once, by the methods named for events."""

    state: State
    views: Views
    clock: SimulatorClock

    def status_changed(self, row: Annotation, previous: str) -> Json:
        """``annotation_status.changed``: the annotation without its content."""
        annotation = self._annotation(row, previous)
        annotation["content"] = self.views.url("annotations", row.id) + "/content"
        return {"annotation": annotation, "document": self._document(row.document_id)}

    def content(self, row: Annotation, previous: str) -> Json:
        """``annotation_content.*``: the annotation with its content tree."""
        annotation = self._annotation(row, previous)
        annotation["content"] = self.views.content(row)
        return {
            "annotation": annotation,
            "document": self._document(row.document_id),
            "updated_datapoints": [],
        }

    def upload_created(self, upload: Upload, metadata: Json, documents: list[Document]) -> Json:
        """``upload.created``: the files of one upload."""
        queue = self.views.url("queues", upload.queue_id)
        return {
            "email": None,
            "upload": self.views.url("uploads", upload.id),
            "metadata": metadata,
            "files": [
                {
                    "document": self.views.url("documents", document.id),
                    "prevent_importing": False,
                    "values": [],
                    "queue": queue,
                    "annotation": self.views.url("annotations", document.annotations[0])
                    if document.annotations
                    else None,
                }
                for document in documents
            ],
            "documents": [
                {
                    "id": document.id,
                    "url": self.views.url("documents", document.id),
                    "mime_type": document.mime_type,
                }
                for document in documents
            ],
        }

    def complete(self, hook: Hook, event: str, fact: Json, request_id: str | None = None) -> Json:
        """The whole body for one hook; ``event`` is ``event.action``."""
        name, _, action = event.partition(".")
        head: Json = {
            "request_id": request_id or str(uuid.uuid4()),
            "timestamp": iso(self.clock.now()),
            "base_url": self.views.base.removesuffix("/api/v1"),
        }
        if hook.body.get("token_owner"):
            head["rossum_authorization_token"] = uuid.uuid4().hex
        return {
            **head,
            "hook": self.views.url("hooks", hook.id),
            "settings": hook.body["settings"],
            "secrets": hook.secrets,
            "action": action,
            "event": name,
            **fact,
        }

    def _annotation(self, row: Annotation, previous: str) -> Json:
        whole = self.views.annotation(row)
        part = {key: whole[key] for key in _ANNOTATION_KEYS}
        return {
            **part,
            "previous_status": previous,
            "rir_poll_id": whole["rir_poll_id"],
            "messages": whole["messages"],
            "url": whole["url"],
            "content": None,
            "time_spent": 0,
            "metadata": whole["metadata"],
            "organization": whole["organization"],
        }

    def _document(self, number: int) -> Json:
        whole = self.views.document(self.state.documents[number])
        return {key: whole[key] for key in _DOCUMENT_KEYS}
