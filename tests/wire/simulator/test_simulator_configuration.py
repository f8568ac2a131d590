"""What an organisation consists of: what is refused, and what cannot go while something refers to it."""

from typing import Any

import aiohttp
import pytest

from tests.wire.simulator.simulator_harness import PDF, UNREVIEWED, Rossum, receiving, running

LARGE = {"metadata": {"long": "x" * 4096}}
ORGANIZATION = "http://x/api/v1/organizations/1"
QUEUE, ELSEWHERE = "http://x/api/v1/queues/8198", "http://x/api/v1/queues/7"
BODIES: dict[str, dict[str, Any]] = {
    "workspaces": {"name": "n", "organization": ORGANIZATION},
    "schemas": {"name": "n", "content": []},
    "queues": {"name": "n", "workspace": "http://x/workspaces/7540", "schema": "http://x/schemas/31336"},
    "users": {"username": "n", "organization": ORGANIZATION},
    "inboxes": {"name": "n", "queues": [QUEUE], "email_prefix": "n"},
    "connectors": {"name": "n", "service_url": "https://x", "queues": [QUEUE]},
    "hooks": {"name": "n", "config": {"url": "http://127.0.0.1:9/"}},
    "engines": {"name": "n", "type": "extractor"},
}


@pytest.mark.parametrize("resource", BODIES)
async def test_objects_keep_4_kb_of_metadata(resource: str) -> None:
    """More is a 400 that names the field, when it is made and when it is changed; nothing was changed."""
    async with running(UNREVIEWED) as rossum:
        before = (await rossum.get(f"/{resource}"))["pagination"]["total"]
        refused = await rossum.post(f"/{resource}", BODIES[resource] | LARGE)
        made, body = await rossum.post(f"/{resource}", BODIES[resource] | {"metadata": {"k": 1}})
        changed = await rossum.send("PATCH", f"/{resource}/{body['id']}", json=LARGE)
        now = await rossum.get(f"/{resource}/{body['id']}")
        after = (await rossum.get(f"/{resource}"))["pagination"]["total"]

    assert refused == changed == (400, {"metadata": ["Metadata must not be larger than 4 kB."]})
    assert (made, now["metadata"]) == (201, {"k": 1})
    assert after == before + 1


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("workspaces", {"organization": ORGANIZATION}, "name"),
        ("schemas", {"content": []}, "name"),
        ("schemas", {"name": "n", "content": [{"category": "datapoint", "id": "x"}]}, "content"),
        ("schemas/validate", {"content": "none"}, "content"),
        ("queues", {**BODIES["queues"], "workspace": "http://x/workspaces/1"}, "workspace"),
        ("queues", {**BODIES["queues"], "schema": None}, "schema"),
        ("queues", {**BODIES["queues"], "settings": 1}, "settings"),
        ("users", {"username": "sandbox@example.com", "organization": ORGANIZATION}, "username"),
        ("inboxes", {"name": "n", "queues": [ELSEWHERE], "email_prefix": "n"}, "queues"),
        ("inboxes", {"name": "n", "queues": [QUEUE]}, "email_prefix"),
        ("relations", {"type": "friends", "annotations": ["http://x/annotations/1"]}, "type"),
        ("relations", {"type": "edit", "annotations": ["http://x/annotations/1"]}, "annotations"),
        ("labels", {"name": ""}, "name"),
        ("emails/import", {}, "raw_message"),
    ],
)
async def test_what_cannot_be_made_names_its_field(path: str, body: dict[str, Any], field: str) -> None:
    """A field that is missing, unusable, or refers to nothing."""
    async with running(UNREVIEWED) as rossum:
        status, errors = await rossum.post(f"/{path}", body)

    assert (status, list(errors)) == (400, [field])


async def _made(rossum: Rossum, path: str, body: dict[str, Any]) -> str:
    status, made = await rossum.post(f"/{path}", body)
    assert status == 201, made
    return str(made["url"])


