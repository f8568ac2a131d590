"""Where an import goes from where it stands."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from connector.domain import import_state as rules
from connector.domain.ids import AnnotationId, ImportId, QueueId, format_clock
from connector.domain.import_state import Announcement, Copy
from connector.domain.messages import MarkSeen
from connector.domain.readings import UploadRequest
from connector.domain.retention import raised
from connector.domain.rows import ImportRow, ImportState

NOW = datetime(2026, 3, 1, tzinfo=UTC)
REQUEST = UploadRequest(QueueId(1), "a.pdf", "application/pdf", {}, {}, 10)
T = "t"
WAITING = ImportRow(ImportState.WAITING, "key", announced={"t/0": 5}, held=7)
INTENT = rules.intent(WAITING, REQUEST, single=True, now=NOW)
ACCEPTED = rules.accepted(INTENT, task="task", sha256="f" * 64, now=NOW, task_after=300)
FAILED = rules.failed(INTENT, reason="no")


def seen(annotation: int, status: str, *, root: bool = True) -> MarkSeen:
    """What an annotation tells its import."""
    return MarkSeen(ImportId("i"), AnnotationId(annotation), status, root=root)


@pytest.mark.parametrize(
    ("row", "announced", "meaning"),
    [
        (None, Announcement(T, 0, 5, 7), Copy.NEW),
        (WAITING, Announcement(T, 0, 5, 7), Copy.RESUMED),
        (INTENT, Announcement(T, 0, 5, 7), Copy.RESUMED),
        (WAITING, Announcement(T, 0, 5, 9), Copy.REPEATED),
        (ACCEPTED, Announcement(T, 0, 4, 9), Copy.REPEATED),
        (ACCEPTED, Announcement(T, 0, 6, 9), Copy.NOTED),
        (ACCEPTED, Announcement(T, 1, 0, 9), Copy.NOTED),
        (FAILED, Announcement(T, 0, 5, 9), Copy.REPEATED),
        (FAILED, Announcement(T, 0, 6, 9), Copy.AGAIN),
        (FAILED, Announcement(T, 1, 0, 9), Copy.AGAIN),
        (FAILED, Announcement("another", 0, 0, 9), Copy.AGAIN),
        (replace(FAILED, announced={"0": 5}), Announcement("another", 0, 5, 9), Copy.REPEATED),
    ],
)
def test_what_a_copy_means(row: ImportRow | None, announced: Announcement, meaning: Copy) -> None:
    """Copied or read again changes nothing; announced again counts only after a failure."""
    assert rules.meaning(row, announced) is meaning


def test_announcing_again_after_a_failure_starts_a_generation() -> None:
    """The next generation forgets what failed and keeps what was announced."""
    row = rules.next_generation(FAILED, Announcement(T, 1, 3, 20))

    assert (row.generation, row.state, row.held) == (2, ImportState.WAITING, 20)
    assert row.announced == {"t/0": 5, "t/1": 3}
    assert row.attempt == 0


def test_a_second_life_goes_on_above_all_generations_that_were_forgotten() -> None:
    """Generations name events: no id may be given twice."""
    floor = raised(None, [replace(FAILED, generation=3), replace(FAILED, generation=2)])
    lives = [rules.first(ImportId("i"), Announcement(T, 0, 9, 20), known) for known in (None, floor)]
    again = rules.next_generation(lives[1], Announcement(T, 0, 10, 21))

    assert [(row.generation, row.born) for row in lives] == [(1, 1), (4, 4)]
    assert (again.generation, again.born) == (5, 4)


def test_attempts_of_a_failing_source_are_spaced_and_end() -> None:
    """The schedule is followed, then the last pause repeats until the retry time is over."""
    row, now, pauses = WAITING, NOW, []
    while (following := rules.retry(row, reason="away", now=now, retry_for=7200)) is not None:
        due = datetime.fromisoformat(following.due or "")
        pauses.append((due - now).total_seconds())
        row, now = following, due
        assert now - NOW <= timedelta(seconds=7200 + rules.RETRY_PAUSES[-1])

    assert pauses[:7] == list(rules.RETRY_PAUSES)
    assert set(pauses[7:]) == {rules.RETRY_PAUSES[-1]}
    assert now - NOW >= timedelta(seconds=7200)


def test_the_failure_of_an_upload_of_several_ends_none_of_them() -> None:
    """However late it is, each has an attempt of its own; what fails then counts."""
    row = replace(WAITING, first_failure=format_clock(NOW - timedelta(1)), gather="g")

    own = rules.retry(row, reason="broke off", now=NOW, retry_for=60)
    assert own is not None
    assert rules.retry(own, reason="broke off", now=NOW, retry_for=60) is None


def test_an_intent_is_looked_at_by_whoever_reads_it() -> None:
    """After a crash nothing else may bring the import up again: its copy can be finished already."""
    request = UploadRequest(QueueId(8198), "a.pdf", "application/pdf", {}, {}, 3)
    row = rules.intent(ImportRow(ImportState.WAITING, "key"), request, single=True, now=NOW)

    assert row.due is not None
    assert row.due > format_clock(NOW)


def test_look_ups_end_when_the_upload_has_settled() -> None:
    """Every look is later than the one before, and the last is at the settle time."""
    row, now, looks = INTENT, NOW, []
    while not rules.has_settled(row, now=now, settle=600):
        row = rules.look_again(row, now=now, settle=600)
        now = datetime.fromisoformat(row.due or "")
        looks.append((now - NOW).total_seconds())

    assert looks == [*rules.LOOKS, 600.0]


def test_a_mark_adopts_an_upload_whose_outcome_is_unknown() -> None:
    """An annotation with our mark is proof that the upload happened."""
    row = rules.marks(INTENT, [seen(1, "importing")], now=NOW, task_after=300)

    assert row.state is ImportState.ACCEPTED
    assert rules.ending(row) is None


@pytest.mark.parametrize(
    ("row", "age", "counts"),
    [
        pytest.param(INTENT, 1000.0, False, id="of a forgotten life"),
        pytest.param(WAITING, 1000.0, False, id="before any upload"),
        pytest.param(INTENT, 100.0, True, id="above the floor"),
        pytest.param(replace(INTENT, first_intent=format_clock(NOW - timedelta(1))), 1000.0, True, id="long open"),
        pytest.param(INTENT, None, True, id="of an earlier version"),
    ],
)
def test_an_annotation_of_a_forgotten_life_is_not_the_imports(
    row: ImportRow, age: float | None, *, counts: bool
) -> None:
    """The mark is the same in each life; only what lies under the floor and before the upload is another's."""
    created = None if age is None else format_clock(NOW - timedelta(seconds=age))
    floor = format_clock(NOW - timedelta(seconds=500))

    after = rules.marks(row, [replace(seen(1, "exported"), created_at=created)], now=NOW, task_after=9, floor=floor)

    assert (after != row) is counts


