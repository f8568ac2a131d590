"""Office documents: archives by their first bytes, documents by what is in them."""

from typing import Any

from tests.wire.simulator.simulator_harness import UNREVIEWED, Rossum, running
from tests.wire.simulator.test_simulator_uploads import archive

OOXML = "application/vnd.openxmlformats-officedocument"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(4096)
PARTS = {"[Content_Types].xml": b"<Types/>"}
#: A file of each kind, as far as what tells it.
FILES = {
    f"{OOXML}.spreadsheetml.sheet": archive(**PARTS, xl__workbook=b"<workbook/>"),
    f"{OOXML}.wordprocessingml.document": archive(**PARTS, word__document=b"<document/>"),
    "application/vnd.ms-excel": OLE + "Workbook".encode("utf-16-le"),
    "application/msword": OLE + "WordDocument".encode("utf-16-le"),
}


async def uploaded(rossum: Rossum, content: bytes) -> list[tuple[str, int]]:
    """Type and number of annotations of each document that an upload became."""
    _, body = await rossum.upload(content, name="file")
    found: list[Any] = [await rossum.get(url) for url in (await rossum.upload_of(body["url"]))["documents"]]
    return [(document["mime_type"], len(document["annotations"])) for document in found]


async def test_office_documents_are_documents() -> None:
    """Each has its type and an annotation, by itself and inside a ZIP."""
    batch = archive(**{f"{number}": content for number, content in enumerate(FILES.values())})
    async with running(UNREVIEWED) as rossum:
        single = [await uploaded(rossum, content) for content in FILES.values()]
        together = await uploaded(rossum, batch)

    assert single == [[(kind, 1)] for kind in FILES]
    assert together == [("application/zip", 0), *((kind, 1) for kind in FILES)]


async def test_other_files_of_that_form_are_refused() -> None:
    """Slides, and anything else that Office keeps so."""
    async with running(UNREVIEWED) as rossum:
        answers = [await rossum.upload(content) for content in (archive(**PARTS, ppt__slides=b"x"), OLE)]

    assert [status for status, _ in answers] == [400, 400]
