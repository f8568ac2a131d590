"""The queue export: its JSON, tables and XML, and the states that POST moves."""

import csv
import io
import xml.etree.ElementTree as ET
import zipfile
from typing import Any

import pytest

from tests.wire.simulator.simulator_harness import UNREVIEWED, Rossum, running

ELEMENT = [
    "url", "status", "arrived_at", "exported_at", "document", "modifier", "schema", "metadata", "content",
    "automated", "modified_at", "assigned_at",
]  # fmt: skip


async def test_an_element_has_the_documented_keys() -> None:
    """The JSON element: its keys in order, the document's addresses, the modifier's name, no id."""
    async with running(UNREVIEWED) as rossum:
        (number,) = await rossum.finished(1)
        body = await rossum.get("/queues/8198/export?format=json")
        annotation = await rossum.annotation(number)

    (element,) = body["results"]
    assert list(element) == ELEMENT
    assert element["exported_at"] == annotation["exported_at"]
    assert element["document"]["url"] == annotation["document"]
    assert element["document"]["file"] == annotation["document"] + "/content"
    assert element["modifier"] == {"url": annotation["modifier"], "username": "reviewer@example.com"}


async def test_content_is_normalised() -> None:
    """Leaves carry normalised values with type and confidence; the table has its tuples; nothing hidden."""
    async with running(UNREVIEWED) as rossum:
        await rossum.finished(1)
        body = await rossum.get("/queues/8198/export")

    sections = {section["schema_id"]: section["children"] for section in body["results"][0]["content"]}
    fields = {leaf["schema_id"]: leaf for children in sections.values() for leaf in children}
    (table,) = sections["line_items_section"]
    assert set(fields["amount_total"]) == {"category", "schema_id", "value", "type", "rir_confidence"}
    assert float(fields["amount_total"]["value"]) > 0
    assert fields["date_issue"]["value"][:2] == "20"
    assert fields["currency"]["type"] == "enum"
    assert "internal_note" not in fields
    assert (table["category"], table["children"][0]["category"]) == ("multivalue", "tuple")
    assert len(table["children"][0]["children"]) == 4


async def test_everything_of_the_queue_is_exported() -> None:
    """Without a status filter also what was never exported is there: without exported_at, empty if unread."""
    async with running(UNREVIEWED) as rossum:
        await rossum.finished(1, status="failed_import")
        await rossum.finished(1, queue=8199)
        body = await rossum.get("/queues/8198/export")
        missing, _ = await rossum.send("GET", "/queues/7/export")

    (element,) = body["results"]
    values = {leaf["value"] for section in element["content"][:3] for leaf in section["children"]}
    assert "exported_at" not in element
    assert values == {""}
    assert element["content"][3]["children"][0]["children"][0]["children"] == []
    assert missing == 404


async def test_export_takes_the_filters_and_pages_of_lists() -> None:
    """Windows, order, ids and pages work as in the annotation list."""
    window = "exported_at_after=2023-01-01&exported_at_before=2024-01-01&ordering=exported_at"
    async with running(UNREVIEWED) as rossum:
        inside = await rossum.finished(30, **{"from": 1_680_000_000, "to": 1_690_000_000})
        await rossum.finished(3)
        first = await rossum.get(f"/queues/8198/export?{window}")
        second = await rossum.get(first["pagination"]["next"])
        one = await rossum.get(f"/queues/8198/export?id={inside[4]}")

    seen = [int(row["url"].rpartition("/")[2]) for row in first["results"] + second["results"]]
    assert seen == inside
    assert first["pagination"]["total"] == 30
    assert len(one["results"]) == 1


async def test_csv_has_a_row_per_line_item() -> None:
    """CSV: labels in the first row, meta columns by id, CRLF, every row of every annotation unless paged."""
    async with running(UNREVIEWED) as rossum:
        await rossum.finished(25)
        body = await rossum.get("/queues/8198/export?page_size=100")
        status, text = await rossum.send("GET", "/queues/8198/export?format=csv&prepend_columns=meta_url")
        _, narrow = await rossum.send("GET", "/queues/8198/export?format=csv&columns=document_id&page_size=1")

    rows = list(csv.reader(io.StringIO(text, newline="")))
    items = sum(len(row["content"][3]["children"][0]["children"]) for row in body["results"])
    assert status == 200
    assert rows[0][:2] == ["meta_url", "Invoice number"]
    assert len(rows) == 1 + items
    assert len({row[0] for row in rows[1:]}) == 25
    assert narrow.startswith("Invoice number\r\n")


