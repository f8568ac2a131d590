"""``/inboxes``: addresses that e-mails with documents are sent to; ``POST /emails/import`` delivers to them."""

import secrets
from http import HTTPStatus

from aiohttp import web

from connector.sandbox.simulator.kept_objects import Kind, keep, known_fields, require, routes_of
from connector.sandbox.simulator.wire import Call, Routes, bad_field, respond

DOMAIN = "sandbox.example.com"
_SUFFIX = 3  # bytes that keep the addresses of equal prefixes apart
KIND = Kind(
    "inboxes",
    ("name", "queues"),
    {
        "email": None, "email_prefix": None, "bounce_email_to": None, "bounce_unprocessable_attachments": False,
        "bounce_postponed_annotations": False, "bounce_deleted_annotations": False,
        "bounce_email_with_no_attachments": True, "metadata": {}, "filters": {}, "dmarc_check_action": "accept",
    },
    ("name", "email", "email_prefix", "queues"),
)  # fmt: skip


async def create_inbox(call: Call) -> web.Response:
    """An address for a queue: the one that was asked for, or one made out of the prefix."""
    body = await call.json()
    require(body, KIND.required)
    given = known_fields(call, KIND, body)
    if not (given.get("email") or given.get("email_prefix")):
        raise bad_field("email_prefix", "Give either email or email_prefix.")
    if not given.get("email"):
        given["email"] = f"{given['email_prefix']}-{secrets.token_hex(_SUFFIX)}@{DOMAIN}"
    given["email_prefix"] = given.get("email_prefix") or str(given["email"]).partition("@")[0]
    return respond(keep(call, KIND, given), HTTPStatus.CREATED)


ROUTES: Routes = {**routes_of(KIND), "POST /inboxes": create_inbox}
