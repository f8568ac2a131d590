"""``/emails``: messages that came to an inbox; their attachments become documents with annotations."""

import email
import email.policy
from email.message import EmailMessage
from email.utils import getaddresses
from http import HTTPStatus

from aiohttp import BodyPartReader, web

from connector.sandbox.simulator.clock import iso
from connector.sandbox.simulator.imports import Admitted, admit
from connector.sandbox.simulator.inboxes import KIND as INBOXES
from connector.sandbox.simulator.kept_objects import Kind, keep, kept, routes_of, shown
from connector.sandbox.simulator.model import Json, Queue
from connector.sandbox.simulator.receiving import Received, ReceivedFile, set_json, small_part
from connector.sandbox.simulator.wire import Call, Routes, bad_field, id_of, not_found, raw, respond

LARGEST = 50 * 1024 * 1024  # bytes of a raw message
KIND = Kind(
    "emails",
    ("queue", "inbox"),
    {
        "parent": None, "email_thread": None, "children": [], "created_at": None, "last_thread_email_created_at": None,
        "subject": None, "from": {}, "to": [], "cc": [], "bcc": [], "body_text_plain": None, "body_text_html": None,
        "documents": [], "annotations": [], "related_annotations": [], "related_documents": [], "metadata": {},
        "type": "incoming", "annotation_counts": {}, "creator": None, "filtered_out_document_count": 0, "labels": [],
        "content": None, "organization": None,
    },
    ("queue", "inbox", "type", "subject"),
)  # fmt: skip


async def import_email(call: Call) -> web.Response:
    """Deliver a raw message to an inbox; the answer is only the address of a task, as with uploads."""
    raw_message, recipient, received = await _receive(call)
    queue, inbox = _addressed(call, recipient)
    message = email.message_from_bytes(raw_message, policy=email.policy.default)
    try:
        received.files = list(_attachments(call, message))
        admitted = admit(call.world, queue, received)
    finally:
        received.discard()
    made = keep(call, KIND, _body(call, message, inbox, admitted))
    call.world.emails[made["id"]] = raw_message
    admitted.upload.email_id = admitted.task.email_id = made["id"]
    for number in admitted.upload.documents:
        call.world.state.documents[number].email = made["id"]
    return respond({"url": call.world.views.url("tasks", admitted.task.id)}, HTTPStatus.ACCEPTED)


def _addressed(call: Call, recipient: str) -> tuple[Queue, str | None]:
    """The queue that an address fills and its inbox; a queue without one is reached by its name or id.

    Raises:
        ApiError: 400, nobody has that address.
    """
    queues = call.world.state.queues
    for inbox in kept(call, INBOXES):
        if inbox["email"] == recipient and inbox["queues"]:
            return queues[id_of(inbox["queues"][0]) or 0], inbox["url"]
    local = recipient.partition("@")[0]
    for queue in queues.values():
        if local in (str(queue.id), queue.name):
            return queue, None
    raise bad_field("recipient", f"There is no inbox with the address {recipient}.")


async def _receive(call: Call) -> tuple[bytes, str, Received]:
    """The message, to whom it goes, and the ``metadata`` and ``values`` that its documents get."""
    if not call.request.content_type.startswith("multipart/"):
        raise bad_field("raw_message", "This field is required.")
    parts: dict[str, bytes] = {}
    received = Received()
    reader = await call.request.multipart()
    while (part := await reader.next()) is not None:
        if isinstance(part, BodyPartReader) and part.name is not None:
            parts[part.name] = await small_part(part, LARGEST)
    for name in ("raw_message", "recipient"):
        if not parts.get(name):
            raise bad_field(name, "This field is required.")
    for name in ("metadata", "values"):
        if name in parts:
            set_json(received, name, parts[name], named=False)
    return parts["raw_message"], parts["recipient"].decode(errors="replace"), received


def _attachments(call: Call, message: EmailMessage) -> list[ReceivedFile]:
    """The attached files that can be read; others are left out."""
    files = []
    for part in message.iter_attachments():
        content = part.get_payload(decode=True)
        file = ReceivedFile(part.get_filename() or "attachment", call.world.contents)
        file.feed(content if isinstance(content, bytes) else b"")
        file.end()
        if file.kind is None:
            file.discard()
        else:
            files.append(file)
    return files


def _body(call: Call, message: EmailMessage, inbox: str | None, admitted: Admitted) -> Json:
    def people(name: str) -> list[Json]:
        found = getaddresses([str(value) for value in message.get_all(name, [])])
        return [{"name": who, "email": address} for who, address in found]

    text, url = message.get_body(("plain",)), call.world.views.url
    now = iso(call.world.clock.now())
    return {
        "queue": url("queues", admitted.upload.queue_id),
        "inbox": inbox,
        "created_at": now,
        "last_thread_email_created_at": now,
        "subject": str(message.get("Subject", "")),
        "from": next(iter(people("From")), {}),
        "to": people("To"),
        "cc": people("Cc"),
        "body_text_plain": "" if text is None else text.get_content(),
        "documents": [url("documents", number) for number in admitted.upload.documents],
        "annotations": [url("annotations", number) for number in admitted.upload.annotations],
    }


async def get_email(call: Call) -> web.Response:
    """One message, with the address of its raw content."""
    return respond(email_view(call, _known(call)))


def _known(call: Call) -> int:
    if call.ids[0] not in call.world.state.objects[KIND.name]:
        raise not_found()
    return call.ids[0]


def email_view(call: Call, number: int) -> Json:
    """The e-mail object."""
    whole = shown(call, KIND, number)
    return {**whole, "content": f"{whole['url']}/content"}


async def get_email_content(call: Call) -> web.Response:
    """The message as it was sent."""
    return raw(call.world.emails[_known(call)], "message/rfc822")


ROUTES: Routes = {
    **routes_of(KIND, "list"),
    "POST /emails/import": import_email,
    "GET /emails/{id}": get_email,
    "GET /emails/{id}/content": get_email_content,
}
