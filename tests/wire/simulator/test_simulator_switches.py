"""What Rossum does not document: the switches of lists, access, imports and annotations, in both positions."""

from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from tests.wire.simulator.simulator_harness import PDF, UNREVIEWED, Rossum, id_in, running

LISTS = "/annotations?fields=id"


@pytest.mark.parametrize(
    "wrong",
    [{"nothing": 1}, {"default_order": "name"}, {"task_code": 5}, {"merge_metadata": 1}, {"task_delay": -1}],
)
async def test_a_wrong_switch_is_refused_whole(wrong: dict[str, Any]) -> None:
    """An unknown name, position or kind is a 400, and the switches named beside it stay as they were."""
    async with running(UNREVIEWED) as rossum:
        status, body = await rossum.post("/sandbox/behaviour", {"xml_page": 3, **wrong})
        _, now = await rossum.post("/sandbox/behaviour", {})

    assert status == 400
    assert next(iter(wrong)) in body["detail"][0]
    assert now["xml_page"] == 0


async def test_the_order_of_unordered_lists() -> None:
    """``default_order``: by id, or the newest first; an order that was asked for is kept."""
    async with running(UNREVIEWED) as rossum:
        numbers = await rossum.finished(3)
        plain = await rossum.get(LISTS)
        await rossum.behave(default_order="-id")
        turned = await rossum.get(LISTS)
        ordered = await rossum.get(f"{LISTS}&ordering=exported_at")
        exported = await rossum.get("/queues/8198/export")

    assert [row["id"] for row in plain["results"]] == numbers
    assert [row["id"] for row in turned["results"]] == numbers[::-1]
    assert [row["id"] for row in ordered["results"]] == numbers
    assert [id_in(row["url"]) for row in exported["results"]] == numbers[::-1]


async def test_pages_that_are_too_large() -> None:
    """``refuse_large_pages``: clamped, or a 400; the most itself is always allowed."""
    async with running(UNREVIEWED) as rossum:
        clamped, _ = await rossum.send("GET", "/annotations?page_size=101")
        await rossum.behave(refuse_large_pages=True)
        refused, body = await rossum.send("GET", "/annotations?page_size=101")
        allowed = [
            (await rossum.send("GET", "/annotations?page_size=100"))[0],
            (await rossum.send("GET", "/queues/8198/export?format=csv&page_size=1000"))[0],
            (await rossum.post("/annotations/search?page_size=500"))[0],
        ]
        searched, _ = await rossum.post("/annotations/search?page_size=500&sideload=content&content.schema_id=x")

    assert (clamped, refused, list(body)) == (200, 400, ["page_size"])
    assert allowed == [200, 200, 200]
    assert searched == 400


async def test_totals_may_have_to_be_asked_for() -> None:
    """``totals_on_request``: null unless ``include_total=true``; ``next`` is there either way."""
    async with running(UNREVIEWED) as rossum:
        await rossum.finished(3)
        await rossum.behave(totals_on_request=True)
        silent = (await rossum.get(f"{LISTS}&page_size=2"))["pagination"]
        told = (await rossum.get(f"{LISTS}&page_size=2&include_total=true"))["pagination"]

    assert (silent["total"], silent["total_pages"]) == (None, None)
    assert silent["next"] is not None
    assert (told["total"], told["total_pages"]) == (3, 2)


async def test_whose_requests_are_limited_together() -> None:
    """``limit_scope``: everybody's, or those of each token."""
    async with running(replace(UNREVIEWED, rate_limit=1 / 600)) as rossum:
        _, login = await rossum.post("/auth/login", {"username": "sandbox@example.com", "password": "sandbox"})
        other = {"Authorization": f"Bearer {login['key']}"}
        together, _ = await rossum.send("GET", "/queues/8198")
        await rossum.behave(limit_scope="token")
        each = [(await rossum.send("GET", "/queues/8198", headers=headers))[0] for headers in ({}, other, other)]

    assert together == 429
    assert each == [200, 200, 429]


