"""``/tasks``: how an upload went; a task that succeeded redirects to its upload."""

from http import HTTPStatus

from aiohttp import web

from connector.sandbox.simulator.views import TASK_LIFE
from connector.sandbox.simulator.wire import Call, Routes, not_found, respond


async def get_task(call: Call) -> web.Response:
    """One task; gone six hours after the upload."""
    world = call.world
    task = world.state.tasks.get(call.ids[0])
    if task is None or world.clock.now() > task.created_at + TASK_LIFE:
        raise not_found()
    status = "running"
    if world.clock.monotonic() >= task.ready:
        status = "failed" if task.fails else "succeeded"
    body = world.views.task(task, status)
    stay = (call.parameter("no_redirect") or "").lower() == "true"
    if status == "succeeded" and not stay:
        return respond(body, HTTPStatus.SEE_OTHER, {"Location": body["result_url"]})
    return respond(body)


ROUTES: Routes = {"GET /tasks/{id}": get_task}