async def test_an_object_is_replaced_and_removed() -> None:
    """PUT wants the whole, and gives fields that are not named their first value; DELETE ends in 404."""
    async with running(UNREVIEWED) as rossum:
        url = await _made(rossum, "labels", {"name": "urgent", "color": "#FF0000"})
        partial, _ = await rossum.send("PUT", url, json={"color": "#00FF00"})
        _, replaced = await rossum.send("PUT", url, json={"name": "later"})
        listed = await rossum.get("/labels?name=later")
        deleted, _ = await rossum.send("DELETE", url)
        gone = [(await rossum.send(method, url, json={"name": "n"}))[0] for method in ("GET", "PUT", "PATCH", "DELETE")]

    assert partial == 400
    assert (replaced["name"], replaced["color"]) == ("later", None)
    assert listed["results"] == [replaced]
    assert (deleted, gone) == (204, [404] * 4)


async def test_what_is_referred_to_stays() -> None:
    """A schema with a queue, a workspace with queues, a document with annotations: 409 and the documented code."""
    async with running(UNREVIEWED) as rossum:
        await rossum.import_one()
        queue = await rossum.get("/queues/8198")
        (document,) = (await rossum.get("/documents"))["results"]
        alone = await _made(rossum, "schemas", {"name": "n"})
        kept = [await rossum.send("DELETE", url) for url in (queue["schema"], queue["workspace"], document["url"])]
        removed, _ = await rossum.send("DELETE", alone)

    assert [(status, body["code"]) for status, body in kept] == [(409, "conflict_referenced")] * 3
    assert removed == 204


async def test_a_document_without_annotation_can_be_removed() -> None:
    """It is gone from lists and searches by name as well."""
    headers = {"Content-Disposition": "attachment; filename=alone.pdf"}
    async with running(UNREVIEWED) as rossum:
        _, document = await rossum.send("POST", "/documents", data=PDF, headers=headers)
        removed, _ = await rossum.send("DELETE", document["url"])
        missing, _ = await rossum.send("GET", document["url"])
        named = await rossum.get("/documents?original_file_name=alone.pdf")

    assert (removed, missing, named["results"]) == (204, 404, [])


async def test_a_function_is_kept_and_never_run() -> None:
    """The simulator runs nobody's code: what a webhook is told, a function is not, whatever its configuration says."""
    async with receiving() as receiver, running(UNREVIEWED) as rossum:
        config = {"runtime": "python3.12", "url": f"{receiver.url}/function"}
        body = {"name": "f", "type": "function", "queues": [QUEUE], "events": ["annotation_status"], "config": config}
        _, hook = await rossum.post("/hooks", body)
        await rossum.hook(f"{receiver.url}/webhook", "annotation_status.changed")
        (number,) = await rossum.finished(1, status="to_review")
        await rossum.post(f"/annotations/{number}/start")
        await rossum.post(f"/annotations/{number}/cancel")
        await receiver.wait_for(lambda calls: [call.path for call in calls].count("/webhook") == 2)
        tested, _ = await rossum.post(f"/hooks/{hook['id']}/test")

    assert hook["type"] == "function"
    assert set(receiver.paths) == {"/webhook"}
    assert tested == 409


async def test_the_two_users_stay_as_they_are() -> None:
    """403 for them, 404 for nobody, and a change for those that a client made."""
    async with running(UNREVIEWED) as rossum:
        url = await _made(rossum, "users", BODIES["users"])
        answers = [
            await rossum.send("PATCH", each, json={"first_name": "Ann"}) for each in ("/users/1", "/users/7", url)
        ]
        own = await rossum.get("/auth/user")

    assert [status for status, _ in answers] == [403, 404, 200]
    assert answers[2][1]["first_name"] == "Ann"
    assert own["first_name"] == "Sandbox"


@pytest.mark.parametrize(("recipient", "expected"), [("invoices@x", 202), ("8198@x", 202), ("nobody@x", 400)])
async def test_a_queue_without_inbox_has_an_address(recipient: str, expected: int) -> None:
    """Its name or id; a message that brings no document is kept as well."""
    form = aiohttp.FormData()
    form.add_field("raw_message", b"Subject: nothing\r\n\r\nhello\r\n", filename="email.eml")
    form.add_field("recipient", recipient)
    async with running(UNREVIEWED) as rossum:
        status, body = await rossum.send("POST", "/emails/import", data=form)
        told = (await rossum.get("/emails"))["results"]
        task = await rossum.get(f"{body['url']}?no_redirect=true") if status == 202 else None

    assert status == expected
    assert [(letter["subject"], letter["documents"]) for letter in told] == ([("nothing", [])] if task else [])
    assert task is None or task["result_url"] == told[0]["url"]
