"""The vendor's client works on annotations: lists, searches, sideloads, reviews, corrections, exports."""

import csv
import io
import zipfile
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree as ET

import dacite
import pytest
from rossum_api.clients.external_async_client import AsyncRossumAPIClientWithDefaultDeserializer as AsyncClient
from rossum_api.clients.external_sync_client import SyncRossumAPIClientWithDefaultDeserializer as SyncClient
from rossum_api.domain_logic.annotations import ExportFileFormats
from rossum_api.exceptions import APIClientError
from rossum_api.models.document import Document
from rossum_api.models.user import User
from rossum_api.types import Sideload

from tests.wire.simulator.sdk_clients import as_sent, client_of, everything, with_sync_client
from tests.wire.simulator.simulator_harness import UNREVIEWED, running

ONE_PAGE = 100  # rows; the client always asks for so many
LATEST_FIRST: Any = ["-exported_at"]  # the client's types have no descending orders
LOADS: list[Sideload] = ["documents", "modifiers", "content"]
QUERY = {"$and": [{"status": {"$in": ["exported"]}}]}


async def test_lists_and_searches_give_each_row_once() -> None:
    """Several pages by filter and order; searches go from page to page by number, with both clients."""
    async with running(UNREVIEWED) as rossum, client_of(rossum) as client:
        numbers = await rossum.finished(ONE_PAGE + 5, status="exported")
        await rossum.finished(3, status="rejected")
        listed = await everything(client.list_annotations(ordering=LATEST_FIRST, status="exported"))
        found = await everything(client.search_for_annotations(query=QUERY, ordering=["exported_at"]))
        synchronous = await with_sync_client(
            rossum, lambda sync: [row.id for row in sync.search_for_annotations(query=QUERY, ordering=["exported_at"])]
        )
        named = await everything(client.search_for_annotations(query_string={"string": "finished_"}))
        beyond = await rossum.post("/annotations/search?page=3&page_size=100", {"query": QUERY})

    assert [row.id for row in listed] == numbers[::-1]
    assert [row.id for row in found] == synchronous == numbers
    assert len(named) == ONE_PAGE + 8
    assert beyond == (404, {"detail": "Invalid page."})


async def test_lists_bring_linked_objects_along() -> None:
    """Sideloads of lists, searches and single reads: documents, modifiers, and content by schema id."""
    async with running(UNREVIEWED) as rossum, client_of(rossum) as client:
        (number, other) = await rossum.finished(2)
        listed = await everything(
            client.list_annotations(sideloads=LOADS, content_schema_ids=["document_id", "item_quantity"])
        )
        found = await everything(client.search_for_annotations(query=QUERY, sideloads=("documents",)))
        single = await client.retrieve_annotation(number, sideloads=LOADS)
        refused, body = await rossum.send("GET", "/annotations?sideload=content")

    row = listed[0]
    assert [row.id for row in listed] == [number, other]
    assert isinstance(row.document, Document)
    assert isinstance(row.modifier, User)
    assert row.modifier.username == "reviewer@example.com"
    assert {node["schema_id"] for node in row.content if isinstance(node, dict)} == {"document_id", "item_quantity"}
    assert isinstance(found[1].document, Document)
    assert found[1].document.original_file_name == f"finished_{found[1].document.id}.pdf"
    assert isinstance(single.content, list)
    assert [node["category"] for node in single.content] == ["section"] * 4
    assert (refused, list(body)) == (400, ["content.schema_id"])


def _is_exported(row: Any) -> bool:
    return bool(row["status"] == "exported")


async def test_an_annotation_is_reviewed_corrected_and_confirmed() -> None:
    """start, bulk update, confirm; the corrected value is in the export."""
    async with running(UNREVIEWED) as rossum, client_of(rossum, deserializer=as_sent) as client:
        (number,) = await rossum.finished(1, status="to_review")
        await client.start_annotation(number)
        whole: Any = await client.retrieve_annotation(number)
        content = (await client.request_json("GET", f"annotations/{number}/content"))["content"]
        field = next(node for node in content[0]["children"] if node["schema_id"] == "document_id")
        change = {"op": "replace", "id": field["id"], "value": {"content": {"value": "A-2"}}}
        await client.bulk_update_annotation_data(number, [change])
        await client.confirm_annotation(number)
        await client.poll_annotation(number, _is_exported, sleep_s=0)
        elements: list[Any] = await everything(client.export_annotations_to_json(8198))

    (exported, *_) = elements[0]["content"][0]["children"]
    assert whole["status"] == "reviewing"
    assert exported["value"] == "A-2"


