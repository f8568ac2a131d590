"""Parts as CSV and XLSX, joined below one header."""

import csv
import io
import zipfile
from pathlib import Path

import pytest

from connector.errors import Fatal
from connector.export.csv_form import CsvForm
from connector.export.forms import Unreadable
from connector.export.tables import Columns
from connector.export.workbook import Cell, Sheet, SheetWriter, read_sheet
from connector.export.xlsx_form import XlsxForm
from tests.unit.export.parts import joined, part, url

ALL = CsvForm(Columns())
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def csv_part(header: str, *rows: str) -> bytes:
    """A table as Rossum writes it."""
    return "".join(f"{line}\r\n" for line in (header, *rows)).encode()


def rows_of(text: bytes) -> list[list[str]]:
    """The cells of a CSV."""
    return list(csv.reader(io.StringIO(text.decode(), newline="")))


def test_csv_has_one_header_and_all_rows(tmp_path: Path) -> None:
    """In the wanted order, line items of one annotation in theirs; the column that told them apart is gone."""
    first = csv_part("Number,Item,meta_url", f"B,b,{url(2)}", f'A,"x, ""y""\r\nz",{url(1)}', f"A,a2,{url(1)}")
    second = csv_part("Number,Item,meta_url", f"C,č,{url(3)}", f"D,d,{url(4)}")

    text = joined(ALL, part(tmp_path, first, 1, 2), part(tmp_path, second, 3))

    expected = [["Number", "Item"], ["A", 'x, "y"\r\nz'], ["A", "a2"], ["B", "b"], ["C", "č"]]
    assert rows_of(text) == expected
    assert text.startswith(b"Number,Item\r\n")


def test_labels_of_different_schemas_are_all_there(tmp_path: Path) -> None:
    """Each value stays below its label, also where two fields have the same one."""
    first = csv_part("Number,Total,Total,meta_url", f"A,1,2,{url(1)}")
    second = csv_part("Total,Currency,Number,meta_url", f"3,eur,B,{url(2)}")

    text = joined(ALL, part(tmp_path, first, 1), part(tmp_path, second, 2))

    assert rows_of(text) == [
        ["Number", "Total", "Total", "Currency"],
        ["A", "1", "2", ""],
        ["B", "3", "", "eur"],
    ]


def test_a_column_that_was_asked_for_stays(tmp_path: Path) -> None:
    """Where a person names `meta_url`, it is asked for once and shown."""
    form = CsvForm(Columns(("meta_url", "document_id")))

    text = joined(form, part(tmp_path, csv_part("meta_url,Number", f"{url(1)},A"), 1))

    assert rows_of(text) == [["meta_url", "Number"], [url(1), "A"]]
    assert form.params == (("format", "csv"), ("columns", "meta_url,document_id"))
    assert CsvForm(Columns(("document_id",))).params[1:] == (
        ("columns", "document_id"),
        ("append_columns", "meta_url"),
    )


def test_a_byte_order_mark_is_kept(tmp_path: Path) -> None:
    """Once, if Rossum writes one."""
    marked = b"\xef\xbb\xbf" + csv_part("Number,meta_url", f"A,{url(1)}")

    text = joined(ALL, part(tmp_path, marked, 1), part(tmp_path, marked, 1))

    assert text.startswith(b"\xef\xbb\xbfNumber\r\n")
    assert text.count(b"\xef\xbb\xbf") == 1


@pytest.mark.parametrize(
    "content", [b"", b"<html>", b"Number\r\nA\r\n", b"Number,meta_url\r\nA\r\n", b"meta_url\r\nx\r\n", b"\xff", b'"']
)
def test_a_table_without_its_annotations_is_none(tmp_path: Path, content: bytes) -> None:
    """Neither as CSV nor as a workbook."""
    path = part(tmp_path, content).path

    for form in (ALL, XlsxForm(Columns())):
        with pytest.raises(Unreadable):
            form.found(path)


def office_book(*rows: str, shared: str = "", styles: str | None = None, target: str = "worksheets/data.xml") -> bytes:
    """A workbook as office programs write it: shared strings, references, styles, a sheet of another name."""
    parts = {
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_RELS}"><sheets>'
        '<sheet name="Rossum &amp; Co" sheetId="3" r:id="rId7"/><sheet name="x" sheetId="4" r:id="rId8"/></sheets>'
        "</workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships><Relationship Id="rId8" Type="t" Target="worksheets/x.xml"/>'
        f'<Relationship Id="rId7" Type="t" Target="{target}"/></Relationships>',
        "xl/worksheets/data.xml": f'<worksheet xmlns="{_MAIN}"><dimension ref="A1"/><sheetData>'
        + "".join(f"<row>{row}</row>" for row in rows)
        + "</sheetData></worksheet>",
        "xl/sharedStrings.xml": f'<sst xmlns="{_MAIN}">{shared}</sst>',
    }
    if styles is not None:
        parts["xl/styles.xml"] = styles
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as book:
        for name, text in parts.items():
            book.writestr(name, text)
    return file.getvalue()