async def test_xml_carries_the_same_data() -> None:
    """XML: the annotation with metadata, content and a pagination block."""
    async with running(UNREVIEWED) as rossum:
        number = await rossum.import_one(name="<&>.pdf", metadata={"key <1>": "a & b"})
        await rossum.until_status(number, "to_review")
        status, text = await rossum.send("GET", "/queues/8198/export", headers={"Accept": "application/xml"})
        (element,) = (await rossum.get("/queues/8198/export"))["results"]

    root = ET.fromstring(text)  # noqa: S314 - the simulator's own answer
    invoice = root.find(".//datapoint[@schema_id='document_id']")
    assert status == 200
    assert root.findtext("results/annotation/document/file_name") == "<&>.pdf"
    assert [(i.get("key"), i.text) for i in root.iter("item")] == [("key <1>", "a & b")]
    assert invoice is not None
    assert invoice.text == element["content"][0]["children"][0]["value"]
    assert root.findtext("pagination/total") == "1"


async def test_xlsx_is_a_workbook() -> None:
    """XLSX opens as a package whose sheet holds the values of the CSV."""
    async with running(UNREVIEWED) as rossum:
        await rossum.finished(1)
        _, text = await rossum.send("GET", "/queues/8198/export?format=csv&columns=document_id")
        url = f"{rossum.simulator.base_url}/queues/8198/export?format=xlsx"
        async with rossum.http.get(url) as response:
            book = zipfile.ZipFile(io.BytesIO(await response.read()))

    assert text.splitlines()[1] in book.read("xl/worksheets/sheet1.xml").decode()


async def _statuses(rossum: Rossum, numbers: list[int]) -> list[str]:
    return [(await rossum.annotation(number))["status"] for number in numbers]


@pytest.mark.parametrize("target", ["exporting", "exported"])
async def test_post_moves_what_it_exports(target: str) -> None:
    """``to_status`` moves the confirmed rows, answers them in their new status, and leaves others alone."""
    async with running(UNREVIEWED) as rossum:
        confirmed = await rossum.finished(2, status="confirmed")
        exported = await rossum.finished(1, status="exported")
        before = await rossum.annotation(exported[0])
        ids = ",".join(map(str, confirmed + exported))
        status, body = await rossum.post(f"/queues/8198/export?id={ids}&to_status={target}")
        for number in confirmed:
            await rossum.until_status(number, "exported")
        after = await rossum.annotation(exported[0])

    assert status == 200
    assert [row["status"] for row in body["results"]] == [target, target, "exported"]
    assert after == before


async def test_get_moves_nothing() -> None:
    """GET ignores ``to_status``, and POST without it changes nothing either."""
    async with running(UNREVIEWED) as rossum:
        numbers = await rossum.finished(1, status="confirmed")
        await rossum.get("/queues/8198/export?to_status=exported")
        await rossum.post("/queues/8198/export")
        statuses = await _statuses(rossum, numbers)
        refused, _ = await rossum.post("/queues/8198/export?to_status=deleted")

    assert statuses == ["confirmed"]
    assert refused == 400


async def test_queues_schemas_and_the_rest_can_be_read() -> None:
    """Queues tell counts and schema, schemas their fields; organisation, workspace and users exist."""
    async with running(UNREVIEWED) as rossum:
        await rossum.finished(3)
        queues = await rossum.get("/queues")
        queue: Any = queues["results"][0]
        schema = await rossum.get(queue["schema"])
        organization = await rossum.get("/organizations/1")
        workspace = await rossum.get(queue["workspace"])
        users = await rossum.get("/users")

    fields = [field for section in schema["content"] for field in section["children"]]
    assert [found["name"] for found in queues["results"]] == ["invoices", "receipts"]
    assert queue["counts"]["exported"] == 3
    assert set(queue["counts"]) >= {"importing", "purged"}
    assert any("upload:document_id" in field["rir_field_names"] for field in fields)
    assert organization["workspaces"] == [workspace["url"]]
    assert users["pagination"]["total"] == 3
