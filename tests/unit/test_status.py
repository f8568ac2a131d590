"""The count of open work that gauges and the audit rest on."""

from connector.domain.rows import AnnotationRow, AnyRow, ImportRow, ImportState
from connector.status import LISTED, Census

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
