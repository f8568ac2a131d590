"""Folding a ledger gives the same whether rows are made or kept as they are written."""

import pytest
from aiokafka.structs import ConsumerRecord
from hypothesis import example, given
from hypothesis import strategies as st
from rocksdict import Options, Rdict

from connector.domain.rows import AnnotationRow, AnyRow, ClaimRow, claim_key, encode_row
from connector.kafka.restore import OWNER_HEADER, Fold
from connector.state.disk import DiskState
from connector.state.memory import MemoryState
from tests.support.examples import examples
from tests.unit.state.test_states import NOW, entities, fail, rows

ROW, LATE = AnnotationRow("exported", "doc"), AnnotationRow("to_review", "doc")
owners = st.sampled_from(["one", "two"])
lines = st.lists(st.tuples(entities, rows, owners, st.booleans()), max_size=30)


def record(offset: int, key: str, row: AnyRow | None, owner: str | None) -> ConsumerRecord:
    """A record of the ledger."""
    value = None if row is None else encode_row(row, owner)
    headers = ((OWNER_HEADER, owner.encode()),) if row is None and owner is not None else ()
    return ConsumerRecord("ledger", 0, offset, 0, 0, key.encode(), value, None, len(key), len(value or b""), headers)


@examples(80)
@example(
    written=[
        ("annotation/a", AnnotationRow("exported", "doc"), "two", True),
        ("annotation/a", AnnotationRow("to_review", "doc"), "one", False),
    ],
    claimed=True,
    cut=0,
)
@given(written=lines, claimed=st.booleans(), cut=st.integers(0, 30))
def test_both_states_fold_to_the_same(
    tmp_path_factory: pytest.TempPathFactory,
    *,
    written: list[tuple[str, AnyRow | None, str, bool]],
    claimed: bool,
    cut: int,
) -> None:
    """Repeated keys, removals, rows of owners that had lost their claim; in one batch or two."""
    records: list[ConsumerRecord] = []
    for entity, row, owner, claims in written:
        if claimed and claims:
            records.append(record(len(records), claim_key(owner), ClaimRow(owner), owner))
        records.append(record(len(records), entity, row, owner if claimed else None))
    folder = str(tmp_path_factory.mktemp("state") / "db")
    database = Rdict(folder, Options(raw_mode=True))
    memory, disk = MemoryState(), DiskState(database, lambda: NOW, fail)

    for fold in (Fold(memory), Fold(disk)):
        for part in (records[:cut], records[cut:]):
            if part:
                fold.take(part)

    database.close()
    again = Rdict(folder, Options(raw_mode=True))
    disk = DiskState(again, lambda: NOW, fail)
    assert dict(disk.items()) == dict(memory.items())
    assert sorted(disk.open()) == sorted(memory.open())
    assert (disk.lowest_held(), disk.next_due()) == (memory.lowest_held(), memory.next_due())
    assert disk.ledger_end == memory.ledger_end == len(records)
    again.close()


def test_a_removal_counts_only_if_the_owner_of_the_claim_wrote_it() -> None:
    """A frozen owner that forgets must not take a row away that its successor has written."""
    row = AnnotationRow("exported", "k")
    claims = [record(0, claim_key("one"), ClaimRow("one"), "one"), record(1, claim_key("two"), ClaimRow("two"), "two")]
    late, own = record(3, "annotation/1", None, "one"), record(4, "annotation/1", None, "two")
    state = MemoryState()
    fold = Fold(state)

    fold.take([*claims, record(2, "annotation/1", row, "two"), late])
    before, shadowed = state.get("annotation/1"), {*fold.result.shadowed}
    fold.take([own])

    assert (before, state.get("annotation/1")) == (row, None)
    assert (shadowed, fold.result.shadowed) == ({"annotation/1"}, set())


def test_transactions_end_the_time_of_claims() -> None:
    """A deployment that went over to exactly-once keeps what it wrote since; who claimed before has no say any more."""
    row, late = AnnotationRow("exported", "doc"), AnnotationRow("to_review", "doc")
    state = MemoryState()
    fold = Fold(state)

    fold.take(
        [
            record(0, claim_key("one"), ClaimRow("one"), "one"),
            record(1, "annotation/a", late, "one"),
            record(2, "annotation/a", row, None),
            record(3, "annotation/b", row, None),
            record(4, "annotation/b", late, "one"),
        ]
    )

    assert dict(state.items()) == {"annotation/a": row, "annotation/b": row}
    assert fold.result.shadowed == {"annotation/b"}


def _claimed_twice(late: AnyRow) -> list[ConsumerRecord]:
    """Each owner writes a row, the first one late ones too, which the second one undoes before it goes on."""
    return [
        record(0, claim_key("one"), ClaimRow("one"), "one"),
        record(1, "annotation/a", ROW, "one"),
        record(2, "annotation/b", ROW, "one"),
        record(3, "annotation/b", late, "one"),
        record(4, claim_key("two"), ClaimRow("two"), "two"),
        record(5, "annotation/d", late, "one"),
        record(6, "annotation/b", ROW, "two"),
        record(7, "annotation/d", None, "two"),
        record(8, claim_key("one"), None, "two"),
        record(9, "annotation/c", ROW, "two"),
        record(10, claim_key("three"), ClaimRow("three"), "three"),
        record(11, claim_key("two"), None, "three"),
        record(12, "annotation/a", late, "two"),
    ]


@pytest.mark.parametrize(
    "gone", [(), (0,), (0, 4), (0, 4, 8), (0, 4, 5, 8), (0, 2, 3, 4, 8, 11), (0, 4, 5, 7, 8, 11)], ids=str
)
def test_rows_outlive_the_claims_of_their_owners(*, gone: tuple[int, ...]) -> None:
    """The cleaner takes claims that were removed, and whatever else is superseded, at any time."""
    state = MemoryState()
    fold = Fold(state)

    fold.take([one for one in _claimed_twice(LATE) if one.offset not in gone])

    assert dict(state.items()) == {f"annotation/{name}": ROW for name in "abc"}
    assert fold.result.shadowed == {"annotation/a"}
    assert fold.result.claims == ["three"]


def test_a_late_row_does_not_count_because_its_claim_is_gone() -> None:
    """Neither after transactions, nor where only the rest of a ledger is read."""
    late = record(9, "annotation/a", LATE, "long ago")
    whole, rest = MemoryState(), MemoryState()
    rest.apply({"annotation/a": ROW}, ledger_end=9)

    Fold(whole).take([record(0, claim_key("one"), ClaimRow("one"), "one"), record(1, "annotation/a", ROW, None), late])
    Fold(rest).take([late])

    assert dict(whole.items()) == dict(rest.items()) == {"annotation/a": ROW}


def test_the_rest_of_a_ledger_goes_on_with_its_owner() -> None:
    """Who reads on later must not take the rows of the owner at work for those of a former one."""
    state = MemoryState()
    fold = Fold(state)
    fold.take([record(0, claim_key("one"), ClaimRow("one"), "one"), record(1, "annotation/a", LATE, "one")])

    later = Fold(state, fold.result.owner)
    later.take([record(2, "annotation/a", ROW, "one"), record(3, "annotation/b", LATE, "another")])

    assert dict(state.items()) == {"annotation/a": ROW}
    assert (later.result.owner, later.result.shadowed) == ("one", {"annotation/b"})
