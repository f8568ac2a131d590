"""The count of open work that gauges and the audit rest on, and the search for a document."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from connector.clock import Clock, SystemClock
from connector.domain.rows import AnnotationRow, AnyRow, ImportRow, ImportState
from connector.state.memory import MemoryState
from connector.status import LISTED, ROWS_A_SLICE, STUCK_AFTER, Census, Status
from connector.telemetry import Telemetry
from tests.support.virtual_clock import VirtualClock

OLD, NEW = "2026-01-01T00:00:00.000000Z", "2026-01-31T00:00:00.000000Z"


def test_what_is_open_is_counted_by_kind() -> None:
    """With what a person must decide."""
    census = Census()

    census.add([("import/a", ImportRow(ImportState.INTENT, "k")), ("import/b", ImportRow(ImportState.AMBIGUOUS, "k"))])
    census.add([("annotation/1", AnnotationRow("to_review", "k"))])

    assert census.open == {"import": 2, "annotation": 1}
    assert census.ambiguous == 1


def test_the_oldest_comes_first_whatever_the_order_of_counting() -> None:
    """What never began has waited for no time yet, and comes last."""
    rows: list[tuple[str, AnyRow]] = [
        ("import/none", ImportRow(ImportState.WAITING, "k")),
        ("import/new", ImportRow(ImportState.ACCEPTED, "k", accepted_at=NEW, overdue=True)),
        ("annotation/1", AnnotationRow("to_review", "k", clocks={"arrived_at": OLD})),
    ]
    census = Census()

    for row in rows:
        census.add([row])

    assert [(entity, stage) for _, entity, stage in census.oldest] == [
        ("annotation/1", "to_review"),
        ("import/new", "import accepted (overdue)"),
        ("import/none", "import waiting"),
    ]
    assert census.since == {"import": NEW, "annotation": OLD}


def test_the_list_is_bounded_and_the_count_is_not() -> None:
    """A backlog makes no endless answer."""
    census = Census()

    for thousand in range(3):
        census.add([(f"annotation/{thousand}{n}", AnnotationRow("to_review", "k")) for n in range(1000)])

    assert len(census.oldest) == LISTED
    assert census.open.total() == 3000


def test_stages_have_their_own_counts_and_ages() -> None:
    """So that one stuck import shows among a thousand that wait for people."""
    census = Census()

    census.add([("annotation/1", AnnotationRow("to_review", "k", clocks={"arrived_at": NEW}))])
    census.add([("annotation/2", AnnotationRow("to_review", "k", clocks={"arrived_at": OLD}))])
    census.add([("import/a", ImportRow(ImportState.AMBIGUOUS, "k", intent_at=NEW))])

    assert census.stages == {"to_review": (2, OLD), "import ambiguous": (1, NEW)}


SLICES = 5


def status_of(*states: MemoryState, clock: Clock | None = None, **parts: Any) -> tuple[Status, SimpleNamespace]:
    """Of a replica whose owners have these states, and its group."""
    group = SimpleNamespace(owners=[SimpleNamespace(state=state) for state in states], lag=dict)
    every = SimpleNamespace(**({"telemetry": Telemetry(), "group": group} | parts))
    return Status(cast("Any", every), clock or SystemClock()), group


def full_state() -> MemoryState:
    """Some slices of rows, each of a document of its own."""
    state = MemoryState()
    rows: dict[str, AnyRow | None] = {
        f"annotation/{number}": AnnotationRow("exported", f"doc-{number}") for number in range(SLICES * ROWS_A_SLICE)
    }
    state.apply(rows, ledger_end=1)
    return state


async def test_a_document_is_found_by_its_key_and_by_its_entities() -> None:
    """Whichever owner has it, with all that is known of it."""
    row, of_import = AnnotationRow("exported", "doc-x"), ImportRow(ImportState.ACCEPTED, "doc-x")
    first, second = full_state(), MemoryState()
    first.apply({"import/x": of_import}, ledger_end=2)
    second.apply({"annotation/x": row}, ledger_end=2)
    status, _ = status_of(first, second)

    found = await status.document("doc-x")

    assert found == {"document_key": "doc-x", "entities": {"import/x": of_import, "annotation/x": row}}
    assert (await status.document("annotation/x"))["entities"] == {"annotation/x": row}
    assert await status.document("nobody's") is None


def test_others_have_their_turn_while_a_document_is_searched() -> None:
    """A ledger of millions must not keep webhooks and commits waiting; it may change meanwhile."""
    state = full_state()
    status, _ = status_of(state)
    searching = status.document("doc-4999")

    turns, found = 0, None
    while found is None:
        try:
            searching.send(None)
        except StopIteration as end:
            found = end.value
        turns += 1
        state.apply(
            {f"annotation/{turns}": None, f"import/{turns}": ImportRow(ImportState.ACCEPTED, "k")}, ledger_end=2
        )

    assert list(found["entities"]) == ["annotation/4999"]
    assert turns > SLICES


def test_a_partition_that_goes_away_is_searched_no_further() -> None:
    """Its state may be closed by then."""
    status, group = status_of(full_state())
    searching = status.document("doc-4999")
    searching.send(None)

    group.owners = []

    with pytest.raises(StopIteration) as ended:
        searching.send(None)
    assert ended.value.value is None


@pytest.mark.parametrize("stuck", ["group", "intake"])
def test_a_loop_that_stands_still_is_not_alive(stuck: str) -> None:
    """Whichever of the two it is."""
    clock = VirtualClock()
    now = clock.monotonic()
    parts = {name: SimpleNamespace(alive_at=now) for name in ("group", "intake")}
    status, _ = status_of(clock=clock, **parts)
    alive = status.is_alive()

    parts[stuck].alive_at = now - STUCK_AFTER

    assert (alive, status.is_alive()) == (True, False)


def test_arrivals_that_cannot_be_copied_are_a_warning() -> None:
    """Webhooks can be taken in all the same."""
    circuit, intake = SimpleNamespace(failing=False), SimpleNamespace(complaint="there is no topic")
    status, _ = status_of(circuit=circuit, intake=intake)
    warned = status.warnings()

    intake.complaint = None

    assert (warned, status.warnings()) == ({"intake": "there is no topic"}, {})


def test_the_lag_is_that_of_arrivals_and_inner_logs() -> None:
    """A backlog of either shows."""
    observed: dict[str, Any] = {}
    group, intake = SimpleNamespace(lag=lambda: {("work", "0"): 1.0}), SimpleNamespace(lag=lambda: {("new", "3"): 7.0})

    status_of(telemetry=SimpleNamespace(observe=observed.__setitem__), group=group, intake=intake)

    assert observed["consumer_lag"]() == {("work", "0"): 1.0, ("new", "3"): 7.0}
