"""``/queues``: the configured queues with their counts."""

from aiohttp import web

from connector.sandbox.simulator.model import API_USER, REVIEWER, WORKSPACE, Json, Queue
from connector.sandbox.simulator.paging import page_of
from connector.sandbox.simulator.wire import Call, Routes, bad_field, respond
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
        "workspace": views.url("workspaces", WORKSPACE),
        "connector": None,
        "webhooks": [],
        "hooks": [views.url("hooks", hook.id) for hook in world.state.hooks.values() if queue.id in hook.queues],
        "schema": views.url("schemas", queue.schema_id),
        "inbox": None,
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
        "status": "active",
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
        },
        "workflows": [],
    }


async def list_queues(call: Call) -> web.Response:
    """All queues."""
    wanted = {int(part) for part in (call.parameter("id") or "").split(",") if part.isdecimal()}
    queues = [queue for queue in call.world.state.queues.values() if not wanted or queue.id in wanted]
    return respond(page_of(call, [queue_view(call.world, queue) for queue in queues]))


async def get_queue(call: Call) -> web.Response:
    """One queue."""
    return respond(queue_view(call.world, call.queue()))


async def patch_queue(call: Call) -> web.Response:
    """Change the name, the metadata or whether it keeps a ``confirmed`` state."""
    queue, body = call.queue(), await call.json()
    if not isinstance(body.get("use_confirmed_state", False), bool):
        raise bad_field("use_confirmed_state", "Must be a valid boolean.")
    queue.name = str(body.get("name", queue.name))
    queue.metadata = body.get("metadata", queue.metadata)
    queue.use_confirmed_state = body.get("use_confirmed_state", queue.use_confirmed_state)
    return respond(queue_view(call.world, queue))


ROUTES: Routes = {
    "GET /queues": list_queues,
    "GET /queues/{id}": get_queue,
    "PATCH /queues/{id}": patch_queue,
}
