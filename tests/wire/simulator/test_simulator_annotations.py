"""Annotations one by one: their shape, what people do to them, and the conflicts."""

from typing import Any

import pytest

from tests.wire.simulator.simulator_harness import UNREVIEWED, Rossum, running

# The keys of the vendor's documented example.
DOCUMENTED = {
    "document", "id", "queue", "schema", "relations", "pages", "creator", "modifier", "modified_by",
    "assigned_at", "created_at", "confirmed_at", "deleted_at", "exported_at", "export_failed_at",
    "modified_at",
    "purged_at", "rejected_at", "confirmed_by", "deleted_by", "exported_by", "purged_by", "rejected_by",
    "status", "rir_poll_id", "messages", "url", "content", "time_spent", "metadata", "related_emails",
    "email", "automation_blocker", "email_thread", "has_email_thread_with_replies",
    "has_email_thread_with_new_replies",
    "organization", "prediction", "assignees", "labels", "training_enabled", "einvoice",
}  # fmt: skip


async def _in_review(rossum: Rossum, **more: Any) -> int:
    number = await rossum.import_one(**more)
    await rossum.until_status(number, "to_review")
    return number


async def test_the_object_has_every_documented_key() -> None:
    """A fresh annotation has the documented keys, absolute URLs and empty clocks."""
    async with running(UNREVIEWED) as rossum:
        annotation = await rossum.annotation(await _in_review(rossum))

        base = rossum.simulator.base_url

    assert set(annotation) >= DOCUMENTED
    assert annotation["url"] == f"{base}/annotations/{annotation['id']}"
    assert annotation["queue"] == f"{base}/queues/8198"
    assert annotation["automated"] is False
    assert annotation["exported_at"] is None
    assert len(annotation["created_at"]) == len("2018-06-01T21:36:42.223415Z")


async def test_a_person_reviews_and_confirms() -> None:
    """start, confirm: reviewing, then exported, with who did it and when."""
    async with running(UNREVIEWED) as rossum:
        number = await _in_review(rossum)
        started, body = await rossum.post(f"/annotations/{number}/start")
        reviewing = await rossum.annotation(number)
        confirmed, _ = await rossum.post(f"/annotations/{number}/confirm")
        annotation = await rossum.until_status(number, "exported")

    assert (started, confirmed) == (200, 204)
    assert body == {"annotation": annotation["url"], "session_timeout": "01:00:00"}
    assert reviewing["status"] == "reviewing"
    assert annotation["confirmed_at"] <= annotation["exported_at"]
    assert annotation["modifier"].endswith("/users/1")


@pytest.mark.parametrize(
    ("verb", "before", "answer", "after"),
    [
        ("cancel", "reviewing", 204, "to_review"),
        ("postpone", "reviewing", 204, "postponed"),
        ("postpone", "to_review", 204, "postponed"),
        ("reject", "reviewing", 200, "rejected"),
        ("delete", "exported", 204, "deleted"),
        ("start", "postponed", 200, "reviewing"),
        ("approve", "in_workflow", 200, "exporting"),
        ("start_embedded", "to_review", 200, "reviewing"),
        ("create_embedded_url", "exported", 200, "exported"),
        ("rotate", "to_review", 204, "importing"),
    ],
)
async def test_verbs_move_it(verb: str, before: str, answer: int, after: str) -> None:
    """Each verb answers as documented and leaves the status that it is for."""
    options = {**vars(UNREVIEWED), "processing": 60.0}
    async with running(type(UNREVIEWED)(**options)) as rossum:
        (number,) = await rossum.finished(1, status=before if before != "reviewing" else "to_review")
        if before == "reviewing":
            await rossum.post(f"/annotations/{number}/start")
        status, _ = await rossum.post(f"/annotations/{number}/{verb}")
        annotation = await rossum.annotation(number)

    assert (status, annotation["status"]) == (answer, after)


@pytest.mark.parametrize(
    ("verb", "status"),
    [
        ("start", "exported"),
        ("start", "importing"),
        # Made by nobody who called: somebody else is reviewing it.
        ("start", "reviewing"),
        ("confirm", "reviewing"),
        ("postpone", "reviewing"),
        ("confirm", "to_review"),
        ("cancel", "to_review"),
        ("postpone", "exported"),
        ("reject", "exported"),
        ("approve", "to_review"),
        ("delete", "purged"),
        ("start_embedded", "exported"),
    ],
)
async def test_a_wrong_state_is_a_conflict(verb: str, status: str) -> None:
    """A verb that the status does not allow is a 409 and changes nothing."""
    async with running(UNREVIEWED) as rossum:
        (number,) = await rossum.finished(1, status=status)
        answer, body = await rossum.post(f"/annotations/{number}/{verb}")
        annotation = await rossum.annotation(number)

    assert answer == 409
    assert "detail" in body
    assert annotation["status"] == status


async def test_start_may_name_other_statuses() -> None:
    """``statuses`` in the body of start replaces the ones it may start from."""
    async with running(UNREVIEWED) as rossum:
        (number,) = await rossum.finished(1, status="exported")
        status, _ = await rossum.post(f"/annotations/{number}/start", {"statuses": ["exported"]})

    assert status == 200


