"""``/annotations/{id}/<verb>``: what people do to an annotation, with the conflicts Rossum answers."""

from http import HTTPStatus

from aiohttp import web

from connector.sandbox.simulator.model import API_USER, Annotation, Json
from connector.sandbox.simulator.wire import (
    ApiError,
    Call,
    Routes,
    bad_field,
    conflict,
    id_of,
    no_content,
    respond,
)

STARTABLE = frozenset({"to_review", "reviewing", "postponed", "confirmed"})
#: How long a review may take, as Rossum writes it and in seconds.
SESSION_TIMEOUT, SESSION_SECONDS = "01:00:00", 3600


def _held(annotation: Annotation) -> None:
    """Make sure that the caller is reviewing it."""
    if annotation.status != "reviewing" or annotation.holder != API_USER:
        raise conflict("Annotation is not being reviewed by the current user.")


def _in(annotation: Annotation, *statuses: str) -> None:
    """Make sure that it is in one of the statuses, and that nobody else reviews it."""
    if annotation.status not in statuses:
        raise conflict(f"Annotation in status {annotation.status} does not allow this.")
    if annotation.status == "reviewing" and annotation.holder != API_USER:
        raise conflict("Annotation is being reviewed by another user.")


async def start(call: Call) -> web.Response:
    """Begin a review; the body's ``statuses`` replace the ones it may start from."""
    annotation = call.annotation()
    body = await call.json()
    _in(annotation, *(body.get("statuses") or STARTABLE))
    _review(call, annotation)
    return respond(
        {"annotation": call.world.views.url("annotations", annotation.id), "session_timeout": SESSION_TIMEOUT}
    )


def _review(call: Call, annotation: Annotation) -> None:
    if annotation.status != "reviewing":
        call.world.lifecycle.move(annotation, "reviewing", API_USER)


async def confirm(call: Call) -> web.Response:
    """Confirm: on to the export, or to ``confirmed`` where the queue wants that."""
    annotation = call.annotation()
    _held(annotation)
    call.world.lifecycle.confirm(annotation, API_USER)
    return no_content()


async def cancel(call: Call) -> web.Response:
    """Leave the review; the annotation waits for another one."""
    annotation = call.annotation()
    _held(annotation)
    call.world.lifecycle.move(annotation, "to_review", API_USER)
    return no_content()


async def postpone(call: Call) -> web.Response:
    """Put it aside."""
    annotation = call.annotation()
    _in(annotation, "to_review", "reviewing")
    call.world.lifecycle.move(annotation, "postponed", API_USER)
    return no_content()


async def reject(call: Call) -> web.Response:
    """Reject it."""
    annotation = call.annotation()
    _in(annotation, "to_review", "reviewing", "in_workflow", "confirmed")
    call.world.lifecycle.move(annotation, "rejected", API_USER)
    return respond({"status": annotation.status})


async def approve(call: Call) -> web.Response:
    """Approve it in its workflow: it is exported."""
    annotation = call.annotation()
    _in(annotation, "in_workflow")
    call.world.lifecycle.begin_export(annotation)
    return respond({"status": annotation.status})


async def delete(call: Call) -> web.Response:
    """Move it to the bin."""
    annotation = call.annotation()
    if annotation.status == "purged":
        raise conflict("Purged annotation cannot be deleted.")
    if annotation.status != "deleted":
        call.world.lifecycle.move(annotation, "deleted", API_USER)
    return no_content()


async def copy(call: Call) -> web.Response:
    """Copy data and metadata into a queue; ``reimport=true`` lets the AI read it again."""
    annotation = call.annotation()
    body = await call.json()
    queue = id_of(body.get("target_queue", annotation.queue_id))
    if queue is None or queue not in call.world.state.queues:
        raise bad_field("target_queue", "Invalid hyperlink - Object does not exist.")
    again = (call.parameter("reimport") or "").lower() == "true"
    made = copy_into(call, annotation, queue, "importing" if again else body.get("target_status") or annotation.status)
    if again:
        call.world.lifecycle.begin(made)
    return respond({"annotation": call.world.views.url("annotations", made.id)})


def copy_into(call: Call, annotation: Annotation, queue: int, status: str) -> Annotation:
    """Another annotation of the same document; it gets the clock of its status."""
    state = call.world.state
    document = state.documents[annotation.document_id]
    made = state.make_annotation(document, queue, dict(annotation.metadata), "created")
    made.values = annotation.values
    call.world.lifecycle.move(made, status, API_USER)
    return made


async def processing_duration(call: Call) -> web.Response:
    """How long people worked on it; nobody measures that here."""
    annotation = call.annotation()
    spent = ("active", "overall", "edit", "blockers", "emails", "opening")
    return respond(
        {
            "annotation": call.world.views.url("annotations", annotation.id),
            **{f"time_spent_{what}": 0.0 for what in spent},
            "duration_latest_validate_started": None,
            "duration_latest_validate_updated_before_confirm": None,
        }
    )


async def rotate(call: Call) -> web.Response:
    """Turn the pages and import again."""
    annotation = call.annotation()
    call.world.lifecycle.move(annotation, "importing", API_USER)
    call.world.lifecycle.begin(annotation)
    return no_content()


async def purge_deleted(call: Call) -> web.Response:
    """Purge deleted annotations: those named, or all of a queue."""
    body: Json = await call.json()
    queue = id_of(body.get("queue"))
    named = {id_of(reference) for reference in body.get("annotations", [])}
    if queue is None and not named:
        raise ApiError(HTTPStatus.BAD_REQUEST, {"non_field_errors": ["Give either annotations or a queue."]})
    for annotation in list(call.world.state.annotations.values()):
        if annotation.status == "deleted" and (annotation.id in named or annotation.queue_id == queue):
            purge(call, annotation)
    return respond({}, HTTPStatus.ACCEPTED)


def purge(call: Call, annotation: Annotation) -> None:
    """Empty it for good: content and file name are gone."""
    call.world.lifecycle.move(annotation, "purged", API_USER)
    document = call.world.state.documents[annotation.document_id]
    call.world.state.move_name(document, "", purged=True)


ROUTES: Routes = {
    "POST /annotations/{id}/start": start,
    "POST /annotations/{id}/confirm": confirm,
    "POST /annotations/{id}/cancel": cancel,
    "POST /annotations/{id}/postpone": postpone,
    "POST /annotations/{id}/reject": reject,
    "POST /annotations/{id}/approve": approve,
    "POST /annotations/{id}/delete": delete,
    "POST /annotations/{id}/copy": copy,
    "POST /annotations/{id}/rotate": rotate,
    "GET /annotations/{id}/processing_duration": processing_duration,
    "POST /annotations/purge_deleted": purge_deleted,
}
