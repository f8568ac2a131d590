"""``/hooks``: create, read, change and delete webhooks, and the log of their calls."""

from http import HTTPStatus
from typing import Any

from aiohttp import web

from connector.sandbox.simulator.clock import iso
from connector.sandbox.simulator.metadata import checked_metadata
from connector.sandbox.simulator.model import API_USER, Hook, Json
from connector.sandbox.simulator.paging import page_of
from connector.sandbox.simulator.wire import (
    Call,
    Routes,
    bad_field,
    conflict,
    id_of,
    no_content,
    not_found,
    respond,
)

LOGS_SHOWN = 100
_TYPES = frozenset({"webhook", "function", "job"})
_ACTIONS = {
    "annotation_status": {"changed"},
    "annotation_content": {"initialize", "started", "user_update", "updated", "confirm", "export"},
    "upload": {"created"},
    "email": {"received"},
    "invocation": {"scheduled", "manual"},
}
_CONFIG: Json = {
    "url": None, "secret": None, "insecure_ssl": False, "client_ssl_certificate": None, "private": False,
    "timeout_s": 30, "retry_count": 4, "retry_on_any_non_2xx": False, "payload_logging_enabled": False,
    "max_polling_time_s": 300, "retry_after_polling_failure": True,
}  # fmt: skip
_RANGES = {"timeout_s": (0, 60), "retry_count": (0, 4), "max_polling_time_s": (1, 3600)}
_NUMBERS: dict[str, Any] = {"timeout_s": int | float, "retry_count": int, "max_polling_time_s": int}
_DEFAULTS: Json = {
    "type": "webhook", "metadata": {}, "run_after": [], "sideload": [], "active": True, "test": {},
    "extension_source": "custom", "settings": {}, "settings_schema": None, "secrets_schema": None,
    "token_owner": None, "token_lifetime_s": None, "guide": None, "read_more_url": None,
    "extension_image_url": None, "hook_template": None, "description": "",
}  # fmt: skip


def hook_view(call: Call, hook: Hook) -> Json:
    """The hook object; its secrets are never shown."""
    hidden = {"secret"} if call.world.behaviour.hook_secret_hidden else set()
    return {
        "id": hook.id,
        "url": call.world.views.url("hooks", hook.id),
        **hook.body,
        "config": {name: value for name, value in hook.body["config"].items() if name not in hidden},
        "queues": [call.world.views.url("queues", number) for number in sorted(hook.queues)],
        "events": sorted(hook.events),
        "secrets": {},
    }


async def list_hooks(call: Call) -> web.Response:
    """All hooks, or those of a queue, an event, a type, active or not."""
    return respond(page_of(call, [hook_view(call, hook) for hook in _hooks(call)]))


def _hooks(call: Call) -> list[Hook]:
    found = list(call.world.state.hooks.values())
    if (queue := call.parameter("queue")) is not None:
        found = [hook for hook in found if hook.queues & {int(p) for p in queue.split(",") if p.isdecimal()}]
    if (active := call.parameter("active")) is not None:
        found = [hook for hook in found if str(hook.body["active"]).lower() == active.lower()]
    if (name := call.parameter("name")) is not None:
        found = [hook for hook in found if hook.body["name"] == name]
    if (kind := call.parameter("type")) is not None:
        found = [hook for hook in found if hook.body["type"] == kind]
    return found


def _hook(call: Call) -> Hook:
    hook = call.world.state.hooks.get(call.ids[0])
    if hook is None:
        raise not_found()
    return hook


async def get_hook(call: Call) -> web.Response:
    """One hook."""
    return respond(hook_view(call, _hook(call)))


async def create_hook(call: Call) -> web.Response:
    """A new hook."""
    body = await call.json()
    for name in ("name", "config"):
        if not body.get(name):
            raise bad_field(name, "This field is required.")
    now = iso(call.world.clock.now())
    user = call.world.views.url("users", API_USER)
    made = {"created_by": user, "created_at": now, "modified_by": None, "modified_at": None}
    hook = Hook(call.world.state.next_id("hook"), {}, {}, frozenset(), frozenset())
    _fill(call, hook, {**_DEFAULTS, **made, "queues": [], "events": []}, body)
    call.world.state.hooks[hook.id] = hook
    return respond(hook_view(call, hook), HTTPStatus.CREATED)


async def patch_hook(call: Call) -> web.Response:
    """Change some of it; keys of ``config`` that are not given stay."""
    hook, body = _hook(call), await call.json()
    _fill(call, hook, hook.body, body)
    return _changed(call, hook)


async def put_hook(call: Call) -> web.Response:
    """Replace it."""
    hook, body = _hook(call), await call.json()
    made = {name: hook.body[name] for name in ("created_by", "created_at")}
    hook.secrets = {}
    _fill(call, hook, {**_DEFAULTS, **made, "queues": [], "events": []}, body)
    return _changed(call, hook)


def _changed(call: Call, hook: Hook) -> web.Response:
    hook.body["modified_by"] = call.world.views.url("users", API_USER)
    hook.body["modified_at"] = iso(call.world.clock.now())
    return respond(hook_view(call, hook))


