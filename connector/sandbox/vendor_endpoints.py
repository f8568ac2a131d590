"""The endpoints that Rossum documents, and why the simulator leaves some of them out.

Written by hand from Rossum's API reference (https://rossum.app/api/docs), its list of endpoints and its client, as of
late 2025. What the simulator has of them is not written here: that its routes tell.
"""

from typing import Final

ACTIONS: Final = (
    "start", "start_embedded", "create_embedded_url", "confirm", "cancel", "approve", "reject", "postpone", "delete",
    "copy", "rotate", "split", "edit_pages",
)  # fmt: skip


def _crud(name: str, *more: str) -> tuple[str, ...]:
    """The usual six operations of a resource, and more of it."""
    one = f"/{name}/{{id}}"
    usual = (f"GET /{name}", f"POST /{name}", f"GET {one}", f"PUT {one}", f"PATCH {one}", f"DELETE {one}")
    return (*usual, *more)


#: Operations by resource; what is in a path is written ``{id}``, or ``{filename}`` where it is text.
DOCUMENTED: Final[dict[str, tuple[str, ...]]] = {
    "Base and log-in": (
        "GET /", "POST /auth/login", "POST /auth/logout", "GET /auth/user", "POST /auth/token",
        "POST /auth/password/change", "POST /auth/password/reset",
    ),
    "Upload": (
        "POST /uploads", "POST /uploads/{filename}", "GET /uploads/{id}", "POST /queues/{id}/upload",
        "POST /queues/{id}/upload/{filename}",
    ),
    "Task": ("GET /tasks/{id}",),
    "Annotation": (
        *_crud("annotations"),
        *(f"POST /annotations/{{id}}/{action}" for action in ACTIONS),
        "POST /annotations/search", "POST /annotations/assign", "POST /annotations/purge_deleted",
        "POST /annotations/suggested_recipients", "GET /annotations/{id}/processing_duration",
        "GET /annotations/{id}/page_data", "POST /annotations/{id}/page_data/translate",
        "GET /annotations/export", "POST /annotations/export",
    ),
    "Annotation content": (
        "GET /annotations/{id}/content", "PATCH /annotations/{id}/content",
        "POST /annotations/{id}/content/operations", "POST /annotations/{id}/content/validate",
        "GET /annotations/{id}/content/{id}", "PATCH /annotations/{id}/content/{id}",
    ),
    "Export": ("GET /queues/{id}/export", "POST /queues/{id}/export"),
    "Document": (
        "GET /documents", "POST /documents", "GET /documents/{id}", "PATCH /documents/{id}", "DELETE /documents/{id}",
        "GET /documents/{id}/content", "GET /original/{filename}", "POST /documents/downloads",
        "GET /documents/downloads/{id}", "GET /documents/downloads/{id}/content",
    ),
    "Document relation": _crud("document_relations"),
    "Relation": _crud("relations"),
    "Hook": _crud(
        "hooks", "POST /hooks/{id}/test", "POST /hooks/{id}/invoke", "GET /hooks/{id}/secrets_keys",
        "POST /hooks/{id}/generate_payload", "POST /hooks/{id}/duplicate", "GET /hooks/logs", "GET /hooks/runs",
        "GET /hooks/runs/{id}/logs",
    ),
    "Hook template": ("GET /hook_templates", "GET /hook_templates/{id}"),
    "Queue": _crud(
        "queues", "GET /queues/{id}/related_objects_counts", "POST /queues/{id}/duplicate",
        "GET /queues/{id}/automation/insights", "POST /queues/{id}/automation/projections",
        "GET /queues/{id}/automation/targets", "POST /queues/{id}/automation/targets",
    ),
    "Schema": _crud("schemas", "POST /schemas/validate"),
    "Workspace": _crud("workspaces"),
    "Organization": ("GET /organizations", "GET /organizations/{id}", "GET /organizations/{id}/limits"),
    "Organization group": ("GET /organization_groups", "GET /organization_groups/{id}"),
    "User": _crud("users"),
    "User role": ("GET /groups", "GET /groups/{id}"),
    "Inbox": _crud("inboxes"),
    "E-mail": (
        "GET /emails", "GET /emails/{id}", "PATCH /emails/{id}", "GET /emails/{id}/content", "POST /emails/import",
        "POST /emails/send",
    ),
    "E-mail template": _crud("email_templates"),
    "Connector": _crud("connectors"),
    "Label": _crud("labels", "POST /labels/apply"),
    "Rule": _crud("rules"),
    "Rule execution log": ("GET /rules_execution_logs",),
    "Engine": _crud("engines"),
    "Engine field": _crud("engine_fields"),
    "Page": ("GET /pages", "GET /pages/{id}"),
    "Note": _crud("notes"),
    "Automation blocker": ("GET /automation_blockers", "GET /automation_blockers/{id}"),
    "Suggested edit": ("GET /suggested_edits", "GET /suggested_edits/{id}"),
    "E-mail thread": ("GET /email_threads", "GET /email_threads/{id}"),
    "Workflow": ("GET /workflows", "GET /workflows/{id}", "GET /workflow_runs", "GET /workflow_activities"),
    "Audit log": ("GET /audit_logs",),
}  # fmt: skip

#: Why an operation is left out: the reason, and what it holds for (an operation, or the beginning of its path).
LEFT_OUT: Final[dict[str, tuple[str, ...]]] = {
    "Rossum says never to call it; the status is changed to deleted instead.": ("DELETE /annotations/{id}",),
    "It is listed, but its parameters and answers are not documented.": (
        "GET /annotations/export", "POST /annotations/export",
    ),
    "There are no pictures of pages, and no text on them; an upload's instructions and `/sandbox` split documents.": (
        "POST /annotations/{id}/split", "POST /annotations/{id}/edit_pages", "GET /annotations/{id}/page_data",
        "POST /annotations/{id}/page_data/translate", "/pages", "/suggested_edits",
    ),
    "Single sign-on and passwords are no part of it: one password, and tokens got by it.": (
        "POST /auth/token", "POST /auth/password",
    ),
    "It sends no e-mail, and assigns, labels and notes nothing.": (
        "POST /annotations/assign", "POST /annotations/suggested_recipients", "POST /emails/send",
        "PATCH /emails/{id}", "/email_threads", "POST /labels/apply", "/notes",
    ),
    "It has nothing that automates: no blockers, statistics, workflows or extensions of the store.": (
        "/queues/{id}/automation", "/automation_blockers", "/workflows", "/workflow_runs", "/workflow_activities",
        "GET /hook_templates/{id}",
    ),
    "No client that we know of needs it for documents and their data.": (
        "POST /documents/downloads", "GET /documents/downloads", "GET /original", "POST /queues/{id}/duplicate",
        "GET /queues/{id}/related_objects_counts", "POST /hooks/{id}/invoke", "GET /hooks/{id}/secrets_keys",
        "POST /hooks/{id}/duplicate", "GET /hooks/runs", "PUT /relations", "PATCH /relations", "DELETE /relations",
        "PUT /users", "DELETE /users", "/audit_logs",
    ),
}  # fmt: skip


def reasons(operation: str) -> list[str]:
    """Why the simulator may lack an operation; one reason when all is well."""
    path = operation.partition(" ")[2]
    return [
        reason
        for reason, places in LEFT_OUT.items()
        if any((operation if " " in place else path).startswith(place) for place in places)
    ]
