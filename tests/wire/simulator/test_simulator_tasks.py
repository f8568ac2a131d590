"""Tasks: how they tell of an upload, fail, and are forgotten."""

from typing import Any

from tests.wire.simulator.simulator_harness import eventually, running


async def test_a_task_runs_then_redirects() -> None:
    """A task is a 200 while it runs and a 303 to the upload afterwards, unless asked to stay."""
    async with running() as rossum:
        await rossum.behave(task_delay=0.3)
        _, body = await rossum.upload()
        running_status, task = await rossum.send("GET", body["url"])
        upload = await rossum.upload_of(body["url"])
        async with rossum.http.get(body["url"], allow_redirects=False) as response:
            redirect = response.status, response.headers["Location"]
        stayed, last = await rossum.send("GET", body["url"] + "?no_redirect=True")

    assert (running_status, task["status"], task["content"]) == (200, "running", None)
    assert redirect == (303, upload["url"])
    assert (stayed, last["status"], last["content"]) == (200, "succeeded", {"upload": upload["url"]})


async def test_a_task_can_run_longer_than_those_of_others() -> None:
    """``task`` of the metadata makes the task of one upload slow; the annotation does not wait for it."""
    async with running() as rossum:
        _, slow = await rossum.upload(metadata={"sandbox": {"task": 60}})
        _, quick = await rossum.upload()
        await rossum.upload_of(quick["url"])
        _, task = await rossum.send("GET", slow["url"])
        listed = await rossum.get("/annotations")

    assert task["status"] == "running"
    assert listed["pagination"]["total"] == 2


async def test_a_task_is_forgotten_after_six_hours() -> None:
    """Past its expiry a task is a 404, its upload is not."""
    async with running() as rossum:
        _, body = await rossum.upload()
        upload = await rossum.upload_of(body["url"])
        await rossum.post("/sandbox/time", {"shift": 6 * 3600 + 1})
        status, _ = await rossum.send("GET", body["url"])
        still, _ = await rossum.send("GET", upload["url"])

    assert (status, still) == (404, 200)


async def test_a_failed_task_says_why() -> None:
    """The fate ``failed_task`` ends with detail and code, and leaves nothing in the lists."""
    async with running() as rossum:
        _, body = await rossum.upload(metadata={"sandbox": {"fate": "failed_task"}})

        async def failed() -> Any:
            task = await rossum.get(body["url"])
            return task if task["status"] == "failed" else None

        task = await eventually(failed)
        documents = await rossum.get("/documents")
        annotations = await rossum.get("/annotations")
        (told,) = await rossum.get("/sandbox/documents")

    assert task["detail"]
    assert task["code"] == "upload_failed"
    assert documents["pagination"]["total"] == annotations["pagination"]["total"] == 0
    assert told["annotations"] == []


async def test_an_upload_may_have_no_annotation() -> None:
    """The fate ``no_annotation`` succeeds with a document and without an annotation."""
    async with running() as rossum:
        _, body = await rossum.upload(metadata={"sandbox": {"fate": "no_annotation"}})
        upload = await rossum.upload_of(body["url"])

    assert len(upload["documents"]) == 1
    assert upload["annotations"] == []
