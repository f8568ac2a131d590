"""What every state promises: the rows as they were applied, and who wants what of them."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rocksdict import Options, Rdict

from connector.domain.rows import AnnotationRow, AnyRow, ImportRow, ImportState
from connector.ports import State
from connector.state.disk import KEYS_A_STEP, DiskState
from connector.state.memory import MemoryState
from tests.support.examples import examples

Make = Callable[[], State]
NOW = datetime(2026, 3, 1, tzinfo=UTC)

entities = st.sampled_from([f"import/{letter}" for letter in "abcdef"])
rows = st.one_of(
    st.none(),
    st.builds(
        ImportRow,
        state=st.sampled_from(ImportState),
        document_key=st.just("doc"),
        due=st.one_of(st.none(), st.sampled_from(["2026-01-01", "2026-02-01", "2026-03-01"])),
        held=st.one_of(st.none(), st.integers(0, 9)),
    ),
    st.builds(AnnotationRow, status=st.sampled_from(["to_review", "exported"]), key=st.just("doc")),
)
batches = st.lists(st.dictionaries(entities, rows, max_size=4), max_size=12)


def fail(reason: str) -> None:
    """Nothing fails here."""
    raise AssertionError(reason)


def on_disk(folder: Path) -> DiskState:
    """A state in that folder."""
    return DiskState(Rdict(str(folder), Options(raw_mode=True)), lambda: NOW, fail)


@pytest.fixture(params=["memory", "disk"], scope="module")
def make(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Make]:
    """Makes empty states of one kind."""
    if request.param == "memory":
        yield MemoryState
    else:
        yield lambda: on_disk(tmp_path_factory.mktemp("state") / "db")


def judge(state: State, known: dict[str, AnyRow], end: int) -> None:
    """The state says of everything what a plain dict says."""
    due = sorted((row.due, name) for name, row in known.items() if row.due is not None)
    assert dict(state.items()) == known
    assert {name: state.get(name) for name in known} == known
    assert state.get("import/nobody") is None
    assert sorted(state.open()) == sorted(name for name, row in known.items() if row.open)
    assert state.open_count() == len(list(state.open()))
    assert state.next_due() == (due[0][0] if due else None)
    assert set(state.due("2026-02-15", 99)) == {name for at, name in due if at <= "2026-02-15"}
    assert len(state.due("2026-02-15", 1)) == min(1, len([at for at, _ in due if at <= "2026-02-15"]))
    assert state.lowest_held() == min((row.held for row in known.values() if row.held is not None), default=None)
    assert state.ledger_end == end


@examples(60)
@given(applied=batches)
def test_a_state_is_what_was_applied(make: Make, applied: list[dict[str, AnyRow | None]]) -> None:
    """Whatever comes in whatever order."""
    state, known = make(), dict[str, AnyRow]()

    for number, batch in enumerate(applied):
        state.apply(batch, ledger_end=number + 1)
        known.update({name: row for name, row in batch.items() if row is not None})
        for name in [name for name, row in batch.items() if row is None]:
            known.pop(name, None)

    judge(state, known, len(applied))


@examples(30)
@given(applied=batches)
def test_a_state_on_disk_comes_back(
    tmp_path_factory: pytest.TempPathFactory, applied: list[dict[str, AnyRow | None]]
) -> None:
    """Closed and opened again it says the same."""
    folder, known = tmp_path_factory.mktemp("state") / "db", dict[str, AnyRow]()
    database = Rdict(str(folder), Options(raw_mode=True))
    state = DiskState(database, lambda: NOW, fail)
    for number, batch in enumerate(applied):
        state.apply(batch, ledger_end=number + 1)
        known.update({name: row for name, row in batch.items() if row is not None})
        for name in [name for name, row in batch.items() if row is None]:
            known.pop(name, None)
    state.belongs_to("ledger-1")

    database.close()
    again = on_disk(folder)

    judge(again, known, len(applied))
    assert again.meta.incarnation == "ledger-1"


def test_a_walk_shows_all_rows_beside_changes(make: Make) -> None:
    """Each once; what is removed meanwhile may be left out, what comes meanwhile need not be shown."""
    state = make()
    count = 2 * KEYS_A_STEP + 3
    state.apply({f"annotation/{number}": AnnotationRow("exported", "k") for number in range(count)}, ledger_end=1)

    seen = []
    for number, (entity, _) in enumerate(state.items()):
        seen.append(entity)
        state.apply({entity: None, f"import/{number}": None}, ledger_end=2 + number)

    assert sorted(seen) == sorted({f"annotation/{number}" for number in range(count)})
    assert list(state.items()) == []
