"""Who goes up together: as many as count, bytes and metadata allow, each under a name of its own."""

from datetime import UTC, datetime

import orjson

from connector.contracts.arrivals import Coordinates, read_arrival
from connector.domain.file_names import sign_of
from connector.domain.ids import QueueId
from connector.domain.readings import METADATA_LIMIT, GatherMark
from connector.domain.rows import ImportRow, ImportState
from connector.engine.gather import Gather, Member
from connector.engine.holding import Held, Room
from connector.engine.services import GatherPolicy
from connector.rossum.fields import metadata_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CONTENT = b"%PDF-1.4"


def member(number: int, *, file_name: str = "invoice.pdf", **more: object) -> Member:
    """An import that is ready."""
    arrival = {
        "document_id": f"doc-{number}",
        "file_name": file_name,
        "source": {"kind": "inline", "base64": "JVBERi0xLjQ="},
        **more,
    }
    at = Coordinates("cluster", "documents.arrived", 0, number, 0)
    received = read_arrival(orjson.dumps(arrival), (), at)
    document = Held(None, "application/pdf", CONTENT, "hash", len(CONTENT))
    return Member(ImportRow(ImportState.WAITING, f"doc-{number}"), received, QueueId(1), document)


def gather(max_count: int = 100, max_bytes: int = 10_000) -> Gather:
    """An open one."""
    return Gather(GatherPolicy(max_count, 1.0, (), max_bytes, Room()), "{name}", GatherMark("g", {}))


async def test_a_full_one_takes_nobody_and_leaves() -> None:
    """It does not wait then."""
    full = gather(max_count=2)

    assert full.add(member(1)) is not None
    assert not full.leaves.is_set()
    assert full.add(member(2)) is not None
    assert full.leaves.is_set()
    assert full.add(member(3)) is None


async def test_bytes_are_counted() -> None:
    """All together must fit into one upload; a single one always does."""
    small = gather(max_bytes=len(CONTENT) * 2 - 1)

    assert small.add(member(1)) is not None
    assert small.add(member(2)) is None


async def test_the_marks_of_all_fit_into_the_metadata() -> None:
    """However many that are, with the customer's own."""
    theirs = {"note": "x" * 2000}
    heavy = gather()
    taken = 0
    while heavy.add(member(taken, metadata=theirs)) is not None:
        taken += 1

    request = heavy.request()
    assert 10 < taken < 40
    assert len(orjson.dumps(request.metadata)) <= METADATA_LIMIT
    assert request.metadata["note"] == theirs["note"]
    assert len(request.enclosed) == taken - 1


async def test_each_keeps_its_metadata() -> None:
    """What all have stands where Rossum's own extensions look for it, the rest in the mark, by the sent name."""
    both = gather()
    for number, metadata in enumerate(({"site": "Brno", "po": "77"}, {"site": "Brno", "po": "78", "urgent": True})):
        both.add(member(number, metadata=metadata))

    told = metadata_of(both.request().metadata)
    assert told["metadata"] == {"site": "Brno"}
    assert told["gathered"] is not None
    assert told["gathered"].own == {
        sign_of("invoice.pdf"): {"po": "77"},
        sign_of("invoice (2).pdf"): {"po": "78", "urgent": True},
    }


async def test_metadata_of_their_own_takes_room() -> None:
    """No more documents than Rossum's limit allows, each with its own."""
    heavy = gather()
    taken = 0
    while heavy.add(member(taken, metadata={"note": f"{taken:0>1000}"})) is not None:
        taken += 1

    assert 1 < taken < 4
    assert len(orjson.dumps(heavy.request().metadata)) <= METADATA_LIMIT


async def test_namesakes_and_rows() -> None:
    """Each row says under which name and as what it went up; the names differ."""
    both = gather()
    for number in range(3):
        both.add(member(number))

    request = both.request()
    rows = both.intents(request, NOW)
    assert [request.file_name, *(e.file_name for e in request.enclosed)] == both.names
    assert [row.file_name for row in rows.values()] == both.names
    assert {(row.state, row.gather, row.sha256, row.size) for row in rows.values()} == {
        (ImportState.INTENT, "g", "hash", len(CONTENT))
    }
    assert both.names == ["invoice.pdf", "invoice (2).pdf", "invoice (3).pdf"]


def test_what_rossum_keeps_once_for_an_upload_must_be_equal() -> None:
    """Queue, values, and the metadata that settings name."""
    plain = member(1).alike(("po",))

    assert member(2, file_name="other.pdf", metadata={"note": "77"}).alike(("po",)) == plain
    assert member(2, metadata={"po": "77"}).alike(("po",)) != plain
    assert member(2, metadata={"po": "77"}).alike(()) == member(1).alike(())
    assert member(2, values={"upload:po": "77"}).alike(("po",)) != plain
    assert member(1, metadata={"a": 1, "b": 2}).alike(("a", "b")) == member(2, metadata={"b": 2, "a": 1}).alike(
        ("a", "b")
    )
