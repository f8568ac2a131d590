"""Captured data as typed fields and tables, whatever the export tree looks like."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.contracts.captured import captured_fields, is_typed, shrink, thin
from connector.contracts.envelope import encode_data
from connector.contracts.events import AnnotationCaptured, AnnotationInfo, CapturedField


def point(schema_id: Any, value: Any = "x", kind: Any = "string", confidence: Any = 0.5) -> dict[str, Any]:
    """A datapoint as an export shows it."""
    return {
        "category": "datapoint",
        "schema_id": schema_id,
        "value": value,
        "type": kind,
        "rir_confidence": confidence,
    }


def group(category: str, schema_id: str, *children: Any) -> dict[str, Any]:
    """A section, multivalue or tuple."""
    return {"category": category, "schema_id": schema_id, "children": list(children)}


def text(value: str | None = "x") -> CapturedField:
    """The field of `point`."""
    return {"value": value, "type": "string", "confidence": 0.5}


def value_of(value: Any, kind: str) -> str | None:
    """What a datapoint's value becomes."""
    fields, _ = captured_fields([point("a", value, kind)])
    return fields["a"]["value"]


def test_header_fields_of_all_sections() -> None:
    """Fields of all sections stand side by side, in order."""
    content = [group("section", "s1", point("a"), point("b", "y")), group("section", "s2", point("c", "z"))]

    fields, tables = captured_fields(content)

    assert list(fields.items()) == [("a", text()), ("b", text("y")), ("c", text("z"))]
    assert tables == {}


def test_a_table_of_tuples() -> None:
    """Tuples are rows, in order; their fields are not header fields."""
    rows = [group("tuple", "item", point("price", str(n)), point("note", "")) for n in range(3)]
    content = [group("section", "s", group("multivalue", "items", *rows), point("a"))]

    fields, tables = captured_fields(content)

    assert fields == {"a": text()}
    assert tables == {"items": [{"price": text(str(n)), "note": text(None)} for n in range(3)]}


def test_a_table_of_plain_values() -> None:
    """A multivalue of datapoints has rows of one field."""
    content = [group("section", "s", group("multivalue", "orders", point("order", "1"), point("order", "2")))]

    _, tables = captured_fields(content)

    assert tables == {"orders": [{"order": text("1")}, {"order": text("2")}]}


@pytest.mark.parametrize("children", [[], [group("tuple", "item")]])
def test_an_empty_table(children: list[Any]) -> None:
    """An empty table is there and has no rows, in both ways in which Rossum writes it."""
    content = [group("section", "s", group("multivalue", "items", *children))]

    _, tables = captured_fields(content)

    assert tables == {"items": []}


def test_nested_containers() -> None:
    """A table in a table is one of its own with all rows; tuples and sections in each other are seen through."""
    inner = [group("multivalue", "parts", group("tuple", "part", point("p", str(n)))) for n in range(2)]
    rows = [group("tuple", "item", point("i", str(n)), group("tuple", "t", point("j")), inner[n]) for n in range(2)]
    content = [group("section", "s", group("section", "ss", group("multivalue", "items", *rows)), point("a"))]

    fields, tables = captured_fields(content)

    assert fields == {"a": text()}
    assert tables["items"] == [{"i": text(str(n)), "j": text()} for n in range(2)]
    assert tables["parts"] == [{"p": text(str(n))} for n in range(2)]


def test_a_field_that_occurs_twice() -> None:
    """The first value that is not empty stays."""
    content = [point("a", ""), point("a", "1"), point("a", "2"), point("a", "")]

    fields, _ = captured_fields(content)

    assert fields == {"a": text("1")}


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("2100.00", "2100.00"),
        ("-0.50", "-0.50"),
        ("+5", "5"),
        (".5", "0.5"),
        ("5.", "5"),
        ("1E+3", "1000"),
        ("1.5e-7", "0.00000015"),
        (12, "12"),
        (1e22, "10000000000000000000000"),
        ("", None),
        (None, None),
        ("12 300,50", "12 300,50"),
        ("NaN", "NaN"),
        ("Infinity", "Infinity"),
        ("1_000", "1_000"),
        ("١٢", "١٢"),
        ("1e999999999", "1e999999999"),
    ],
)
def test_numbers(raw: Any, expected: str | None) -> None:
    """Numbers are decimal text without an exponent and keep their scale; what is no number stays."""
    actual = value_of(raw, "number")

    assert expected == actual


@pytest.mark.parametrize(
    ("raw", "expected"), [("2019-06-20", "2019-06-20"), ("20. 6. 2019", "20. 6. 2019"), ("", None)]
)
def test_dates(raw: str, expected: str | None) -> None:
    """ISO dates stay, what is no date stays too, an empty one is null."""
    actual = value_of(raw, "date")

    assert expected == actual


@pytest.mark.parametrize(
    ("raw", "expected"), [(True, None), ([1], None), ({}, None), (7, "7"), (" ", " "), ("1E3", "1E3")]
)
def test_odd_values(raw: Any, expected: str | None) -> None:
    """What is neither text nor a number is no value."""
    actual = value_of(raw, "string")

    assert expected == actual


