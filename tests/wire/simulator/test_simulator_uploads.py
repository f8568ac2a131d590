"""Uploads: kinds, limits, metadata, archives, repeats; and the tasks that tell of them."""

import hashlib
import io
import json
import zipfile
from typing import Any

import aiohttp
import pytest

from tests.wire.simulator.simulator_harness import PDF, UNREVIEWED, Rossum, id_in, running

PNG = b"\x89PNG\r\n\x1a\n rest"
KINDS = {
    "application/pdf": PDF,
    "image/png": PNG,
    "image/jpeg": b"\xff\xd8\xff\xe0 rest",
    "image/tiff": b"II*\x00 rest",
}


def archive(**files: bytes) -> bytes:
    """A ZIP; ``__`` in a name stands for a folder."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as book:
        for name, content in files.items():
            book.writestr(name.replace("__", "/"), content)
    return file.getvalue()


async def _documents(rossum: Rossum, task_url: str) -> list[Any]:
    upload = await rossum.upload_of(task_url)
    return [await rossum.get(url) for url in upload["documents"]]


@pytest.mark.parametrize("mime_type", KINDS)
async def test_a_kind_is_told_by_its_content(mime_type: str) -> None:
    """Whatever its name says, a document gets the type of its first bytes, and gives its bytes back."""
    async with running() as rossum:
        status, body = await rossum.upload(KINDS[mime_type], name="thing.bin")
        (document,) = await _documents(rossum, body["url"])
        async with rossum.http.get(document["content"]) as response:
            content = await response.read()

    assert status == 202
    assert document["mime_type"] == mime_type
    assert document["original_file_name"] == "thing.bin"
    assert content == KINDS[mime_type]


@pytest.mark.parametrize(
    ("content", "metadata", "query", "expected"),
    [
        (b"plain text", None, "queue=8198", (400, "content")),
        (b"", None, "queue=8198", (400, "content")),
        (PDF, ["no", "object"], "queue=8198", (400, "metadata")),
        (PDF, {"long": "x" * 4096}, "queue=8198", (400, "metadata")),
        (PDF, None, "queue=none", (400, "queue")),
        (PDF, None, "", (400, "queue")),
        (PDF, None, "queue=7", (404, "detail")),
    ],
)
async def test_what_cannot_be_taken_names_its_field(
    content: bytes, metadata: Any, query: str, expected: tuple[int, str]
) -> None:
    """A wrong file, metadata or queue is refused with the field's name, and nothing is kept."""
    async with running() as rossum:
        status, body = await rossum.upload(content, metadata=metadata, query=query)
        kept = await rossum.get("/sandbox/documents")

    assert (status, next(iter(body))) == expected
    assert kept == []


async def test_a_json_part_with_a_file_name_is_refused() -> None:
    """As at the vendor's, metadata must come without a file name."""
    form = aiohttp.FormData()
    form.add_field("content", PDF, filename="a.pdf")
    form.add_field("metadata", b"{}", filename="metadata.json", content_type="application/json")
    async with running() as rossum:
        answer = await rossum.send("POST", "/uploads?queue=8198", data=form)

    assert answer == (400, {"metadata": ["Value must be valid JSON."]})


async def test_a_body_without_boundary_is_a_parse_error() -> None:
    """Multipart without a boundary is the documented parse error."""
    async with running() as rossum:
        status, body = await rossum.send(
            "POST", "/uploads?queue=8198", data=b"x", headers={"Content-Type": "multipart/form-data"}
        )

    assert (status, body["code"]) == (400, "parse_error")


async def test_more_than_40_mb_is_too_large() -> None:
    """413 for a request whose files exceed the limit, although no length was declared."""

    async def pieces() -> Any:
        yield PDF
        for _ in range(41):
            yield bytes(1 << 20)

    async with running() as rossum:
        headers = {"Content-Disposition": "attachment; filename=a.pdf"}
        status, _ = await rossum.send("POST", "/uploads?queue=8198", data=pieces(), headers=headers)

    assert status == 413


