"""Webhooks: their objects, payloads, signature, troubles and the gate before an export."""

import asyncio
import hashlib
import hmac
from typing import Any

import pytest

from tests.wire.simulator.simulator_harness import QUICK, UNREVIEWED, Receiver, Rossum, eventually, receiving, running

STATUS = "annotation_status.changed"
EXPORT = "annotation_content.export"
# The keys of the vendor's documented examples.
COMMON = {"request_id", "timestamp", "base_url", "hook", "settings", "secrets", "action", "event"}
DOCUMENT = {"id", "url", "s3_name", "mime_type", "arrived_at", "original_file_name", "content", "metadata"}
ANNOTATION = {
    "document", "id", "queue", "schema", "pages", "creator", "modifier", "assigned_at", "created_at",
    "confirmed_at", "deleted_at", "exported_at", "export_failed_at", "modified_at", "purged_at",
    "rejected_at",
    "confirmed_by", "deleted_by", "exported_by", "purged_by", "rejected_by", "status", "previous_status",
    "rir_poll_id", "messages", "url", "content", "time_spent", "metadata", "organization",
}  # fmt: skip


async def test_a_hook_is_created_changed_and_deleted() -> None:
    """201 with defaults, PATCH keeps what is not given, secrets stay hidden, 204, then 404."""
    async with running(UNREVIEWED) as rossum:
        made = await rossum.hook("http://127.0.0.1:9/", STATUS, secrets={"password": "p"})
        listed = await rossum.get("/hooks")
        queue = await rossum.get("/queues/8198")
        _, changed = await rossum.send("PATCH", made["url"], json={"config": {"secret": "s"}, "active": False})
        deleted, _ = await rossum.send("DELETE", made["url"])
        gone, _ = await rossum.send("GET", made["url"])

    assert made["config"]["timeout_s"] == 30
    assert made["config"]["retry_count"] == 4
    assert (made["config"]["max_polling_time_s"], made["config"]["retry_after_polling_failure"]) == (300, True)
    assert made["secrets"] == {}
    assert listed["results"] == [made]
    assert queue["hooks"] == [made["url"]]
    assert changed["config"] == {**made["config"], "secret": "s"}
    assert changed["active"] is False
    assert (deleted, gone) == (204, 404)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"events": ["annotation_status.exploded"]}, "events"),
        ({"queues": ["http://x/queues/7"]}, "queues"),
        ({"config": {"url": "ftp://x"}}, "config"),
        ({"config": {"url": "http://x", "retry_count": 5}}, "config"),
        ({"config": {"url": "http://x", "timeout_s": 61}}, "config"),
        ({"config": {"url": "http://x", "max_polling_time_s": 0}}, "config"),
    ],
)
async def test_a_wrong_hook_is_refused(change: dict[str, Any], field: str) -> None:
    """An unusable hook is a 400 that names the field, and is not kept."""
    body = {"name": "n", "events": [], "queues": [], "config": {"url": "http://x"}, **change}
    async with running(UNREVIEWED) as rossum:
        status, errors = await rossum.post("/hooks", body)
        hooks = await rossum.get("/hooks")

    assert (status, list(errors)) == (400, [field])
    assert hooks["results"] == []


async def test_changes_of_status_are_told_and_signed() -> None:
    """Each change after the import is told with the documented keys, signed over the raw body."""
    async with receiving() as receiver, running() as rossum:
        hook = await rossum.hook(receiver.url, STATUS, config={"secret": "s3cret"}, secrets={"user": "u"})
        number = await rossum.import_one(metadata={"k": 1})
        await rossum.until_status(number, "exported")
        calls = await receiver.wait_for_calls(4)

    changes = {(c.payload["annotation"]["previous_status"], c.payload["annotation"]["status"]) for c in calls}
    payload = calls[0].payload
    assert changes == {
        ("importing", "to_review"),
        ("to_review", "reviewing"),
        ("reviewing", "exporting"),
        ("exporting", "exported"),
    }
    assert set(payload) == COMMON | {"annotation", "document"}
    assert set(payload["annotation"]) == ANNOTATION
    assert set(payload["document"]) == DOCUMENT
    assert payload["annotation"]["metadata"] == {"k": 1}
    assert payload["annotation"]["content"].endswith(f"/annotations/{number}/content")
    assert (payload["hook"], payload["secrets"]) == (hook["url"], {"user": "u"})
    for call in calls:
        mac = hmac.new(b"s3cret", call.body, hashlib.sha256).hexdigest()
        assert call.headers["X-Rossum-Signature-SHA256"] == f"sha256={mac}"
        assert call.headers["Content-Type"] == "application/json"