@pytest.mark.parametrize(
    ("style", "said"),
    [("json", [{"detail": "Invalid token."}, {"detail": "Too many requests"}]), ("text", None), ("empty", ["", ""])],
)
async def test_what_a_refusal_says(style: str, said: list[Any] | None) -> None:
    """``refusal_body``: 401 and 429 with JSON, with plain words or with nothing; ``Retry-After`` stays."""
    async with running(UNREVIEWED) as rossum:
        await rossum.behave(refusal_body=style)
        unknown = await rossum.send("GET", "/queues", headers={"Authorization": "Bearer wrong"})
        await rossum.fault(path="/queues", action="retry-after:7", times=1)
        async with rossum.http.get(f"{rossum.simulator.base_url}/queues") as answer:
            limited = answer.status, answer.headers["Retry-After"]
        await rossum.fault(path="/queues", action="retry-after:7", times=1)
        _, words = await rossum.send("GET", "/queues")

    assert unknown[0] == 401
    assert limited == (429, "7")
    assert [unknown[1], words] == (said or ["Unauthorized", "Too Many Requests"])


async def test_what_a_running_task_tells() -> None:
    """``task_content_early``: nothing, or its upload already; ``result_url`` comes at the end only."""
    async with running(UNREVIEWED) as rossum:
        await rossum.behave(task_delay=60)
        _, body = await rossum.upload()
        late = await rossum.get(body["url"])
        await rossum.behave(task_content_early=True)
        early = await rossum.get(body["url"])

    assert (late["status"], late["content"]) == ("running", None)
    assert set(early["content"]) == {"upload"}
    assert "result_url" not in early


@pytest.mark.parametrize("code", ["upload_failed", "file_broken", ""])
async def test_the_code_of_a_failed_task(code: str) -> None:
    """``task_code``: the code, or none at all when it is empty."""
    async with running(UNREVIEWED) as rossum:
        await rossum.behave(task_code=code)
        _, body = await rossum.upload(metadata={"sandbox": {"fate": "failed_task"}})
        task = await rossum.get(body["url"])

    assert task["status"] == "failed"
    assert [task[name] for name in ("code",) if name in task] == ([code] if code else [])


async def test_the_order_of_an_uploads_annotations() -> None:
    """``annotations_reversed``: as its documents, or the other way round."""
    async with running(UNREVIEWED) as rossum:
        form = aiohttp.FormData()
        for name in ("a.pdf", "b.pdf"):
            form.add_field("content", PDF + name.encode(), filename=name)
        _, body = await rossum.send("POST", "/uploads?queue=8198", data=form)
        upload = await rossum.upload_of(body["url"])
        await rossum.behave(annotations_reversed=True)
        turned = await rossum.get(upload["url"])

    assert turned["documents"] == upload["documents"]
    assert turned["annotations"] == upload["annotations"][::-1]


@pytest.mark.parametrize("path", ["/uploads?queue=8199", "/queues/8199/upload"])
async def test_how_a_queue_that_goes_is_closed(path: str) -> None:
    """``closed_queue_status``: both ways to upload are refused with it, and nothing is kept."""
    headers = {"Content-Disposition": "attachment; filename=a.pdf"}
    async with running(UNREVIEWED) as rossum:
        await rossum.behave(closed_queue_status=403)
        asked, _ = await rossum.send("DELETE", "/queues/8199")
        refused, _ = await rossum.send("POST", path, data=PDF, headers=headers)
        kept = await rossum.get("/sandbox/documents")

    assert (asked, refused, kept) == (202, 403, [])


async def test_a_file_at_which_rossum_fails() -> None:
    """``failing_file``: its upload is a 500, whatever else is in it, and nothing is kept; others are taken."""
    async with running(UNREVIEWED) as rossum:
        await rossum.behave(failing_file="bad.pdf")
        failed, _ = await rossum.upload(name="a bad.pdf")
        kept = await rossum.get("/sandbox/documents")
        taken, _ = await rossum.upload(name="good.pdf")

    assert (failed, kept, taken) == (500, [], 202)