@pytest.mark.parametrize(
    ("path", "disposition", "name"),
    [
        ("/uploads?queue=8198", "attachment; filename=plain.pdf", "plain.pdf"),
        ("/uploads?queue=8198", "attachment; filename*=utf-8''%C4%8Desk%C3%BD.pdf", "český.pdf"),
        ("/uploads/in%20path.pdf?queue=8198", None, "in path.pdf"),
    ],
)
async def test_a_raw_body_takes_its_name_from_elsewhere(path: str, disposition: str | None, name: str) -> None:
    """A body that is not multipart is one file, named by Content-Disposition or by the path."""
    headers = {"Content-Type": "application/pdf"}
    if disposition is not None:
        headers["Content-Disposition"] = disposition
    async with running() as rossum:
        status, body = await rossum.send("POST", path, data=PDF, headers=headers)
        (document,) = await _documents(rossum, body["url"])

    assert status == 202
    assert document["original_file_name"] == name


async def test_several_files_make_several_annotations() -> None:
    """Each ``content`` part becomes a document with an annotation, all with the same metadata."""
    form = aiohttp.FormData()
    form.add_field("content", PDF, filename="a.pdf")
    form.add_field("content", PNG, filename="b.png")
    form.add_field("metadata", json.dumps({"batch": 7}))
    async with running() as rossum:
        _, body = await rossum.send("POST", "/uploads?queue=8198", data=form)
        upload = await rossum.upload_of(body["url"])
        annotations = [await rossum.get(url) for url in upload["annotations"]]

    assert len(upload["documents"]) == 2
    assert [annotation["metadata"] for annotation in annotations] == [{"batch": 7}] * 2


async def test_identical_files_are_refused_on_demand() -> None:
    """``reject_identical`` refuses the same name and content anywhere, and neither alone."""
    async with running() as rossum:
        await rossum.upload(PDF, name="a.pdf", query="queue=8199")
        same, _ = await rossum.upload(PDF, name="a.pdf", query="queue=8198&reject_identical=true")
        name, _ = await rossum.upload(PDF, name="b.pdf", query="queue=8198&reject_identical=true")
        content, _ = await rossum.upload(PNG, name="a.pdf", query="queue=8198&reject_identical=true")
        (told,) = [d["uploads"] for d in await rossum.get("/sandbox/documents") if d["sha256"] == _sha(PNG)]

    assert (same, name, content) == (409, 202, 202)
    assert told == 1


def _sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


async def test_repeats_are_counted_and_related() -> None:
    """The same content twice makes two annotations, tied by a duplicate relation keyed by its MD5."""
    key = hashlib.md5(PDF, usedforsecurity=False).hexdigest()
    async with running(UNREVIEWED) as rossum:
        made = [await rossum.import_one(), await rossum.import_one()]
        found = await rossum.get(f"/annotations?relations__type=duplicate&relations__key={key}&fields=id")
        relations = await rossum.get(f"/relations?type=duplicate&key={key}")
        documents = await rossum.get("/sandbox/documents")

    assert [row["id"] for row in found["results"]] == made
    assert relations["pagination"]["total"] == 1
    assert [document["uploads"] for document in documents] == [2, 2]


async def test_an_archive_gives_its_files() -> None:
    """A ZIP is one document; each readable file inside another, with annotation and metadata."""
    content = archive(**{"a.pdf": PDF, "b.png": PNG, "note.txt": b"hello", "deep__c.pdf": PDF})
    async with running(UNREVIEWED) as rossum:
        _, body = await rossum.upload(content, name="all.zip", metadata={"k": 1})
        upload = await rossum.upload_of(body["url"])
        root, *children = [await rossum.get(url) for url in upload["documents"]]
        annotations = [await rossum.get(url) for url in upload["annotations"]]

    assert (root["attachment_status"], root["annotations"]) == ("extracted_archive", [])
    assert {child["parent"] for child in children} == {root["url"]}
    assert [child["attachment_status"] for child in children] == [
        "processed",
        "processed",
        "filtered_by_queue_mime_type",
    ]
    assert [annotation["metadata"] for annotation in annotations] == [{"k": 1}] * 2