async def test_embedded_urls_carry_a_token() -> None:
    """The embedded URL lies on the simulator's host and carries a token in its fragment."""
    async with running(UNREVIEWED) as rossum:
        (number,) = await rossum.finished(1, status="exported")
        _, body = await rossum.post(f"/annotations/{number}/create_embedded_url")

        host = rossum.simulator.base_url.removesuffix("/api/v1")

    assert body["url"].startswith(f"{host}/embedded/document/{number}#authToken=")
    assert body["status"] == "exported"


async def test_metadata_is_replaced() -> None:
    """PATCH of metadata replaces it as a whole; more than 4 kB is refused."""
    async with running(UNREVIEWED) as rossum:
        number = await _in_review(rossum, metadata={"old": 1})
        path = f"/annotations/{number}"
        status, annotation = await rossum.send("PATCH", path, json={"metadata": {"new": 2}})
        refused, body = await rossum.send("PATCH", path, json={"metadata": {"x": "y" * 5000}})

    assert (status, annotation["metadata"]) == (200, {"new": 2})
    assert (refused, list(body)) == (400, ["metadata"])


async def test_an_unknown_status_is_refused() -> None:
    """PATCH with a status that does not exist is a 400 that names the field."""
    async with running(UNREVIEWED) as rossum:
        (number,) = await rossum.finished(1)
        answer = await rossum.send("PATCH", f"/annotations/{number}", json={"status": "gone"})

    assert answer == (400, {"status": ['"gone" is not a valid choice.']})


async def test_a_copy_has_data_and_metadata() -> None:
    """Copying makes another annotation of the same document, in the queue named, with the metadata."""
    async with running(UNREVIEWED) as rossum:
        number = await _in_review(rossum, metadata={"k": 1})
        queue = f"{rossum.simulator.base_url}/queues/8199"
        _, body = await rossum.post(f"/annotations/{number}/copy", {"target_queue": queue})
        original, made = await rossum.annotation(number), await rossum.get(body["annotation"])

    assert made["id"] != number
    assert (made["document"], made["metadata"]) == (original["document"], {"k": 1})
    assert made["queue"] == queue


async def test_corrections_show_in_content_and_export() -> None:
    """A value corrected during a review is normalised and appears in content and export; else it is a 409."""
    async with running(UNREVIEWED) as rossum:
        number = await _in_review(rossum)
        content = await rossum.get(f"/annotations/{number}/content")
        amount = next(n for s in content["content"] for n in s["children"] if n["schema_id"] == "amount_total")
        change = {"content": {"value": "18 492.48"}}
        early, _ = await rossum.send("PATCH", f"/annotations/{number}/content/{amount['id']}", json=change)
        await rossum.post(f"/annotations/{number}/start")
        status, node = await rossum.send("PATCH", f"/annotations/{number}/content/{amount['id']}", json=change)
        exported = await rossum.get(f"/queues/8198/export?id={number}")

    leaves = [leaf for section in exported["results"][0]["content"] for leaf in section["children"]]
    assert (early, status) == (409, 200)
    assert node["content"]["normalized_value"] == "18492.48"
    assert node["content"]["value"] == "18 492.48"
    assert [leaf["value"] for leaf in leaves if leaf["schema_id"] == "amount_total"] == ["18492.48"]


async def test_an_annotation_is_made_of_a_document() -> None:
    """POST /documents gives a document without annotation; POST /annotations puts it into a queue."""
    async with running(UNREVIEWED) as rossum:
        headers = {"Content-Disposition": "attachment; filename=later.pdf"}
        made, document = await rossum.send("POST", "/documents", data=b"%PDF-1.4", headers=headers)
        queue = f"{rossum.simulator.base_url}/queues/8199"
        order = {"document": document["url"], "queue": queue, "status": "created"}
        status, annotation = await rossum.post("/annotations", order)
        imported = await rossum.until_status(annotation["id"], "to_review")

    assert (made, document["annotations"]) == (201, [])
    assert (status, annotation["status"]) == (200, "created")
    assert imported["document"] == document["url"]


async def test_purging_empties_it() -> None:
    """purge_deleted empties what is deleted: no content, no file name, no bytes, and it stays so."""
    async with running(UNREVIEWED) as rossum:
        number = await _in_review(rossum)
        await rossum.post(f"/annotations/{number}/delete")
        status, _ = await rossum.post("/annotations/purge_deleted", {"annotations": [number]})
        annotation = await rossum.annotation(number)
        document = await rossum.get(annotation["document"])
        content = await rossum.get(annotation["content"])
        moved, _ = await rossum.send("PATCH", f"/annotations/{number}", json={"status": "to_review"})

    assert (status, moved) == (202, 409)
    assert annotation["status"] == "purged"
    assert annotation["purged_at"] is not None
    assert (document["original_file_name"], document["content"], content["content"]) == ("", None, [])


async def test_document_metadata_is_separate() -> None:
    """An upload's metadata is the annotation's; the document's starts empty and can be patched."""
    async with running(UNREVIEWED) as rossum:
        annotation = await rossum.annotation(await _in_review(rossum, metadata={"k": 1}))
        before = await rossum.get(annotation["document"])
        _, after = await rossum.send("PATCH", annotation["document"], json={"metadata": {"d": 2}})

    assert (before["metadata"], after["metadata"]) == ({}, {"d": 2})