async def test_a_refused_repeat_may_name_what_is_there() -> None:
    """``conflict_names``: the refusal says nothing more, or has the addresses of documents and annotations."""
    again = "queue=8199&reject_identical=true"
    async with running(UNREVIEWED) as rossum:
        numbers = [await rossum.import_one(), await rossum.import_one()]
        _, silent = await rossum.upload(query=again)
        await rossum.behave(conflict_names=True)
        status, told = await rossum.upload(query=again)
        rows = [await rossum.annotation(number) for number in numbers]

    assert list(silent) == ["detail"]
    assert status == 409
    assert told["documents"] == [row["document"] for row in rows]
    assert told["annotations"] == [row["url"] for row in rows]


async def test_whether_changed_metadata_is_merged() -> None:
    """``merge_metadata``: a PATCH replaces all of it, or only the keys that it names; 4 kB hold for the whole."""
    async with running(UNREVIEWED) as rossum:
        number = await rossum.import_one(metadata={"a": 1, "b": 2})
        await rossum.behave(merge_metadata=True)
        _, merged = await rossum.send("PATCH", f"/annotations/{number}", json={"metadata": {"b": 3}})
        await rossum.send("PATCH", f"/annotations/{number}", json={"metadata": {"c": "x" * 4000}})
        large, _ = await rossum.send("PATCH", f"/annotations/{number}", json={"metadata": {"d": "x" * 100}})
        await rossum.behave(merge_metadata=False)
        _, replaced = await rossum.send("PATCH", f"/annotations/{number}", json={"metadata": {"b": 4}})

    assert merged["metadata"] == {"a": 1, "b": 3}
    assert large == 400
    assert replaced["metadata"] == {"b": 4}


async def test_whether_the_parts_of_a_split_inherit_metadata() -> None:
    """``inherit_metadata``: the children have their parent's metadata."""
    metadata = {"k": 1, "sandbox": {"fate": "split"}}
    async with running(UNREVIEWED) as rossum:
        await rossum.behave(inherit_metadata=True)
        number = await rossum.import_one(metadata=metadata)
        await rossum.until_status(number, "split")
        (relation,) = (await rossum.get(f"/relations?type=edit&parent={number}"))["results"]
        children = [await rossum.get(url) for url in relation["annotations"]]

    assert [child["metadata"] for child in children] == [metadata] * 2


async def _patched(rossum: Rossum, status: str) -> list[int]:
    (number,) = await rossum.finished(1, status="failed_export")
    wrong, _ = await rossum.send("PATCH", f"/annotations/{number}", json={"status": status})
    right, _ = await rossum.send("PATCH", f"/annotations/{number}", json={"status": "deleted"})
    return [wrong, right]


async def test_which_ways_a_status_may_go() -> None:
    """``strict_status``: any change, or only those that Rossum documents."""
    async with running(UNREVIEWED) as rossum:
        free = await _patched(rossum, "confirmed")
        await rossum.behave(strict_status=True)
        strict = await _patched(rossum, "confirmed")

    assert (free, strict) == ([200, 200], [409, 200])


async def test_whether_a_hook_shows_its_secret() -> None:
    """``hook_secret_hidden``: the object tells how calls are signed, or does not."""
    config = {"url": "http://127.0.0.1:9/", "secret": "kept"}
    async with running(UNREVIEWED) as rossum:
        made = await rossum.hook(config["url"], "annotation_status.changed")
        _, open_one = await rossum.send("PATCH", made["url"], json={"config": config})
        await rossum.behave(hook_secret_hidden=True)
        hidden = await rossum.get(made["url"])

    assert open_one["config"]["secret"] == "kept"
    assert "secret" not in hidden["config"]
