"""``/workspaces``: folders of queues; the sandbox starts with one."""

from http import HTTPStatus

from aiohttp import web

from connector.sandbox.simulator.kept_objects import require
from connector.sandbox.simulator.metadata import checked_metadata
from connector.sandbox.simulator.model import ORGANIZATION, Json, Workspace
from connector.sandbox.simulator.paging import page_of
from connector.sandbox.simulator.wire import Call, Routes, no_content, not_found, referenced, respond
from connector.sandbox.simulator.world import World


def workspace_view(world: World, workspace: Workspace) -> Json:
    """The workspace object."""
    queues = [queue.id for queue in world.state.queues.values() if queue.workspace_id == workspace.id]
    return {
        "id": workspace.id,
        "name": workspace.name,
        "url": world.views.url("workspaces", workspace.id),
        "autopilot": False,
        "organization": world.views.url("organizations", ORGANIZATION),
        "queues": [world.views.url("queues", number) for number in queues],
        "metadata": workspace.metadata,
    }


def _workspace(call: Call) -> Workspace:
    found = call.world.state.workspaces.get(call.ids[0])
    if found is None:
        raise not_found()
    return found


async def list_workspaces(call: Call) -> web.Response:
    """All workspaces, or those of a name or an id."""
    rows = list(call.world.state.workspaces.values())
    for name in ("id", "name"):
        if (asked := call.parameter(name)) is not None:
            rows = [row for row in rows if str(getattr(row, name)) == asked]
    return respond(page_of(call, [workspace_view(call.world, row) for row in rows]))


async def get_workspace(call: Call) -> web.Response:
    """One workspace."""
    return respond(workspace_view(call.world, _workspace(call)))


async def create_workspace(call: Call) -> web.Response:
    """An empty workspace of the organisation."""
    body = await call.json()
    require(body, ("name", "organization"))
    made = Workspace(
        call.world.state.next_id("workspace"), str(body["name"]), checked_metadata(body.get("metadata", {}))
    )
    call.world.state.workspaces[made.id] = made
    return respond(workspace_view(call.world, made), HTTPStatus.CREATED)


async def change_workspace(call: Call) -> web.Response:
    """Another name or other metadata."""
    workspace, body = _workspace(call), await call.json()
    workspace.metadata = checked_metadata(body.get("metadata", workspace.metadata))
    workspace.name = str(body.get("name", workspace.name))
    return respond(workspace_view(call.world, workspace))


async def delete_workspace(call: Call) -> web.Response:
    """Remove it; a conflict while it has queues that are not about to go."""
    workspace = _workspace(call)
    if any(queue.is_active and queue.workspace_id == workspace.id for queue in call.world.state.queues.values()):
        raise referenced("Workspace has queues.")
    del call.world.state.workspaces[workspace.id]
    return no_content()


ROUTES: Routes = {
    "GET /workspaces": list_workspaces,
    "POST /workspaces": create_workspace,
    "GET /workspaces/{id}": get_workspace,
    "PUT /workspaces/{id}": change_workspace,
    "PATCH /workspaces/{id}": change_workspace,
    "DELETE /workspaces/{id}": delete_workspace,
}
