"""Documents that go up together are told apart by their names afterwards."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.domain.file_names import LIMIT, sign_of
from connector.domain.gathers import free_name, shared
from connector.domain.ids import (
    ImportId,
    gather_entity,
    gather_id,
    import_entity,
    import_id_from_document,
    partition_of,
)
from connector.domain.readings import METADATA_LIMIT, GatherMark, Mark
from connector.errors import Rejected
from connector.rossum.fields import metadata_of

ORIGIN = {
    "causation": "documents.arrived/3/1234",
    "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
}


def mark_of(count: int) -> GatherMark:
    """Of so many documents."""
    mark = GatherMark("2f0a6f8e-5c4e-5f0b-9f6e-0d7c1a2b3c4d", {})
    for number in range(count):
        import_id = import_id_from_document(f"doc-{number}")
        mark = mark.with_member(sign_of(f"{number}.pdf"), Mark(import_id, f"doc-{number}", ORIGIN))
    return mark


def test_the_name_tells_whose_a_document_is() -> None:
    """Through the metadata that Rossum keeps, and whatever it made of the name."""
    metadata = metadata_of(orjson.loads(orjson.dumps(mark_of(3).beside({"po": "77"}))))

    gathered = metadata["gathered"]
    assert gathered is not None
    assert gathered == mark_of(3)
    assert gathered.members[sign_of("2_PDF")] == Mark(import_id_from_document("doc-2"), "doc-2", ORIGIN)
    assert sign_of("7.pdf") not in gathered.members
    assert (metadata["mark"], metadata["metadata"]) == (None, {"po": "77"})


def test_what_decorates_headers_yields_to_more_documents() -> None:
    """Import and key stand in the mark as long as there is room; beyond, it is refused."""
    small, middle = mark_of(10).beside({}), mark_of(30).beside({})

    assert metadata_of(small)["gathered"] == mark_of(10)
    thin = metadata_of(middle)["gathered"]
    assert thin is not None
    assert {mark.origin == {} for mark in thin.members.values()} == {True}
    assert len(orjson.dumps(middle)) <= METADATA_LIMIT
    with pytest.raises(Rejected):
        mark_of(100).beside({})


@pytest.mark.parametrize(
    "ours",
    [
        {"gather": 7, "members": {}},
        {"gather": "g"},
        {"gather": "g", "members": {"s": "x", "t": [1, 2], "u": ["i"]}},
        {"gather": "g", "members": {}, "own": 7},
        {"gather": "g", "members": {}, "own": {"s": "x"}},
    ],
)
def test_a_mark_that_makes_no_sense_names_nobody(ours: object) -> None:
    """Somebody else may write what they like there."""
    gathered = metadata_of({"rossum_kafka_connector": ours})["gathered"]

    assert gathered is None or (gathered.members, gathered.own) == ({}, {})


@given(st.lists(st.text(min_size=1, max_size=300), min_size=1, max_size=30))
def test_no_two_documents_of_an_upload_have_names_alike(wanted: list[str]) -> None:
    """Also when Rossum makes its own of them; a name too long for a number goes into another upload."""
    names: dict[str, str] = {}
    for name in wanted:
        free = free_name(name, names)
        if free is not None:
            assert sign_of(free) not in names
            names[sign_of(free)] = free

    assert all(len(name.encode()) <= LIMIT or name in wanted for name in names.values())


def test_namesakes_get_a_number() -> None:
    """Before the suffix, so that the kind of the file stays."""
    taken = {sign_of("invoice.pdf"), sign_of("invoice (2).pdf")}

    assert free_name("Invoice.pdf", taken) == "Invoice (3).pdf"
    assert free_name("invoice", {sign_of("invoice")}) == "invoice (2)"


_VALUES = st.one_of(st.none(), st.booleans(), st.integers(0, 1), st.sampled_from(["a", "b"]))


@given(st.lists(st.dictionaries(st.sampled_from("abc"), _VALUES), min_size=1, max_size=5))
def test_each_gets_its_metadata_back(metadata: list[dict[str, object]]) -> None:
    """Of what all have and what is its own; what all have stands there once."""
    common, own = shared(metadata)

    again = [orjson.dumps({**common, **each}, option=orjson.OPT_SORT_KEYS) for each in own]
    assert again == [orjson.dumps(each, option=orjson.OPT_SORT_KEYS) for each in metadata]
    assert not any(common.keys() & each.keys() for each in own)
    assert len(metadata) > 1 or own == [{}]


@pytest.mark.parametrize("partitions", [1, 2, 12, 50])
def test_a_gather_lives_with_its_members(partitions: int) -> None:
    """Their owner is its owner; each attempt has another id."""
    first = ImportId("c6b5cde8-bbf3-564b-9cd7-daac1b6dad95")

    ids = [gather_id(first, 1, attempt, partitions) for attempt in range(5)]

    homes = {partition_of(gather_entity(gather), partitions) for gather in ids}
    assert homes == {partition_of(import_entity(first), partitions)}
    assert len(set(ids)) == len(ids)