async def test_without_a_secret_there_is_no_signature() -> None:
    """A hook without secret sends no signature; one with a token owner sends a token."""
    async with receiving() as receiver, running(UNREVIEWED) as rossum:
        owner = f"{rossum.simulator.base_url}/users/1"
        await rossum.hook(receiver.url, STATUS, token_owner=owner)
        await rossum.import_one()
        (call,) = await receiver.wait_for_calls(1)

    assert "X-Rossum-Signature-SHA256" not in call.headers
    assert call.payload["rossum_authorization_token"]


async def test_content_and_upload_events_carry_their_facts() -> None:
    """An event named without action means all of its actions: upload, initialize and export arrive."""
    async with receiving() as receiver, running() as rossum:
        await rossum.hook(receiver.url, "annotation_content", "upload")
        number = await rossum.import_one(metadata={"k": 1})
        await rossum.until_status(number, "exported")
        calls = await receiver.wait_for_calls(3)

    told = {(call.payload["event"], call.payload["action"]): call.payload for call in calls}
    initialize = told["annotation_content", "initialize"]
    leaf = initialize["annotation"]["content"][1]["children"][2]
    created = told["upload", "created"]
    assert set(told) == {
        ("upload", "created"),
        ("annotation_content", "initialize"),
        ("annotation_content", "export"),
    }
    assert leaf["schema_id"] == "amount_total"
    assert leaf["content"]["normalized_value"] == leaf["content"]["value"].replace(" ", "")
    assert initialize["updated_datapoints"] == []
    assert told["annotation_content", "export"]["annotation"]["status"] == "exporting"
    assert created["metadata"] == {"k": 1}
    assert created["files"][0]["annotation"].endswith(str(number))


async def test_a_call_is_in_the_log_while_it_runs() -> None:
    """Nobody has answered it yet; its line says later how it ended."""
    wires: asyncio.Queue[asyncio.StreamWriter] = asyncio.Queue()
    server = await asyncio.start_server(lambda _, wire: wires.put_nowait(wire), "127.0.0.1", 0)
    async with server, running(UNREVIEWED) as rossum:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        await rossum.hook(url, STATUS, config={"retry_count": 0})
        await rossum.import_one()
        wire = await wires.get()
        (running_line,) = (await rossum.get("/hooks/logs?status=running"))["results"]
        wire.close()

        async def ended() -> Any:
            return (await rossum.get("/hooks/logs?status=failed"))["results"]

        (line,) = await eventually(ended)

    assert (running_line["end"], running_line["message"]) == (None, "")
    assert line["end"] is not None
    assert line["message"].startswith("no answer")
    assert {name for name in line if line[name] != running_line[name]} == {"log_level", "message", "end", "status"}


@pytest.mark.parametrize(("answer", "end"), [(200, "exported"), (400, "failed_export")])
async def test_an_export_hook_is_a_gate(answer: int, end: str) -> None:
    """The export waits for its hook: 2xx lets it through, a refusal fails it."""
    async with receiving() as receiver, running() as rossum:
        receiver.answers = {"/gate": [answer]}
        await rossum.hook(receiver.url + "/gate", EXPORT)
        number = await rossum.import_one()
        annotation = await rossum.until_status(number, end)

    assert receiver.paths == {"/gate": 1}
    assert (annotation["exported_at"] is None) == (end == "failed_export")


