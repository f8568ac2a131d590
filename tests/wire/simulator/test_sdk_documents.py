"""The vendor's client brings documents in: log-in, uploads, tasks, upload objects, documents."""

from pathlib import Path

import pytest
from rossum_api.clients.external_sync_client import SyncRossumAPIClientWithDefaultDeserializer as SyncClient
from rossum_api.domain_logic.upload import build_upload_files
from rossum_api.dtos import UserCredentials
from rossum_api.exceptions import APIClientError
from rossum_api.models.task import TaskStatus

from connector.sandbox.pages import pdf
from tests.wire.simulator.sdk_clients import PASSWORD, client_of, everything, files_in, with_sync_client
from tests.wire.simulator.simulator_harness import UNREVIEWED, id_in, running


async def test_files_are_uploaded_and_followed_to_their_annotations(tmp_path: Path) -> None:
    """Log-in, two files at once with values and metadata, task, upload object, annotation, document, bytes."""
    async with running(UNREVIEWED) as rossum, client_of(rossum, PASSWORD) as client:
        await rossum.behave(task_delay=0.1)
        tasks = await client.upload_document(
            8198, files_in(tmp_path), values={"upload:document_id": "A-1"}, metadata={"batch": 7}
        )
        first = await client.poll_task(tasks[0].id, lambda task: task.status is TaskStatus.SUCCEEDED, sleep_s=0)
        ended = [first, await client.poll_task_until_succeeded(tasks[1].id, sleep_s=0)]
        again = await client.retrieve_task(first.id)
        uploads = [await client.retrieve_upload(id_in(task.result_url or "")) for task in ended]
        annotations = [
            await client.poll_annotation_until_imported(id_in(upload.annotations[0]), sleep_s=0) for upload in uploads
        ]
        content = (await client.retrieve_annotation(annotations[1].id or 0, sideloads=["content"])).content
        documents = [await client.retrieve_document(id_in(str(row.document))) for row in annotations]
        contents = [await client.retrieve_document_content(document.id) for document in documents]

    assert {task.status for task in tasks} == {TaskStatus.RUNNING}
    assert again == first
    assert [row.status for row in annotations] == ["to_review"] * 2
    assert [row.metadata for row in annotations] == [{"batch": 7}] * 2
    assert "'value': 'A-1'" in str(content)
    assert [document.original_file_name for document in documents] == ["invoice.pdf", "scan é.png"]
    assert contents == [path.read_bytes() for path, _ in files_in(tmp_path)]


def _uploaded(sync: SyncClient, path: Path) -> list[object]:
    files = build_upload_files(path.read_bytes(), path.name, metadata={"batch": 7})
    answer = sync.request_json("POST", "uploads?queue=8198", files=files)
    number = sync.retrieve_task(id_in(answer["url"])).id
    task = sync.poll_task(number, lambda found: found.status is TaskStatus.SUCCEEDED, sleep_s=0)
    upload = sync.retrieve_upload(id_in(task.result_url or ""))
    row = sync.poll_annotation_until_imported(id_in(upload.annotations[0]), sleep_s=0)
    document = sync.retrieve_document(id_in(str(row.document)))
    return [row.status, row.metadata, document.original_file_name, sync.retrieve_document_content(document.id)]


async def test_the_synchronous_client_uploads_as_well(tmp_path: Path) -> None:
    """The same way with the other client, whose own `upload_document` cannot read the documented answer.

    It looks for the legacy import's `results` in it, with Rossum as here; its generic request does.
    """
    (path, name), _ = files_in(tmp_path)
    async with running(UNREVIEWED) as rossum:
        found = await with_sync_client(rossum, lambda sync: _uploaded(sync, path), PASSWORD)
        with pytest.raises(KeyError, match="results"):
            await with_sync_client(rossum, lambda sync: sync.upload_document(8198, [(path, name)]))

    assert found == ["to_review", {"batch": 7}, "invoice.pdf", path.read_bytes()]


@pytest.mark.filterwarnings("ignore:`import_document` is deprecated:DeprecationWarning")
async def test_the_legacy_import_answers_with_the_annotation(tmp_path: Path) -> None:
    """`import_document` and `upload_and_wait_until_imported` of both clients, which the vendor calls deprecated."""
    files = files_in(tmp_path)
    async with running(UNREVIEWED) as rossum, client_of(rossum) as client:
        numbers = await client.import_document(8198, files)
        waited = await client.upload_and_wait_until_imported(8198, files[0][0], "again.pdf", sleep_s=0)
        row = await with_sync_client(
            rossum, lambda sync: sync.upload_and_wait_until_imported(8198, files[0][0], "sync.pdf", sleep_s=0)
        )
        rows = await everything(client.list_annotations())

    assert {found.id for found in rows} == {*numbers, waited.id, row.id}
    assert waited.status == "to_review"


async def test_a_wrong_password_and_an_ended_token_are_told() -> None:
    """401 with the vendor's error; with a password the client logs in again by itself."""
    async with running(UNREVIEWED) as rossum:
        async with client_of(rossum, UserCredentials("sandbox@example.com", "wrong")) as client:
            with pytest.raises(APIClientError) as refused:
                await client.retrieve_queue(8198)
        async with client_of(rossum, PASSWORD) as client:
            await client.authenticate()
            first = await client.get_token()
            await client.request_json("POST", "auth/logout")
            queue = await client.retrieve_queue(8198)
            second = await client.get_token()

    assert refused.value.status_code == 401
    assert queue.name == "invoices"
    assert first != second


async def test_a_document_is_made_without_an_annotation() -> None:
    """`create_new_document` with metadata and parent, then an annotation of it by `create_new_annotation`."""
    async with running(UNREVIEWED) as rossum, client_of(rossum) as client:
        page, base = pdf(["Attachment"]), rossum.simulator.base_url
        root = await client.create_new_document("root.pdf", page, metadata={"k": 1})
        child = await client.create_new_document("child.pdf", page, parent=root.url)
        made = await client.create_new_annotation(
            {"status": "created", "document": root.url, "queue": f"{base}/queues/8198", "metadata": {"k": 2}}
        )
        row = await client.poll_annotation_until_imported(made.id or 0, sleep_s=0)
        listed = await everything(client.request_paginated("documents", parent=root.id))

    assert (root.metadata, root.annotations) == ({"k": 1}, [])
    assert [document["id"] for document in listed] == [child.id]
    assert (row.document, row.metadata, row.status) == (root.url, {"k": 2}, "to_review")


# The client names its first pause in a way that its own library calls deprecated.
@pytest.mark.filterwarnings("ignore:The 'initial' parameter:DeprecationWarning")
async def test_a_throttled_client_comes_again() -> None:
    """429, 503 and a broken connection are what the vendor's client retries; a 404 it raises."""
    async with running(UNREVIEWED) as rossum:
        for action in ("retry-after:1", "status:503", "drop-before"):
            await rossum.fault(method="GET", path="/queues/8198", action=action, times=1)
        async with client_of(rossum, n_retries=4, retry_backoff_factor=0.01, retry_max_jitter=0.01) as client:
            queue = await client.retrieve_queue(8198)
            with pytest.raises(APIClientError) as missing:
                await client.retrieve_annotation(1)
        counted = (await rossum.get("/sandbox/counters")).get("GET /queues/{id}")

    assert queue.id == 8198
    assert missing.value.status_code == 404
    assert "Not found." in str(missing.value)
    assert counted == {"429": 1, "503": 1, "dropped": 1, "200": 1}