@pytest.mark.parametrize("confidence", [None, "0.9", True, float("nan"), 10**400, -1, []])
def test_odd_confidences(confidence: Any) -> None:
    """A confidence is a number from 0 to 1, or there is none."""
    fields, _ = captured_fields([point("a", confidence=confidence)])

    assert fields["a"]["confidence"] is None


@pytest.mark.parametrize(
    "node", [point(None), point(7), {"category": "datapoint"}, group("button", "b", point("a")), "x"]
)
def test_nodes_that_say_nothing(node: Any) -> None:
    """Nodes without a schema id and of unknown categories are left out, the others stay."""
    fields, tables = captured_fields([node, point("known")])

    assert (fields, tables) == ({"known": text()}, {})


def test_very_deep_trees() -> None:
    """Depth costs no stack."""
    tree: Any = point("a")
    for _ in range(50_000):
        tree = group("section", "s", tree)

    fields, _ = captured_fields([tree])

    assert fields == {"a": text()}


nodes = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.fixed_dictionaries(
            {},
            optional={
                "category": st.sampled_from(["section", "multivalue", "tuple", "datapoint"]) | inner,
                "schema_id": st.sampled_from(["a", "b"]) | inner,
                "children": st.lists(inner, max_size=4) | inner,
                "value": inner,
                "type": st.sampled_from(["number", "date", "string"]) | inner,
                "rir_confidence": inner,
            },
        )
    ),
    max_leaves=30,
)


@given(nodes)
def test_no_tree_breaks_the_reader(content: Any) -> None:
    """Any tree gives fields and tables of the documented types."""
    fields, tables = captured_fields(content)

    rows = [fields, *(row for table in tables.values() for row in table)]
    for field in (field for row in rows for field in row.values()):
        assert field.keys() == {"value", "type", "confidence"}
        assert field["value"] is None or type(field["value"]) is str
        assert field["confidence"] is None or 0 <= field["confidence"] <= 1


def captured(rows: int = 50) -> AnnotationCaptured:
    """An event with a table of that many rows."""
    items = [group("tuple", "item", point("price", str(n), "number")) for n in range(rows)]
    content = [group("section", "s", *(point(f"f{n}") for n in range(10)), group("multivalue", "items", *items))]
    fields, tables = captured_fields(content)
    info = AnnotationInfo(id=1, url="https://x/annotations/1", status="exported", queue=2)
    return AnnotationCaptured(
        document_key="k", annotation=info, revision_count=1, fields=fields, tables=tables, content=content
    )


def test_the_thin_form() -> None:
    """The thin form has everything but the data."""
    event = captured()

    slim = orjson.loads(encode_data(thin(event)))

    assert slim == {
        "document_key": "k",
        "metadata": {},
        "annotation": {"id": 1, "url": "https://x/annotations/1", "status": "exported", "queue": 2},
        "revision_count": 1,
    }


def test_an_event_that_fits_is_not_shrunk() -> None:
    """At exactly the limit nothing is left out."""
    event = captured()

    shrunk = shrink(event, len(encode_data(event)))

    assert shrunk is event


def test_an_event_is_shrunk_as_far_as_needed() -> None:
    """First the export tree goes, then the tables, then the fields; what is missing is named."""
    event = captured()
    sizes = [len(encode_data(event))]
    seen: list[list[str] | None] = []

    while (shrunk := shrink(event, sizes[-1] - 1)).omitted not in seen:
        seen.append(shrunk.omitted)
        sizes.append(len(encode_data(shrunk)))

    assert seen == [["content"], ["content", "tables"], ["content", "tables", "fields"]]
    assert sizes == sorted(sizes, reverse=True)


def test_a_shrunk_event_tells_where_the_rest_is() -> None:
    """What was left out is absent, and readable in Rossum."""
    event = captured()

    shrunk = orjson.loads(encode_data(shrink(event, 1)))
    elsewhere = shrink(event, 1, content_url="https://x/elsewhere")

    assert shrunk.keys() & {"content", "tables", "fields"} == set()
    assert shrunk["content_url"] == "https://x/annotations/1/content"
    assert elsewhere.content_url == "https://x/elsewhere"


def test_an_event_without_the_tree_is_shrunk_by_what_it_has() -> None:
    """What settings leave out anyway is not told as omitted."""
    event = captured().model_copy(update={"content": None})

    assert shrink(event, 1).omitted == ["tables", "fields"]


@pytest.mark.parametrize(
    ("content", "typed"),
    [
        ([], True),
        ([group("section", "s", point("a"), group("multivalue", "m", group("tuple", "t", point("b"))))], True),
        (
            [group("section", "s", point("a"), group("multivalue", "m", group("tuple", "t", point("b", kind=None))))],
            False,
        ),
        ([{"category": "datapoint", "schema_id": "a"}], False),
        ("nonsense", True),
    ],
)
def test_a_tree_is_typed_when_every_datapoint_is(content: Any, *, typed: bool) -> None:
    """One datapoint without a type is enough to ask the schema."""
    assert is_typed(content) is typed
