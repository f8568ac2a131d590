"""Rows survive the way through the ledger."""

from dataclasses import replace

import orjson
import pytest

from connector.domain.floor import FloorRow
from connector.domain.gathers import GatherRow, GatherState
from connector.domain.resting import surely_of, surely_rests
from connector.domain.rows import (
    AnnotationRow,
    AnyRow,
    ClaimRow,
    HeaderRow,
    ImportRow,
    ImportState,
    SweepRow,
    WrittenRow,
    encode_row,
)

ROWS: list[AnyRow] = [
    ImportRow(ImportState.INTENT, "key", announced={"3": 7}, held=4, expected=(1, 2), documents=(9,), single=False),
    AnnotationRow("to_review", "key", clocks={"arrived_at": "2026-01-01T00:00:00.000000Z"}, counts={"exported": 2}),
    AnnotationRow("exported", "key", published={"a": "x"}, unsent={"a": "x"}, adopted={"b": "y"}),
    GatherRow(
        GatherState.ACCEPTED, 8198, ("import", "another"), "2026-01-01T00:00:00.000000Z", task="https://x/tasks/1"
    ),
    SweepRow("exported_at", "2026-01-01T00:00:00.000000Z", (8198, 8199), walk={"cursor": "x", "queues": [8198]}),
    HeaderRow("incarnation", "2026-01-01T00:00:00.000000Z", "group", 12, 1, "1"),
    ClaimRow("owner"),
    FloorRow("2026-01-01T00:00:00.000000Z", announced={"3": 7}, forgotten={"import": 2}),
    ImportRow(ImportState.COMPLETED, "key", ended="2026-01-01T00:00:00.000000Z"),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.kind))
def test_a_row_comes_back_as_it_was_written(row: AnyRow) -> None:
    """Encoding and decoding change nothing, and the owner travels with it."""
    written = WrittenRow.decode(encode_row(row, "me"))

    assert written == WrittenRow(row, "me")


@pytest.mark.parametrize("state", ImportState)
def test_a_state_comes_back_as_a_member(state: ImportState) -> None:
    """Decisions compare states by identity, so plain text would be no state at all."""
    written = WrittenRow.decode(encode_row(ImportRow(state, "key")))

    assert isinstance(written.row, ImportRow)
    assert written.row.state is state


@pytest.mark.parametrize(
    "value", [b"", b"[]", b"{}", b'{"kind":"import","row":{"state":"gone"}}', b'{"kind":"x","row":[]}']
)
def test_foreign_bytes_are_no_row(value: bytes) -> None:
    """What another program wrote to the ledger is told apart."""
    with pytest.raises(ValueError, match="not a ledger row"):
        WrittenRow.decode(value)


def test_what_a_later_version_added_is_kept() -> None:
    """Fields and whole rows that this version does not know are still there when it has written the row again."""
    for value in (
        b'{"kind":"claim","row":{"mood":"good","owner":"a"}}',
        b'{"kind":"import","row":{"state":"waiting","document_key":"k","batch":{"id":7}}}',
        b'{"kind":"carrier pigeon","row":{"held":17,"wings":2}}',
    ):
        row = WrittenRow.decode(value).row
        if isinstance(row, ImportRow):
            row = replace(row, state=ImportState.ACCEPTED)
        again = orjson.loads(encode_row(row))

        expected = orjson.loads(value.replace(b"waiting", b"accepted"))
        assert {**expected["row"]}.items() <= again["row"].items()
        assert again["kind"] == expected["kind"]


def test_a_row_of_a_later_version_holds_its_copy() -> None:
    """Going back a version must not trim what going forward again needs."""
    row = WrittenRow.decode(b'{"kind":"carrier pigeon","row":{"held":17}}').row

    assert (row.held, row.open, row.due) == (17, False, None)


AT_REST = [row for row in ROWS if isinstance(row, ImportRow | AnnotationRow) and not row.open]


@pytest.mark.parametrize("row", AT_REST, ids=lambda row: str(row.kind))
@pytest.mark.parametrize("owner", [None, 'the "owner"'])
def test_a_row_at_rest_is_told_by_its_bytes(row: ImportRow | AnnotationRow, owner: str | None) -> None:
    """Rebuilding a large ledger parses none of these; what wants something is not among them."""
    value = encode_row(row, owner)

    assert surely_rests(value)
    assert value.endswith(surely_of(owner))
    assert not value.endswith(surely_of("another"))
    assert not value.endswith(surely_of(None)) or owner is None
    for wanting in ({"due": "2026-01-01T00:00:00.000000Z"}, {"held": 0}):
        assert not surely_rests(encode_row(replace(row, later=wanting), owner))
        assert isinstance(row, AnnotationRow) or not surely_rests(encode_row(replace(row, **wanting), owner))


@pytest.mark.parametrize("row", [row for row in ROWS if row not in AT_REST], ids=lambda row: str(row.kind))
def test_any_other_row_is_parsed(row: AnyRow) -> None:
    """Also a text that looks like a row at rest makes none."""
    assert not surely_rests(encode_row(row))
    assert not surely_rests(b'{"kind":"claim","row":{"owner":"%b"}}' % encode_row(AT_REST[0]).replace(b'"', b'\\"'))