async def test_annotations_are_moved_by_hand() -> None:
    """cancel, change, reject, delete; an action in the wrong state is the vendor's 409."""
    async with running(UNREVIEWED) as rossum, client_of(rossum) as client:
        (number, other) = await rossum.finished(2, status="to_review")
        with pytest.raises(APIClientError) as refused:
            await client.confirm_annotation(number)
        await client.start_annotation(number)
        await client.cancel_annotation(number)
        changed = await client.update_part_annotation(number, {"metadata": {"k": 1}, "status": "postponed"})
        replaced = await client.update_annotation(number, {"status": "to_review"})
        rejected = await client.request_json("POST", f"annotations/{number}/reject")
        await client.delete_annotation(other)
        statuses = [(await client.retrieve_annotation(each)).status for each in (number, other)]
        duration = await client.retrieve_annotation_processing_duration(number)

    assert refused.value.status_code == 409
    assert (changed.status, changed.metadata, replaced.status) == ("postponed", {"k": 1}, "to_review")
    assert rejected == {"status": "rejected"}
    assert statuses == ["rejected", "deleted"]
    assert duration.annotation == f"{rossum.simulator.base_url}/annotations/{number}"


def _by_hand(sync: SyncClient, number: int, other: int) -> list[str]:
    sync.start_annotation(number)
    sync.cancel_annotation(number)
    sync.update_part_annotation(number, {"metadata": {"k": 1}})
    sync.start_annotation(number)
    sync.bulk_update_annotation_data(number, [])
    sync.confirm_annotation(number)
    sync.delete_annotation(other)
    kept = sync.poll_annotation(number, lambda row: row.status == "exported", sleep_s=0, sideloads=["documents"])
    return [kept.status, kept.metadata["k"], sync.retrieve_annotation(other).status]


async def test_the_synchronous_client_reviews_as_well() -> None:
    """The same actions with the other client."""
    async with running(UNREVIEWED) as rossum:
        (number, other) = await rossum.finished(2, status="to_review")
        found = await with_sync_client(rossum, lambda sync: _by_hand(sync, number, other))

    assert found == ["exported", 1, "deleted"]


async def _file(client: AsyncClient, form: ExportFileFormats, **filters: Any) -> bytes:
    return b"".join(await everything(client.export_annotations_to_file(8198, form, **filters)))


def _sheet(workbook: bytes) -> bytes:
    return zipfile.ZipFile(io.BytesIO(workbook)).read("xl/worksheets/sheet1.xml")


def _elements(sync: SyncClient) -> Iterator[Any]:
    return iter(sync.export_annotations_to_json(8198, status="exported"))


async def test_a_queue_is_exported_in_every_format() -> None:
    """JSON over several pages, CSV, XML and XLSX whole, with filters and columns, by both clients."""
    async with running(UNREVIEWED) as rossum, client_of(rossum, deserializer=as_sent) as client:
        numbers = await rossum.finished(ONE_PAGE + 5)
        await rossum.finished(1, status="rejected")
        elements: list[Any] = await everything(
            client.export_annotations_to_json(8198, status="exported", ordering="exported_at")
        )
        table = await _file(client, ExportFileFormats.CSV, status="exported", columns=["meta_url", "document_id"])
        document = await _file(client, ExportFileFormats.XML, status="exported")
        workbook = await _file(client, ExportFileFormats.XLSX, id=numbers[0])
        synchronous = await with_sync_client(
            rossum,
            lambda sync: [
                [element["url"] for element in _elements(sync)],
                b"".join(sync.export_annotations_to_file(8198, ExportFileFormats.XML, status="exported")),
                b"".join(
                    sync.export_annotations_to_file(
                        8198, ExportFileFormats.CSV, status="exported", columns=["meta_url", "document_id"]
                    )
                ),
                _sheet(b"".join(sync.export_annotations_to_file(8198, ExportFileFormats.XLSX, id=numbers[0]))),
            ],
            deserializer=as_sent,
        )

    urls = [element["url"] for element in elements]
    rows = list(csv.reader(io.StringIO(table.decode(), newline="")))
    tree = ET.fromstring(document)  # noqa: S314 - the simulator's own answer
    assert urls == [f"{rossum.simulator.base_url}/annotations/{number}" for number in numbers]
    assert rows[0] == ["meta_url", "Invoice number"]
    assert {row[0] for row in rows[1:]} == set(urls)
    assert [node.get("url") for node in tree.iter("annotation")] == urls
    assert b"INV-" in _sheet(workbook)
    assert synchronous == [urls, document, table, _sheet(workbook)]


async def test_an_export_moves_what_is_confirmed() -> None:
    """`to_status` makes the client POST; its own classes, though, have no place for an export's elements."""
    async with running(UNREVIEWED) as rossum, client_of(rossum, deserializer=as_sent) as client:
        (number,) = await rossum.finished(1, status="confirmed")
        moved: list[Any] = await everything(client.export_annotations_to_json(8198, to_status="exported", id=number))
        status = (await rossum.annotation(number))["status"]
        async with client_of(rossum) as typed:
            with pytest.raises(dacite.DaciteError):
                await everything(typed.export_annotations_to_json(8198))

    assert (moved[0]["status"], status) == ("exported", "exported")