def test_a_single_document_is_complete_with_its_annotation() -> None:
    """No task needs to be asked when the mark shows up and importing has ended."""
    row = rules.marks(ACCEPTED, [seen(1, "to_review")], now=NOW, task_after=300)
    end = rules.ending(row)

    assert end is not None
    assert end.completed
    assert end.row.held is None


def test_an_archive_needs_all_that_the_upload_named() -> None:
    """One annotation of two says nothing about the other."""
    archive = replace(ACCEPTED, single=False)

    one = rules.marks(archive, [seen(1, "to_review")], now=NOW, task_after=300)
    named = replace(one, expected=(1, 2))
    both = rules.marks(named, [seen(2, "failed_import", root=False)], now=NOW, task_after=300)

    assert rules.ending(one) is None
    assert rules.ending(named) is None
    end = rules.ending(both)
    assert end is not None
    assert end.completed


def test_a_document_that_rossum_could_not_import_fails() -> None:
    """All annotations in failed_import end the import without success."""
    end = rules.ending(rules.marks(ACCEPTED, [seen(1, "failed_import")], now=NOW, task_after=300))

    assert end is not None
    assert not end.completed
    assert end.row.state is ImportState.FAILED


def test_an_archive_is_asked_about_soon() -> None:
    """A single document waits for its mark; any other kind asks its task."""
    single = rules.accepted(INTENT, task="t", sha256=None, now=NOW, task_after=300)
    archive = rules.accepted(replace(INTENT, single=False), task="t", sha256=None, now=NOW, task_after=300)

    assert single.due == format_clock(NOW + timedelta(seconds=300))
    assert archive.due == format_clock(NOW + timedelta(seconds=rules.PARK_AFTER))


@pytest.mark.parametrize(("gather", "was_alone", "alone"), [("g", None, True), (None, None, None), (None, True, True)])
def test_an_upload_of_several_is_made_again_one_by_one(gather: str | None, *, was_alone: bool, alone: bool) -> None:
    """One of them may be why it left no trace; also after a crash, when nobody has heard of a failure."""
    row = rules.once_more(replace(INTENT, gather=gather, alone=was_alone))

    assert (row.alone, row.due) == (alone, None)


def test_documents_of_a_failed_upload_of_several_are_looked_up_and_go_up_alone() -> None:
    """Nobody knows whose fault it was, nor whether a part of it is there."""
    gathered = rules.accepted(replace(INTENT, gather="g"), task="t", sha256=None, now=NOW, task_after=300)

    row = rules.doubted(gathered, reason="failed", now=NOW + timedelta(seconds=300), settle=600)

    assert (row.state, row.alone, row.gather, row.task) == (ImportState.INTENT, True, None, None)
    assert row.due == format_clock(NOW + timedelta(seconds=600))
    assert row.accepted_at is not None