async def test_the_only_folder_of_an_archive_is_read() -> None:
    """When everything lies in one first-level folder, its files count as the archive's."""
    async with running(UNREVIEWED) as rossum:
        _, body = await rossum.upload(archive(inside__a=PDF, inside__b=PNG), name="all.zip")
        upload = await rossum.upload_of(body["url"])

    assert len(upload["annotations"]) == 2


async def test_a_broken_archive_gives_no_annotation() -> None:
    """A ZIP that cannot be opened is kept as a document that failed to extract."""
    async with running() as rossum:
        _, body = await rossum.upload(b"PK\x03\x04 nonsense", name="all.zip")
        (document,) = await _documents(rossum, body["url"])

    assert document["attachment_status"] == "failed_to_extract"
    assert document["annotations"] == []


async def test_the_legacy_upload_answers_at_once() -> None:
    """The old endpoint is a 201 with annotation and document."""
    form = aiohttp.FormData()
    form.add_field("content", PDF, filename="a.pdf")
    async with running(UNREVIEWED) as rossum:
        status, body = await rossum.send("POST", "/queues/8198/upload", data=form)
        annotation = await rossum.get(body["annotation"])

    assert status == 201
    assert body["results"] == [{"annotation": body["annotation"], "document": body["document"]}]
    assert annotation["document"] == body["document"]


async def test_uploaded_values_become_a_field() -> None:
    """A value ``upload:document_id`` shows up as the field whose schema names it."""
    form = aiohttp.FormData()
    form.add_field("content", PDF, filename="a.pdf")
    form.add_field("values", json.dumps({"upload:document_id": "ref-7"}))
    async with running(UNREVIEWED) as rossum:
        _, body = await rossum.send("POST", "/uploads?queue=8198", data=form)
        upload = await rossum.upload_of(body["url"])
        await rossum.until_status(id_in(upload["annotations"][0]), "to_review")
        status, table = await rossum.send("GET", "/queues/8198/export?format=csv&columns=customer_reference")

    assert status == 200
    assert "ref-7" in table.splitlines()


async def test_files_are_renamed_on_demand() -> None:
    """With ``rename_files`` the shown name differs; the control endpoint tells the one that was sent."""
    async with running() as rossum:
        await rossum.behave(rename_files=True)
        await rossum.upload(name="my (best) file.pdf")
        shown = await rossum.get("/documents?original_file_name=my__best__file.pdf")
        (told,) = await rossum.get("/sandbox/documents")

    assert shown["pagination"]["total"] == 1
    assert told["file_name"] == "my (best) file.pdf"


@pytest.mark.parametrize(("query", "expected"), [("queue=8198", 413), ("queue=7", 404)])
async def test_a_refusal_reaches_a_sender_in_full_flow(query: str, expected: int) -> None:
    """A sender of 45 MB gets the refusal although the simulator does not want the body."""
    headers = {"Content-Disposition": "attachment; filename=a.pdf"}
    async with running() as rossum:
        body = io.BytesIO(PDF + bytes(45_000_000))
        status, _ = await rossum.send("POST", f"/uploads?{query}", data=body, headers=headers)

    assert status == expected


async def test_a_sender_may_wait_for_leave_to_send() -> None:
    """``Expect: 100-continue`` is answered, so that such a sender goes on."""
    headers = {"Content-Disposition": "attachment; filename=a.pdf"}
    async with running() as rossum:
        status, _ = await rossum.send("POST", "/uploads?queue=8198", data=PDF, headers=headers, expect100=True)

    assert status == 202


async def test_an_archive_must_have_fewer_than_1000_files() -> None:
    """A ZIP of 1000 files is refused, and nothing of it is kept."""
    content = archive(**{f"{number}.pdf": PDF for number in range(1000)})
    async with running() as rossum:
        status, body = await rossum.upload(content, name="many.zip")
        kept = await rossum.get("/sandbox/documents")

    assert (status, list(body)) == (400, ["content"])
    assert kept == []
