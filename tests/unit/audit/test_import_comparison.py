"""What the comparison says of imports and sweeps: every generation ends or is open, and what ended was told."""

from dataclasses import replace

import pytest

from connector.audit.comparison import judge
from connector.audit.evidence import Entry, Head, Heads, Sighting
from connector.audit.findings import Column, Kind, Line, Verdict
from connector.contracts.catalogue import TopicRole
from connector.contracts.published import Published
from connector.domain.rows import ImportRow, ImportState, SweepRow
from tests.unit.audit.evidence_of import GROUNDS, IDENTITY, PARTITIONS, clock, milliseconds

ENTITY = "import/a"


def told(name: str, revision: str, entity: str = ENTITY) -> Sighting:
    """An event on the lifecycle topic."""
    subject = entity.replace("/", "s/")
    event = Published(IDENTITY.event_id(entity, name, revision), name, subject, revision, None)
    return Sighting(TopicRole.LIFECYCLE, event, 3, 7, milliseconds(10))


ACCEPTED = ImportRow(ImportState.ACCEPTED, "key", accepted_at=clock(1), intent_at=clock(0))
COMPLETED = replace(ACCEPTED, state=ImportState.COMPLETED, annotations={"1": "exported"}, documents=(9,))
FAILED = ImportRow(ImportState.FAILED, "key")


def kinds(verdict: Verdict) -> list[Kind]:
    """What kinds of differences there are."""
    return [difference.kind for difference in verdict.differences]


def totals(verdict: Verdict) -> dict[Column, int]:
    """The line of imports, without what is nothing."""
    return {column: count for (line, column), count in verdict.totals.items() if line is Line.IMPORTS and count}


@pytest.mark.parametrize(
    ("row", "names", "letters", "column"),
    [
        (COMPLETED, ["accepted", "completed"], 0, Column.OUT),
        (FAILED, ["failed"], 1, Column.OUT),
        (FAILED, ["duplicate"], 0, Column.OUT),
        (ACCEPTED, ["accepted"], 0, Column.OPEN),
        (ImportRow(ImportState.WAITING, "key"), [], 0, Column.OPEN),
        (ImportRow(ImportState.INTENT, "key"), [], 0, Column.OPEN),
        (ImportRow(ImportState.AMBIGUOUS, "key"), [], 0, Column.AMBIGUOUS),
    ],
)
def test_an_import_counts_once(row: ImportRow, names: list[str], letters: int, column: Column) -> None:
    """In its state's column, without a difference."""
    sightings = [told(f"import.{name}", "1") for name in names]
    entry = Entry(ENTITY, row, sightings, letters=[milliseconds(10)] * letters)

    verdict = judge(entry, GROUNDS)

    assert verdict.differences == []
    assert totals(verdict) == {Column.IN: 1, column: 1}


def test_every_generation_has_its_end() -> None:
    """Those before the last have failed, each with an event and a dead letter."""
    row = replace(COMPLETED, generation=3)
    sightings = [told("import.failed", "1"), told("import.accepted", "3"), told("import.completed", "3")]
    entry = Entry(ENTITY, row, sightings, letters=[milliseconds(10)])

    verdict = judge(entry, GROUNDS)

    assert totals(verdict) == {Column.IN: 3, Column.OUT: 2, Column.MISSING: 1}
    assert [difference.fact for difference in verdict.differences] == ["import.failed 2"]


def test_a_second_life_has_no_generations_of_the_first() -> None:
    """Nobody knows them any more."""
    row = replace(COMPLETED, generation=5, born=4)
    sightings = [told("import.failed", "4"), told("import.accepted", "5"), told("import.completed", "5")]

    verdict = judge(Entry(ENTITY, row, sightings, letters=[milliseconds(10)]), GROUNDS)

    assert verdict.differences == []
    assert totals(verdict) == {Column.IN: 2, Column.OUT: 2}


@pytest.mark.parametrize("letters", [0, 2])
def test_failures_and_dead_letters_go_in_pairs(letters: int) -> None:
    """One too few or too many is named."""
    entry = Entry(ENTITY, FAILED, [told("import.failed", "1")], letters=[milliseconds(10)] * letters)

    verdict = judge(entry, GROUNDS)

    assert kinds(verdict) == [Kind.DEAD_LETTER]


def test_a_dead_letter_that_is_gone_with_the_head_is_not_missed() -> None:
    """Retention took it."""
    heads = Heads(PARTITIONS, (Head(TopicRole.DEAD_LETTERS, 1, 50, milliseconds(100)),))

    verdict = judge(Entry(ENTITY, FAILED, [told("import.failed", "1")]), replace(GROUNDS, heads=heads))

    assert verdict.differences == []


def test_an_end_that_the_row_does_not_know_is_named() -> None:
    """A completed event of an import that is still under way."""
    verdict = judge(Entry(ENTITY, ACCEPTED, [told("import.accepted", "1"), told("import.completed", "1")]), GROUNDS)

    assert kinds(verdict) == [Kind.MISSING_ROW]


def test_a_copy_without_a_row_is_open() -> None:
    """The owner has not come to it; what a row knows is not counted twice."""
    waiting = judge(Entry(ENTITY, copied=True), GROUNDS)
    known = judge(Entry(ENTITY, ImportRow(ImportState.WAITING, "key"), copied=True), GROUNDS)

    assert totals(waiting) == totals(known) == {Column.IN: 1, Column.OPEN: 1}


@pytest.mark.parametrize(
    ("documents", "is_twin"),
    [({}, True), ({8: clock(600), 9: clock(1)}, True), ({8: clock(4000), 9: clock(1)}, False), ({8: None}, False)],
    ids=["not asked yet", "within the hour", "a later copy", "no root document"],
)
def test_two_root_documents_of_one_upload_are_named(documents: dict[int, str | None], *, is_twin: bool) -> None:
    """Unless Rossum says that the other is a copy, or no root."""
    row = replace(COMPLETED, documents=(8, 9))
    sightings = [told("import.accepted", "1"), told("import.completed", "1")]

    verdict = judge(Entry(ENTITY, row, sightings, documents=documents), GROUNDS)

    assert kinds(verdict) == ([Kind.TWIN] if is_twin else [])


def test_a_twin_that_was_told_is_no_difference() -> None:
    """Its event names it."""
    row = replace(COMPLETED, documents=(8, 9))
    sightings = [told(name, "1") for name in ("import.accepted", "import.completed", "import.duplicate")]

    verdict = judge(Entry(ENTITY, row, sightings), GROUNDS)

    assert verdict.differences == []


def test_the_watermark_of_a_sweep_was_told() -> None:
    """A pass that moved it without an event is named; where it began there was none to tell."""
    row = SweepRow("exported_at", clock(60), (8198,), deep_at=clock(60))
    event = told("sweep.completed", clock(60), "sweep/exported_at")

    silent = judge(Entry("sweep/exported_at", row), GROUNDS)
    spoken = judge(Entry("sweep/exported_at", row, [event]), GROUNDS)
    fresh = judge(Entry("sweep/exported_at", row), replace(GROUNDS, starts=frozenset({clock(60)})))

    assert kinds(silent) == [Kind.MISSING_EVENT]
    assert spoken.differences == fresh.differences == []
