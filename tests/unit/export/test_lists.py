"""Parts as JSON and XML, joined as if Rossum had given them in one answer."""

from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import orjson
import pytest

from connector.export.forms import Unreadable
from connector.export.json_form import JsonForm
from connector.export.xml_form import XmlForm
from tests.unit.export.parts import joined, part, url


def json_part(*numbers: int, **more: Any) -> bytes:
    """A page of a JSON export."""
    results = [{"url": url(number), "content": [{"value": f"č {number}"}], **more} for number in numbers]
    return orjson.dumps({"pagination": {"total": 99, "next": "…"}, "results": results})


def xml_part(*numbers: int) -> bytes:
    """A page of an XML export, in the vendor's layout."""
    rows = "".join(
        f'<annotation url="{url(number)}"><status>exported</status><modifier/>'
        f'<metadata><item key="a&gt;b">&lt;{number}&gt; č</item></metadata></annotation>\n  '
        for number in numbers
    )
    block = "<pagination><next>…</next><previous/><total>99</total><total_pages>9</total_pages></pagination>"
    text = f'<?xml version="1.0" encoding="utf-8"?>\n<export x="1"><results>\n  {rows}</results>{block}</export>'
    return text.encode()


def test_json_is_one_page(tmp_path: Path) -> None:
    """Elements are what they were, in the wanted order; the pagination counts what is there."""
    parts = part(tmp_path, json_part(2, 1), 1, 2), part(tmp_path, json_part(4, 3, 5), 3, 5)

    document = orjson.loads(joined(JsonForm(), *parts))

    assert [element["url"] for element in document["results"]] == [url(number) for number in (1, 2, 3, 5)]
    assert document["results"][0] == {"url": url(1), "content": [{"value": "č 1"}]}
    assert document["pagination"] == {"total": 4, "total_pages": 1, "next": None, "previous": None}


def test_nothing_is_an_empty_page() -> None:
    """An export of no annotation is a document all the same."""
    document = orjson.loads(joined(JsonForm()))
    root = ET.fromstring(joined(XmlForm()))  # noqa: S314 - our own text

    assert (document["results"], document["pagination"]["total"]) == ([], 0)
    assert (len(root.findall("results/annotation")), root.findtext("pagination/total")) == (0, "0")


def test_an_element_that_comes_twice_is_there_once(tmp_path: Path) -> None:
    """Whatever Rossum repeats within one answer."""
    doubled = orjson.loads(joined(JsonForm(), part(tmp_path, json_part(1, 1, 2), 1, 2)))
    also = ET.fromstring(joined(XmlForm(), part(tmp_path, xml_part(1, 1, 2), 1, 2)))  # noqa: S314 - our own text

    assert len(doubled["results"]) == 2
    assert len(also.findall("results/annotation")) == 2


def test_xml_elements_keep_their_bytes(tmp_path: Path) -> None:
    """One declaration, one root with its attributes, one pagination; nothing inside of an element changes."""
    parts = part(tmp_path, xml_part(2, 1), 1, 2), part(tmp_path, xml_part(3), 3)

    text = joined(XmlForm(), *parts)

    root = ET.fromstring(text)  # noqa: S314 - our own text
    assert root.get("x") == "1"
    assert [element.get("url") for element in root.findall("results/annotation")] == [url(1), url(2), url(3)]
    assert b'<item key="a&gt;b">&lt;3&gt; \xc4\x8d</item></metadata></annotation>' in text
    assert (text.count(b"<?xml"), root.findtext("pagination/total")) == (1, "3")
    assert root.find("pagination/next") is not None
    assert not root.findtext("pagination/next")


@pytest.mark.parametrize("form", [JsonForm(), XmlForm()], ids=["json", "xml"])
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>",
        b"{}",
        b'{"results": [{}]}',
        b'{"results": 7}',
        b"<html><body/></html>",
        b"<export><results><annotation/></results></export>",
        b'<!DOCTYPE export [<!ENTITY a "aaaa">]><export><results/></export>',
        b'<?xml version="1.0" encoding="iso-8859-1"?><export><results/></export>',
        json_part(1)[:-5],
        xml_part(1)[:-5],
    ],
)
def test_what_is_no_export_is_told(tmp_path: Path, form: JsonForm | XmlForm, content: bytes) -> None:
    """Instead of being taken for an empty one."""
    path = part(tmp_path, content).path

    with pytest.raises(Unreadable):
        form.found(path)
