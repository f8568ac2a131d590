"""Which annotations of a ledger a selection means."""

from connector.domain.ids import AnnotationId, QueueId
from connector.domain.rows import AnnotationRow, AnyRow, ImportRow, ImportState
from connector.replay.choosing import Choice, Rows, Selection
from connector.window_listing import Window

CAPTURED = ("annotation.captured",)
EARLY, LATE = "2026-01-01T00:00:00.000000Z", "2026-02-01T00:00:00.000000Z"
JANUARY = Window(EARLY, "2026-01-31T23:59:59.999999Z")


def exported(key: str, queue: int = 8198, revision: str = EARLY) -> AnnotationRow:
    """The row of an annotation with one captured revision."""
    return AnnotationRow("exported", key, queue=queue, published={"annotation.captured:exported": revision})


def chosen(selection: Selection, *parts: dict[str, AnyRow | None]) -> set[AnnotationId]:
    """What a ledger with these records, in this order, gives."""
    choice = Choice(selection)
    for end, rows in enumerate(parts, start=1):
        choice.apply(rows, ledger_end=end)
    return choice.everything


def test_a_document_is_found_by_its_key_or_through_its_import() -> None:
    """An annotation whose key was fixed before its import was known has another one."""
    selection = Selection(CAPTURED, documents=frozenset({"invoice 7"}))
    upload = ImportRow(ImportState.COMPLETED, "invoice 7", annotations={"2": "exported"})

    found = chosen(
        selection,
        {"annotation/1": exported("invoice 7"), "annotation/3": exported("another")},
        {"import/a": upload, "import/b": ImportRow(ImportState.COMPLETED, "another", annotations={"3": "x"})},
    )

    assert found == {1, 2}


def test_a_window_means_published_revisions_of_its_queues() -> None:
    """By the clock that was published, whatever Rossum shows by now."""
    selection = Selection(CAPTURED, queues=frozenset({QueueId(8198)}), window=JANUARY)

    found = chosen(
        selection,
        {
            "annotation/1": exported("a"),
            "annotation/2": exported("b", queue=8199),
            "annotation/3": exported("c", revision=LATE),
            "annotation/4": AnnotationRow("to_review", "d", queue=8198, published={"annotation.ready": EARLY}),
        },
    )

    assert found == {1}


def test_the_last_row_of_an_annotation_decides() -> None:
    """A newer revision, or the row's end, takes it out again."""
    selection = Selection(CAPTURED, queues=frozenset({QueueId(8198)}), window=JANUARY)

    found = chosen(
        selection,
        {"annotation/1": exported("a"), "annotation/2": exported("b"), "annotation/3": exported("c")},
        {"annotation/1": exported("a", revision=LATE), "annotation/2": None},
    )

    assert found == {3}


def test_rows_are_kept_of_those_that_are_asked_for() -> None:
    """The newest of each; nothing else stays in memory."""
    rows = Rows(frozenset({AnnotationId(1), AnnotationId(2)}))

    rows.apply(
        {"annotation/1": exported("a"), "annotation/2": exported("b"), "annotation/3": exported("c")}, ledger_end=1
    )
    rows.apply({"annotation/1": exported("a", revision=LATE), "annotation/2": None}, ledger_end=2)

    assert rows.rows == {1: exported("a", revision=LATE)}