@pytest.mark.parametrize(("kind", "end"), [("warning", "exported"), ("error", "failed_export")])
async def test_an_error_message_fails_the_export(kind: str, end: str) -> None:
    """A 2xx with a message of the type error is no consent, however long the reply is; other messages are."""
    async with receiving() as receiver, running() as rossum:
        receiver.replies = {"/gate": {"messages": [{"type": kind, "content": "no such supplier " * 200}]}}
        await rossum.hook(receiver.url + "/gate", EXPORT)
        number = await rossum.import_one()
        await rossum.until_status(number, end)

    assert receiver.paths == {"/gate": 1}


async def test_a_dead_receiver_fails_the_gate() -> None:
    """A receiver that cannot be reached counts as a failure; without retries the export fails at once."""
    async with running() as rossum:
        await rossum.hook("http://127.0.0.1:9/", EXPORT, config={"retry_count": 0})
        number = await rossum.import_one()
        annotation = await rossum.until_status(number, "failed_export")

    assert annotation["export_failed_at"] is not None


async def _one_exported(rossum: Rossum, metadata: Any = None) -> None:
    number = await rossum.import_one(metadata=metadata)
    await rossum.until_status(number, "exported")


async def _told(receiver: Receiver, rossum: Rossum) -> list[str]:
    """Everything told until a second document, free of troubles, has been told as exported."""
    await rossum.post("/sandbox/hooks", {"loss": 0, "duplicate": 0})
    mark = await rossum.import_one(name="mark.pdf")

    def marked(calls: list[Any]) -> bool:
        ends = [call.payload["annotation"] for call in calls]
        return any(row["id"] == mark and row["status"] == "exported" for row in ends)

    calls = await receiver.wait_for(marked)
    told = [call.payload["annotation"] for call in calls]
    return [row["status"] for row in told if row["id"] != mark]


@pytest.mark.parametrize("how", ["trouble", "metadata"])
async def test_hooks_get_lost(how: str) -> None:
    """With loss 1, or with ``hooks: lost`` in its own metadata, nothing is told of a document."""
    async with receiving() as receiver, running() as rossum:
        await rossum.hook(receiver.url, STATUS)
        if how == "trouble":
            await rossum.post("/sandbox/hooks", {"loss": 1})
        await _one_exported(rossum, {"sandbox": {"hooks": "lost"}} if how == "metadata" else None)
        told = await _told(receiver, rossum)

    assert told == []


async def test_hooks_arrive_twice() -> None:
    """With duplicate 1 every change is told twice with the same request id."""
    async with receiving() as receiver, running(UNREVIEWED) as rossum:
        await rossum.hook(receiver.url, STATUS)
        await rossum.post("/sandbox/hooks", {"duplicate": 1})
        await rossum.import_one()
        calls = await receiver.wait_for_calls(2)

    assert calls[0].body == calls[1].body


async def test_hooks_overtake_each_other() -> None:
    """With reorder 1/2 some change is told before one that happened earlier; none is lost."""
    async with receiving() as receiver, running(QUICK) as rossum:
        await rossum.hook(receiver.url, STATUS)
        await rossum.post("/sandbox/hooks", {"reorder": 0.5})
        await asyncio.gather(*(_one_exported(rossum) for _ in range(4)))
        calls = await receiver.wait_for_calls(16)

    stamps = [call.payload["timestamp"] for call in calls]
    assert len({call.payload["request_id"] for call in calls}) == 16
    assert stamps != sorted(stamps)


async def test_a_hook_can_be_tried() -> None:
    """POST test sends an example and tells the answer; generate_payload shows one without secrets."""
    async with receiving() as receiver, running(UNREVIEWED) as rossum:
        hook = await rossum.hook(receiver.url, STATUS, secrets={"password": "p"})
        await rossum.finished(1)
        _, tried = await rossum.post(f"/hooks/{hook['id']}/test")
        _, payload = await rossum.post(f"/hooks/{hook['id']}/generate_payload", {"event": "annotation_content"})

    assert tried["response"]["status_code"] == 200
    assert len(receiver.calls) == 1
    assert payload["secrets"] == {"password": "[redacted...]"}
    assert isinstance(payload["annotation"]["content"], list)
