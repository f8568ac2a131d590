"""``/uploads``: the documented import, and the legacy one of ``/queues/{id}/upload``."""

from http import HTTPStatus

from aiohttp import web

from connector.sandbox.simulator.imports import Admitted, admit
from connector.sandbox.simulator.model import Json, Queue
from connector.sandbox.simulator.receiving import Received, ReceivedFile, receive
from connector.sandbox.simulator.wire import ApiError, Call, Routes, bad_field, conflict, not_found, respond


async def create_upload(call: Call) -> web.Response:
    """Accept files for a queue; the answer is only the address of a task."""
    queue = _queue_parameter(call)
    received = await receive(call)
    try:
        _fail_for(call, received)
        if (call.parameter("reject_identical") or "").lower() == "true":
            _refuse_identical(call, received)
        admitted = admit(call.world, queue, received)
    finally:
        received.discard()
    return respond({"url": call.world.views.url("tasks", admitted.task.id)}, HTTPStatus.ACCEPTED)


def _queue_parameter(call: Call) -> Queue:
    text = call.parameter("queue")
    if text is None:
        raise bad_field("queue", "This field is required.")
    if not text.isdecimal():
        raise bad_field("queue", "A valid integer is required.")
    queue = call.world.state.queues.get(int(text))
    if queue is None:
        raise not_found()
    _check_open(call, queue)
    return queue


def _check_open(call: Call, queue: Queue) -> None:
    """Refuse a queue that is about to be deleted."""
    if not queue.is_active:
        detail = f"Queue {queue.id} is being deleted and accepts no documents."
        raise ApiError(call.world.behaviour.closed_queue_status, {"detail": detail})


def _fail_for(call: Call, received: Received) -> None:
    """500 where a file is one that Rossum is told to fail at."""
    text = call.world.behaviour.failing_file
    if text and any(text in file.name for file in received.files):
        raise ApiError(HTTPStatus.INTERNAL_SERVER_ERROR, {"detail": "Internal server error."})


def _refuse_identical(call: Call, received: Received) -> None:
    """409 when the organisation has a document of that name and content already."""
    if len(received.files) > 1:
        raise bad_field("content", "Only one file can be uploaded with reject_identical.")
    file = received.files[0]
    if call.world.state.holds_identical(file.name, file.sha256):
        error = conflict("Document with the same file name and content already exists.")
        if call.world.behaviour.conflict_names:
            error.body.update(_identical(call, file))
        raise error


def _identical(call: Call, file: ReceivedFile) -> Json:
    """The addresses of the documents that an upload is identical to, and of their annotations."""
    views, documents = call.world.views, call.world.state.documents.values()
    known = [d for d in documents if (d.sent_name, d.sha256) == (file.name, file.sha256) and not d.internal]
    return {
        "documents": [views.url("documents", document.id) for document in known],
        "annotations": [views.url("annotations", number) for document in known for number in document.annotations],
    }


async def create_legacy(call: Call) -> web.Response:
    """Accept files for a queue and answer with their annotations at once."""
    queue = call.queue()
    _check_open(call, queue)
    received = await receive(call)
    try:
        admitted = admit(call.world, queue, received)
    finally:
        received.discard()
    return respond(_legacy_body(call, admitted), HTTPStatus.CREATED)


def _legacy_body(call: Call, admitted: Admitted) -> dict[str, object]:
    views = call.world.views
    results = [
        {
            "annotation": views.url("annotations", made.id),
            "document": views.url("documents", made.document_id),
        }
        for made in admitted.annotations
    ]
    return {"results": results, **(results[0] if results else {})}


async def get_upload(call: Call) -> web.Response:
    """One upload with its documents and annotations."""
    upload = call.world.state.uploads.get(call.ids[0])
    if upload is None:
        raise not_found()
    return respond(call.world.views.upload(upload))


ROUTES: Routes = {
    "POST /uploads": create_upload,
    "POST /uploads/{filename}": create_upload,
    "GET /uploads/{id}": get_upload,
    "POST /queues/{id}/upload": create_legacy,
    "POST /queues/{id}/upload/{filename}": create_legacy,
}
