"""Documents that come by e-mail."""

import json
from typing import Any

import aiohttp
import pytest

from tests.simulation.trees import message
from tests.wire.simulator.simulator_harness import UNREVIEWED, Rossum, eventually, id_in, running


async def mailed(rossum: Rossum, raw: bytes, recipient: str = "receipts@example.com", **more: Any) -> tuple[int, Any]:
    """Import a message."""
    form = aiohttp.FormData(quote_fields=False)
    form.add_field("raw_message", raw, filename="message.eml")
    form.add_field("recipient", recipient)
    for name, value in more.items():
        form.add_field(name, value)
    return await rossum.send("POST", "/emails/import", data=form)


async def test_a_message_becomes_annotations_of_its_documents() -> None:
    """The task leads to the e-mail; what can be a document is one, in the queue of the inbox, with the metadata."""
    async with running(UNREVIEWED) as rossum:
        status, body = await mailed(rossum, message("a.pdf", "b.pdf"), metadata=json.dumps({"mine": 1}))

        async def ended() -> Any:
            task = await rossum.get(body["url"] + "?no_redirect=true")
            return task if task["status"] == "succeeded" else None

        task = await eventually(ended)
        email = await rossum.get(task["content"]["email"])
        documents = [await rossum.get(url) for url in email["documents"]]
        annotations = [await rossum.annotation(id_in(url)) for url in email["annotations"]]
        await rossum.import_one(name="uploaded.pdf")
        found = await rossum.get(f"/documents?email={email['id']}")
        listed = await rossum.get("/annotations?sideload=emails")

    assert (status, task["type"], task["result_url"]) == (202, "email_imported", email["url"])
    assert email["subject"] == "Invoices"
    assert found["results"] == documents
    assert (len(listed["results"]), listed["emails"]) == (3, [email])
    assert [(d["original_file_name"], d["email"], d["parent"]) for d in documents] == [
        ("a.pdf", email["url"], None),
        ("b.pdf", email["url"], None),
    ]
    assert [(a["email"], a["metadata"], id_in(a["queue"])) for a in annotations] == [
        (email["url"], {"mine": 1}, 8199)
    ] * 2


@pytest.mark.parametrize(
    ("raw", "recipient", "more", "field"),
    [
        (b"", "invoices@example.com", {}, "raw_message"),
        (b"Subject: x\n\nx", "nobody@example.com", {}, "recipient"),
        (b"Subject: x\n\nx", "8198@example.com", {"metadata": "{"}, "metadata"),
    ],
)
async def test_what_cannot_be_taken_is_refused(raw: bytes, recipient: str, more: dict[str, str], field: str) -> None:
    """400 names the field, and nothing was made."""
    async with running() as rossum:
        status, body = await mailed(rossum, raw, recipient, **more)
        documents = await rossum.get("/sandbox/documents")

    assert (status, list(body)) == (400, [field])
    assert documents == []
