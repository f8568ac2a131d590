"""The JSON shapes of the API's objects; every URL in them starts with the server's own base."""

from dataclasses import dataclass

from connector.sandbox.simulator.behaviour import Behaviour
from connector.sandbox.simulator.captured import capture, content_tree, export_tree
from connector.sandbox.simulator.clock import iso, iso_or_none
from connector.sandbox.simulator.later import export_with_news, untyped, with_news
from connector.sandbox.simulator.model import (
    API_USER,
    ORGANIZATION,
    USERNAMES,
    Annotation,
    Document,
    ImportTask,
    Json,
    Relation,
    Upload,
)
from connector.sandbox.simulator.state import State

TASK_LIFE = 6 * 3600 * 1_000_000  # microseconds; seen in the vendor's SDK fixtures


@dataclass(slots=True)
class Views:
    """Renders objects; ``base`` is the API's base URL, known once the port is."""

    state: State
    behaviour: Behaviour
    seed: int
    base: str = ""

    def url(self, kind: str, number: int | None) -> str:
        """The address of an object."""
        return f"{self.base}/{kind}/{number}"

    def url_or_none(self, kind: str, number: int | None) -> str | None:
        """The address of an object, or nothing when there is none."""
        return None if number is None else f"{self.base}/{kind}/{number}"

    def clock(self, instant: int | None) -> str | None:
        """A status clock as shown: null when clocks are withheld."""
        return None if instant is None or self.behaviour.null_clocks else iso(instant)

    def annotation(self, row: Annotation) -> Json:
        """The annotation object of lists and single reads."""
        base = self.base
        own = f"{base}/annotations/{row.id}"
        queue = self.state.queues[row.queue_id]
        modifier = self.url_or_none("users", row.modifier)
        shown: Json = {
            "document": f"{base}/documents/{row.document_id}",
            "id": row.id,
            "queue": f"{base}/queues/{queue.id}",
            "schema": f"{base}/schemas/{queue.schema_id}",
            "relations": [f"{base}/relations/{number}" for number in row.relations],
            "pages": [f"{base}/pages/{row.document_id}"],
            "creator": f"{base}/users/{API_USER}",
            "modifier": modifier,
            "modified_by": modifier,
            "created_at": iso(row.created_at),
            "arrived_at": iso(row.arrived_at),
            **self._clocks(row),
            "status": row.status,
            "rir_poll_id": f"{row.id:024x}",
            "messages": row.messages,
            "url": own,
            "content": own + "/content",
            "suggested_edit": None,
            "time_spent": 0,
            "metadata": row.metadata,
            "automated": False,
            "related_emails": [],
            "email": self.url_or_none("emails", self.state.documents[row.document_id].email),
            "automation_blocker": None,
            "email_thread": None,
            "has_email_thread_with_replies": False,
            "has_email_thread_with_new_replies": False,
            "organization": f"{base}/organizations/{ORGANIZATION}",
            "automatically_rejected": False,
            "prediction": None,
            "assignees": [],
            "labels": [],
            "restricted_access": False,
            "training_enabled": True,
            "einvoice": False,
        }
        return with_news(shown) if self.behaviour.new_things else shown

    def _clocks(self, row: Annotation) -> Json:
        """The status clocks, and who set each."""
        user = f"{self.base}/users/{row.modifier or API_USER}"
        return {
            "assigned_at": iso_or_none(row.assigned_at),
            "confirmed_at": self.clock(row.confirmed_at),
            "deleted_at": self.clock(row.deleted_at),
            "exported_at": self.clock(row.exported_at),
            "export_failed_at": self.clock(row.export_failed_at),
            "modified_at": iso_or_none(row.modified_at),
            "purged_at": self.clock(row.purged_at),
            "rejected_at": self.clock(row.rejected_at),
            "confirmed_by": user if row.confirmed_at else None,
            "deleted_by": user if row.deleted_at else None,
            "exported_by": user if row.exported_at else None,
            "purged_by": user if row.purged_at else None,
            "rejected_by": user if row.rejected_at else None,
        }

    def content(self, row: Annotation) -> list[Json]:
        """The content tree with ids, as people and hooks see it; empty once purged."""
        if row.status == "purged":
            return []
        read = capture(row, self.state.documents[row.document_id], self.seed)
        return content_tree(read, row.id, f"{self.base}/annotations/{row.id}/content")

    def exported(self, row: Annotation) -> Json:
        """One element of the JSON export; ``exported_at`` is missing when it never was."""
        document = self.state.documents[row.document_id]
        address = self.url("documents", document.id)
        element: Json = {
            "url": self.url("annotations", row.id),
            "status": row.status,
            "arrived_at": iso(row.arrived_at),
            "exported_at": self.clock(row.exported_at),
            "document": {"url": address, "file_name": document.file_name, "file": address + "/content"},
            "modifier": self.modifier(row),
            "schema": {"url": self.url("schemas", self.state.queues[row.queue_id].schema_id)},
            "metadata": row.metadata,
            "content": [] if row.status == "purged" else export_tree(capture(row, document, self.seed)),
        }
        if not self.behaviour.lean_export:
            element |= {
                "automated": False,
                "modified_at": iso_or_none(row.modified_at),
                "assigned_at": iso_or_none(row.assigned_at),
            }
        if row.exported_at is None:
            del element["exported_at"]
        return element

    def exported_json(self, row: Annotation) -> Json:
        """The same as the JSON export has it: with the habits of that form alone."""
        element = self.exported(row)
        if self.behaviour.untyped_exports:
            element["content"] = untyped(element["content"])
        return export_with_news(element) if self.behaviour.new_things else element

    def modifier(self, row: Annotation) -> Json | None:
        """Who worked on it last, as the export says it."""
        if row.modifier is None:
            return None
        return {"url": self.url("users", row.modifier), "username": USERNAMES[row.modifier]}

    def document(self, row: Document) -> Json:
        """The document object."""
        own = self.url("documents", row.id)
        shown: Json = {
            "id": row.id,
            "url": own,
            "s3_name": f"{row.id:032x}",
            "parent": self.url_or_none("documents", row.parent),
            "email": self.url_or_none("emails", row.email),
            "annotations": [self.url("annotations", number) for number in row.annotations],
            "mime_type": row.mime_type,
            "creator": self.url("users", API_USER),
            "created_at": iso(row.created_at),
            "arrived_at": iso(row.created_at),
            "original_file_name": row.file_name,
            "content": None if row.purged else own + "/content",
            "attachment_status": row.attachment_status,
            "metadata": row.metadata,
        }
        return with_news(shown) if self.behaviour.new_things else shown

    def upload(self, row: Upload) -> Json:
        """The upload object, which links a task to its documents and annotations."""
        annotations = row.annotations[::-1] if self.behaviour.annotations_reversed else row.annotations
        return {
            "id": row.id,
            "url": self.url("uploads", row.id),
            "queue": self.url("queues", row.queue_id),
            "creator": self.url("users", API_USER),
            "created_at": iso(row.created_at),
            "email": self.url_or_none("emails", row.email_id),
            "organization": self.url("organizations", ORGANIZATION),
            "documents": [self.url("documents", number) for number in row.documents],
            "additional_documents": [self.url("documents", number) for number in row.additional_documents],
            "annotations": [self.url("annotations", number) for number in annotations],
        }

    def task(self, row: ImportTask, status: str) -> Json:
        """The task of an upload or e-mail; its content is there once it has succeeded, or early by a switch."""
        kind, name, number = "upload_created", "upload", row.upload_id
        if row.email_id is not None:
            kind, name, number = "email_imported", "email", row.email_id
        result = self.url(f"{name}s", number)
        shows = status == "succeeded" or (status == "running" and self.behaviour.task_content_early)
        shape: Json = {
            "id": row.id,
            "url": self.url("tasks", row.id),
            "type": kind,
            "status": status,
            "expires_at": iso(row.created_at + TASK_LIFE),
            "detail": None,
            "content": {name: result} if shows else None,
        }
        if status == "succeeded":
            shape["result_url"] = result
        if status == "failed":
            shape["detail"] = f"Processing of the upload failed. Error id: {row.id:08x}"
            if self.behaviour.task_code:
                shape["code"] = self.behaviour.task_code
        return shape

    def relation(self, row: Relation) -> Json:
        """The relation object."""
        return {
            "id": row.id,
            "type": row.type,
            "key": row.key,
            "parent": self.url_or_none("annotations", row.parent),
            "annotations": [self.url("annotations", number) for number in row.annotations],
            "url": self.url("relations", row.id),
        }
