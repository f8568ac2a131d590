"""``/queues``: the configured queues, and those that clients create, with their counts."""

from http import HTTPStatus

from aiohttp import web

from connector.sandbox.simulator.kept_objects import require
from connector.sandbox.simulator.metadata import checked_metadata
from connector.sandbox.simulator.model import API_USER, REVIEWER, Json, Queue
from connector.sandbox.simulator.paging import page_of
from connector.sandbox.simulator.wire import Call, Routes, bad_field, id_of, respond
from connector.sandbox.simulator.world import World

# As in the vendor's object: no created, no in_workflow.
_COUNTED = (
    "importing", "split", "failed_import", "to_review", "reviewing", "confirmed", "exporting", "postponed",
    "failed_export", "exported", "deleted", "purged", "rejected",
)  # fmt: skip


def queue_view(world: World, queue: Queue) -> Json:
    """The queue object."""
    views = world.views
    return {
        "id": queue.id,
        "name": queue.name,
        "url": views.url("queues", queue.id),
        "workspace": views.url("workspaces", queue.workspace_id),
        "connector": None,
        "webhooks": [],
        "hooks": [views.url("hooks", hook.id) for hook in world.state.hooks.values() if queue.id in hook.queues],
        "schema": views.url("schemas", queue.schema_id),
        "inbox": _inbox(world, queue),
        "users": [views.url("users", API_USER), views.url("users", REVIEWER)],
        "session_timeout": "01:00:00",
        "rir_url": "https://all.rir.rossum.ai",
        "rir_params": None,
        "dedicated_engine": None,
        "generic_engine": None,
        "engine": None,
        "counts": {status: world.state.counts[queue.id, status] for status in _COUNTED},
        "default_score_threshold": 0.8,
        "automation_enabled": False,
        "automation_level": "never",
        "locale": "en_US",
        "metadata": queue.metadata,
        "use_confirmed_state": queue.use_confirmed_state,
        "document_lifetime": None,
        "delete_after": None,
        "status": queue.status,
        "modified_by": None,
        "modified_at": None,
        "settings": {
            "columns": [],
            "hide_export_button": False,
            "automation": {"automate_duplicates": True, "automate_suggested_edit": False},
            "rejection_config": {"enabled": True},
            "asynchronous_export": True,
            "accepted_mime_types": [],
            "workflows": {"enabled": False},
            **queue.settings,
        },
        "workflows": [],
    }


def _inbox(world: World, queue: Queue) -> str | None:
    """The address of the inbox that fills the queue."""
    own = world.views.url("queues", queue.id)
    inboxes = world.state.objects["inboxes"]
    number = next((number for number, inbox in inboxes.items() if own in inbox["queues"]), None)
    return world.views.url_or_none("inboxes", number)


async def list_queues(call: Call) -> web.Response:
    """All queues, or those of an id, a name or a workspace."""
    rows = [queue_view(call.world, queue) for queue in call.world.state.queues.values()]
    for name in ("id", "name", "status"):
        if (asked := call.parameter(name)) is not None:
            rows = [row for row in rows if str(row[name]) in asked.split(",")]
    for name in ("workspace", "schema", "inbox", "engine"):
        if (asked := call.parameter(name)) is not None:
            rows = [row for row in rows if str(id_of(row[name])) in asked.split(",")]
    return respond(page_of(call, rows))


async def get_queue(call: Call) -> web.Response:
    """One queue."""
    return respond(queue_view(call.world, call.queue()))


async def create_queue(call: Call) -> web.Response:
    """An empty queue; what is uploaded to it is read like everything else in the sandbox."""
    body = await call.json()
    require(body, ("name", "workspace", "schema"))
    workspace, schema = _place(call, body, "workspace"), _place(call, body, "schema")
    queue = Queue(call.world.state.next_id("queue"), str(body["name"]), schema, workspace_id=workspace)
    _change(call, queue, body)
    call.world.state.queues[queue.id] = queue
    return respond(queue_view(call.world, queue), HTTPStatus.CREATED)


def _place(call: Call, body: Json, name: str) -> int:
    """The id of the workspace or schema that a body refers to."""
    number = id_of(body[name])
    known = call.world.state.workspaces if name == "workspace" else call.world.state.schemas
    if number is None or number not in known:
        raise bad_field(name, "Invalid hyperlink - Object does not exist.")
    return number


async def change_queue(call: Call) -> web.Response:
    """Change some of it: name, metadata, settings, workspace, schema, whether it keeps a ``confirmed`` state."""
    queue, body = call.queue(), await call.json()
    _change(call, queue, body)
    return respond(queue_view(call.world, queue))


def _change(call: Call, queue: Queue, body: Json) -> None:
    if not isinstance(body.get("use_confirmed_state", False), bool):
        raise bad_field("use_confirmed_state", "Must be a valid boolean.")
    if not isinstance(body.get("settings", {}), dict):
        raise bad_field("settings", "Expected a dictionary.")
    metadata = checked_metadata(body.get("metadata", queue.metadata))
    workspace = _place(call, body, "workspace") if "workspace" in body else queue.workspace_id
    schema = _place(call, body, "schema") if "schema" in body else queue.schema_id
    queue.metadata, queue.workspace_id, queue.schema_id = metadata, workspace, schema
    queue.settings = {**queue.settings, **body.get("settings", {})}
    queue.name = str(body.get("name", queue.name))
    queue.use_confirmed_state = body.get("use_confirmed_state", queue.use_confirmed_state)


async def delete_queue(call: Call) -> web.Response:
    """Ask for its deletion: it takes no more uploads. Rossum removes it a day later, the simulator never does."""
    call.queue().status = "deletion_requested"
    return respond({}, HTTPStatus.ACCEPTED)


ROUTES: Routes = {
    "GET /queues": list_queues,
    "POST /queues": create_queue,
    "GET /queues/{id}": get_queue,
    "PUT /queues/{id}": change_queue,
    "PATCH /queues/{id}": change_queue,
    "DELETE /queues/{id}": delete_queue,
}