async def delete_hook(call: Call) -> web.Response:
    """Remove it; what is on its way still arrives."""
    del call.world.state.hooks[_hook(call).id]
    return no_content()


def _fill(call: Call, hook: Hook, old: Json, new: Json) -> None:
    """Check the new body and put it over the old one; nothing changes when it is refused."""
    given = {name: value for name, value in new.items() if name in _DEFAULTS or name == "name"}
    body = {**old, **given}
    checked_metadata(body["metadata"])
    if body["type"] not in _TYPES:
        raise bad_field("type", f'"{body["type"]}" is not a valid choice.')
    body["config"] = _config(body["type"], {**_CONFIG, **old.get("config", {}), **(new.get("config") or {})})
    queues = _queues(call, new["queues"]) if "queues" in new else hook.queues
    events = _events(call, new["events"]) if "events" in new else hook.events
    for name in ("queues", "events", "secrets"):
        body.pop(name, None)
    hook.body, hook.queues, hook.events = body, queues, events
    if isinstance(new.get("secrets"), dict):
        hook.secrets = new["secrets"]


def _config(kind: str, config: Json) -> Json:
    url = config["url"]
    if kind == "webhook" and (not isinstance(url, str) or not url.startswith(("http://", "https://"))):
        raise bad_field("config", "url: Enter a valid URL.")
    for name, (least, most) in _RANGES.items():
        value = config[name]
        if isinstance(value, bool) or not isinstance(value, _NUMBERS[name]) or not least <= value <= most:
            raise bad_field("config", f"{name}: Ensure this value is between {least} and {most}.")
    config.pop("client_ssl_key", None)
    return config


def _queues(call: Call, references: Any) -> frozenset[int]:
    numbers = [id_of(reference) for reference in references]
    if any(number not in call.world.state.queues for number in numbers):
        raise bad_field("queues", "Invalid hyperlink - Object does not exist.")
    return frozenset(number for number in numbers if number is not None)


def _events(call: Call, names: Any) -> frozenset[str]:
    """The events as ``event.action``; an event named alone stands for all of its actions."""
    rare = {"invocation": {"interface"}} if call.world.behaviour.interface_event else {}
    found: set[str] = set()
    for name in names:
        event, _, action = str(name).partition(".")
        actions = _ACTIONS.get(event, set()) | rare.get(event, set())
        if not actions or (action and action not in actions):
            raise bad_field("events", f'"{name}" is not a valid choice.')
        found |= {str(name)} if action else {f"{event}.{each}" for each in actions}
    return frozenset(found)


async def list_logs(call: Call) -> web.Response:
    """The last calls, newest first."""
    wanted = {
        key: set(asked.split(","))
        for name, key in (
            ("hook", "hook_id"),
            ("queue", "queue_id"),
            ("status", "status"),
            ("annotation", "annotation_id"),
        )
        if (asked := call.parameter(name)) is not None
    }
    lines = [
        line for line in call.world.deliveries.log if all(str(line[key]) in asked for key, asked in wanted.items())
    ]
    return respond({"results": lines[:LOGS_SHOWN]})


async def test_hook(call: Call) -> web.Response:
    """Send a payload of the caller's, or an example, to the hook and show how it answered."""
    hook, body = _hook(call), await call.json()
    if hook.body["type"] != "webhook":
        raise conflict("The simulator runs no functions and jobs.")
    payload = body.get("payload") or _example(call, hook, body)
    status, answer = await call.world.deliveries.try_once(hook, payload)
    return respond({"response": {"status_code": status, "content": answer}})


async def generate_payload(call: Call) -> web.Response:
    """The true payload for ``event``, ``action`` and ``annotation``; secrets are redacted."""
    hook, body = _hook(call), await call.json()
    payload = _example(call, hook, body)
    payload["secrets"] = dict.fromkeys(payload["secrets"], "[redacted...]")
    return respond(payload)


def _example(call: Call, hook: Hook, body: Json) -> Json:
    """What the hook would get for the annotation named, or for the newest of its queues."""
    event, action = body.get("event", "annotation_status"), body.get("action", "changed")
    rows = call.world.state.annotations
    row = rows.get(id_of(body.get("annotation")) or 0)
    if row is None:
        row = next((rows[number] for number in reversed(rows) if rows[number].queue_id in hook.queues), None)
    if row is None or event not in {"annotation_status", "annotation_content"}:
        raise conflict("There is no annotation to make the payload of.")
    previous = body.get("previous_status", "importing")
    payloads = call.world.deliveries.payloads
    fact = payloads.content(row, previous) if event == "annotation_content" else payloads.status_changed(row, previous)
    return payloads.complete(hook, f"{event}.{action}", fact)


ROUTES: Routes = {
    "GET /hooks": list_hooks,
    "POST /hooks": create_hook,
    "GET /hooks/{id}": get_hook,
    "PATCH /hooks/{id}": patch_hook,
    "PUT /hooks/{id}": put_hook,
    "DELETE /hooks/{id}": delete_hook,
    "GET /hooks/logs": list_logs,
    "POST /hooks/{id}/test": test_hook,
    "POST /hooks/{id}/generate_payload": generate_payload,
}