def inline(*texts: str) -> str:
    """Cells without references."""
    return "".join(f'<c t="inlineStr"><is><t>{text}</t></is></c>' for text in texts)


@pytest.mark.parametrize("target", ["worksheets/data.xml", "/xl/worksheets/data.xml"])
def test_a_sheet_is_read_as_office_writes_it(target: str) -> None:
    """The first sheet by the workbook's own order, shared and rich texts, gaps, kinds and styles."""
    shared = "<si><t>Number</t></si><si><r><t>Inv</t></r><r><t xml:space='preserve'> 7</t></r><rPh><t>x</t></rPh></si>"
    rows = (
        '<c r="A1" t="s" s="1"><v>0</v></c><c r="C1" t="inlineStr"><is><t>Total</t></is></c>',
        '<c r="A2" t="s"><v>1</v></c><c r="C2" s="2"><v>12.5</v></c><c r="AA2" t="b"><v>1</v></c>',
    )

    sheet = read_sheet(io.BytesIO(office_book(*rows, shared=shared, styles="<s/>", target=target)))

    assert (sheet.name, sheet.styles) == ("Rossum & Co", b"<s/>")
    assert sheet.rows[0] == [Cell("text", "Number", "1"), Cell(), Cell("text", "Total")]
    assert sheet.rows[1][:3] == [Cell("text", "Inv 7"), Cell(), Cell("n", "12.5", "2")]
    assert (len(sheet.rows[1]), sheet.rows[1][26]) == (27, Cell("b", "1"))


def test_workbooks_become_one(tmp_path: Path) -> None:
    """One header and all rows, numbers and styles kept; styles of another kind are dropped, not confused."""
    first = office_book(
        inline("Number", "Total", "meta_url"),
        inline("B") + '<c s="4"><v>2</v></c>' + inline(url(2)),
        inline("A &lt;") + '<c s="4"><v>1</v></c>' + inline(url(1)),
        styles="<a/>",
    )
    second = office_book(
        inline("Number", "Currency", "meta_url"), f'<c s="9"><v>3</v></c>{inline("eur", url(3))}', styles="<b/>"
    )

    text = joined(XlsxForm(Columns()), part(tmp_path, first, 1, 2), part(tmp_path, second, 3))

    sheet = read_sheet(io.BytesIO(text))
    assert (sheet.name, sheet.styles) == ("Rossum & Co", b"<a/>")
    assert [[cell.value for cell in row] for row in sheet.rows] == [
        ["Number", "Total", "Currency"],
        ["A <", "1"],
        ["B", "2"],
        ["3", "", "eur"],
    ]
    assert sheet.rows[1][1] == Cell("n", "1", "4")
    assert sheet.rows[3][0] == Cell("n", "3", None)


def test_a_workbook_of_nothing_opens() -> None:
    """With a sheet and no rows."""
    sheet = read_sheet(io.BytesIO(joined(XlsxForm(Columns()))))

    assert sheet == Sheet("Export", [], None)


def test_every_part_of_the_package_is_declared() -> None:
    """What office programs insist on: each part has a content type and somebody who refers to it."""
    file = io.BytesIO()
    writer = SheetWriter(file, 'A "sheet" & more', b"<styleSheet/>")
    writer.add([Cell("text", "a\x00\ud7ff", None)] * 28)
    writer.close()

    with zipfile.ZipFile(file) as book:
        types = book.read("[Content_Types].xml").decode()
        links = book.read("xl/_rels/workbook.xml.rels").decode()
        rows = book.read("xl/worksheets/sheet1.xml").decode()
        assert book.testzip() is None
    for name in ("workbook.xml", "styles.xml", "worksheets/sheet1.xml"):
        assert f'PartName="/xl/{name}"' in types
    assert 'Target="styles.xml"' in links
    assert 'r="AB1"' in rows
    assert "\x00" not in rows


def test_more_rows_than_a_sheet_has_are_refused(tmp_path: Path) -> None:
    """With what to do instead."""
    book = office_book(inline("Number", "meta_url"), *[inline("A", url(1))] * 2)

    with pytest.raises(Fatal, match=r"room for 2 rows; choose a smaller window, or csv"):
        joined(XlsxForm(Columns(), most_rows=2), part(tmp_path, book, 1))
