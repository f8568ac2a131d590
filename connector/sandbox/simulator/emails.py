"""``/emails``: documents that come as attachments of a message (https://elis.rossum.ai/api/docs/#import-email)."""

import email
import email.policy
from email.message import EmailMessage
from http import HTTPStatus

import orjson
from aiohttp import BodyPartReader, web

from connector.sandbox.simulator.annotations import checked_metadata
from connector.sandbox.simulator.clock import iso
from connector.sandbox.simulator.imports import admit
from connector.sandbox.simulator.kinds import HEAD, kind_of
from connector.sandbox.simulator.model import Email, Json, Queue
from connector.sandbox.simulator.receiving import Received, ReceivedFile
from connector.sandbox.simulator.wire import ApiError, Call, Routes, bad_field, not_found, respond
from connector.sandbox.simulator.world import World

LARGEST = 50 * 1024 * 1024  # bytes of a raw message


async def import_email(call: Call) -> web.Response:
    """Take in a message as if it had come to the inbox of a queue; the answer is only the address of a task."""
    fields = await _fields(call)
    queue = _inbox(call.world, fields.get("recipient", b"").decode(errors="replace"))
    message = email.message_from_bytes(fields["raw_message"], policy=email.policy.default)
    received = Received(metadata=checked_metadata(_json(fields, "metadata")), values=_json(fields, "values"))
    try:
        received.files = _attachments(call.world, message)
        task = _admitted(call.world, queue, message, received)
    finally:
        received.discard()
    return respond({"url": call.world.views.url("tasks", task)}, HTTPStatus.ACCEPTED)


async def _fields(call: Call) -> dict[str, bytes]:
    """The parts of the form.

    Raises:
        ApiError: 400 without a message, 413 for more than Rossum takes.
    """
    fields: dict[str, bytes] = {}
    if call.request.content_type.startswith("multipart/"):
        reader = await call.request.multipart()
        while (part := await reader.next()) is not None:
            if isinstance(part, BodyPartReader) and part.name:
                fields[part.name] = await part.read()
                if sum(map(len, fields.values())) > LARGEST:
                    raise ApiError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, {"detail": "Messages have at most 50 MB."})
    if not fields.get("raw_message"):
        raise bad_field("raw_message", "This field is required.")
    return fields


def _json(fields: dict[str, bytes], name: str) -> Json:
    try:
        value = orjson.loads(fields.get(name) or b"{}")
    except orjson.JSONDecodeError:
        value = None
    if not isinstance(value, dict):
        raise bad_field(name, "Value must be valid JSON.")
    return value


def _inbox(world: World, recipient: str) -> Queue:
    """The queue of an address: its local part is the queue's id or name."""
    name = recipient.partition("@")[0]
    for queue in world.state.queues.values():
        if name in (str(queue.id), queue.name):
            return queue
    raise bad_field("recipient", "There is no inbox with this address.")


def _attachments(world: World, message: EmailMessage) -> list[ReceivedFile]:
    """Those that can be documents; others are left out, as Rossum's own filters do."""
    files = []
    for part in message.iter_attachments():
        content = part.get_payload(decode=True)
        if isinstance(content, bytes) and kind_of(content[:HEAD]) is not None:
            file = ReceivedFile(part.get_filename() or "attachment", world.contents)
            file.feed(content)
            files.append(file)
    return files


def _admitted(world: World, queue: Queue, message: EmailMessage, received: Received) -> int:
    """Keep the message and its documents; the id of the task."""
    admitted = admit(world, queue, received)
    made = Email(world.state.next_id("email"), queue.id, str(message["Subject"] or ""), world.clock.now())
    made.documents = list(admitted.upload.documents)
    made.annotations = [annotation.id for annotation in admitted.annotations]
    world.state.emails[made.id] = made
    for number in made.documents:
        world.state.documents[number].email = made.id
    admitted.task.email_id = made.id
    return admitted.task.id


async def get_email(call: Call) -> web.Response:
    """One message with its documents and annotations."""
    views, row = call.world.views, call.world.state.emails.get(call.ids[0])
    if row is None:
        raise not_found()
    return respond(
        {
            "id": row.id,
            "url": views.url("emails", row.id),
            "queue": views.url("queues", row.queue_id),
            "inbox": None,
            "parent": None,
            "subject": row.subject,
            "created_at": iso(row.created_at),
            "type": "incoming",
            "metadata": {},
            "documents": [views.url("documents", number) for number in row.documents],
            "annotations": [views.url("annotations", number) for number in row.annotations],
        }
    )


ROUTES: Routes = {"POST /emails/import": import_email, "GET /emails/{id}": get_email}
