"""What the owner of an import decides; pure steps from one row to the next.

The order of the world: an arrival is announced → INTENT is committed → bytes leave → Rossum answers 202 → its
annotations show our mark (or the task names them) → each leaves `importing` → the import is completed or failed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, auto

from connector.domain.annotation_state import UNFINISHED
from connector.domain.floor import FloorRow, announced_up_to, place_of
from connector.domain.ids import ImportId, format_clock
from connector.domain.messages import MarkSeen
from connector.domain.readings import UploadRequest
from connector.domain.rows import ImportRow, ImportState

#: Pauses (seconds) between attempts that certainly imported nothing; the last one repeats until `RETRY_FOR`.
RETRY_PAUSES = (1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 1800.0)
#: The same after uploads that broke off before their end. Rossum is the likelier culprit, and comes back soon; a
#: document that never gets through must not keep trying like that.
BROKEN_PAUSES = (1.0, 1.0, 5.0, 5.0, 15.0, 15.0, 15.0, 30.0, 60.0, 300.0, 900.0, 1800.0)
#: When (seconds after the intent) an unknown outcome is looked up; SETTLE closes the list.
LOOKS = (2.0, 8.0, 30.0, 90.0, 240.0)
#: A message that waits for itself longer than this (seconds) is parked: its offset goes on without it.
PARK_AFTER = 60.0
#: A document's creation in Rossum may precede our intent by this much (seconds): clocks of two machines.
CLOCK_MARGIN = 5.0


class Copy(Enum):
    """What a copy of an announcement means to the row."""

    #: The first of this import.
    NEW = auto()
    #: The very copy whose work is not finished: go on with it.
    RESUMED = auto()
    #: Announced again after the generation failed: a new generation.
    AGAIN = auto()
    #: Known already; nothing changes.
    REPEATED = auto()
    #: Above the known ones, but the current generation has not failed: noted, ignored.
    NOTED = auto()


@dataclass(frozen=True, slots=True)
class Announcement:
    """Where an arrival was announced and where its copy lies.

    Attributes:
        topic, partition, offset: Of the arrival; a deployment may read another topic one day.
        held: Offset of the copy in `imports`.
        follows: For a dead letter that is sent again: the generation that it ended.
    """

    topic: str
    partition: int
    offset: int
    held: int
    follows: int | None = None


def meaning(row: ImportRow | None, announced: Announcement) -> Copy:
    """What to do with a copy."""
    if row is not None and row.open and row.held == announced.held:
        return Copy.RESUMED
    if announced.follows is not None:
        follows_it = row is not None and row.state is ImportState.FAILED and row.generation == announced.follows
        return Copy.AGAIN if follows_it else Copy.REPEATED
    if row is None:
        return Copy.NEW
    if announced_up_to(row.announced, announced.topic, announced.partition) >= announced.offset:
        return Copy.REPEATED
    return Copy.AGAIN if row.state is ImportState.FAILED else Copy.NOTED


def first(import_id: ImportId, announced: Announcement, floor: FloorRow | None) -> ImportRow:
    """The row of an import that nobody knows.

    One of its id may have been forgotten, with events that generations name: they go on above all forgotten ones.
    """
    generation = 1 if floor is None else floor.generation + 1
    row = ImportRow(ImportState.WAITING, import_id, generation=generation, born=generation, held=announced.held)
    return noted(row, announced)


def noted(row: ImportRow, announced: Announcement) -> ImportRow:
    """The row with that announcement taken into account."""
    place = place_of(announced.topic, announced.partition)
    offset = max(announced.offset, row.announced.get(place, -1))
    return replace(row, announced={**row.announced, place: offset})


def next_generation(row: ImportRow, announced: Announcement) -> ImportRow:
    """A fresh start of a failed import."""
    fresh = ImportRow(
        ImportState.WAITING,
        row.document_key,
        generation=row.generation + 1,
        born=row.born,
        announced=row.announced,
        held=announced.held,
        earlier=(*row.earlier, *map(int, row.annotations)),
    )
    return noted(fresh, announced)


def intent(
    row: ImportRow, request: UploadRequest, *, single: bool, now: datetime, sha256: str | None = None
) -> ImportRow:
    """The row that is committed before the first byte leaves; `now` is Rossum's time, `sha256` the announced one."""
    return replace(
        row,
        state=ImportState.INTENT,
        attempt=row.attempt + 1,
        queue=request.queue,
        file_name=request.file_name,
        size=request.size,
        sha256=sha256,
        single=single,
        intent_at=format_clock(now),
        first_intent=row.first_intent or format_clock(now),
        looks=0,
        gather=None,
        # Whoever reads this row after a crash has to look, also when no copy brings the import up again.
        due=later(now, LOOKS[0]),
    )


def accepted(row: ImportRow, *, task: str | None, sha256: str | None, now: datetime, task_after: float) -> ImportRow:
    """Rossum has it: by its answer (then `task` is known) or because our mark was found."""
    # An archive is complete only when task and upload say so: they are asked soon, not only when the mark stays away.
    wait = task_after if row.single else min(task_after, PARK_AFTER)
    return replace(
        row,
        state=ImportState.ACCEPTED,
        task=task or row.task,
        sha256=sha256 or row.sha256,
        accepted_at=format_clock(now),
        due=later(now, wait),
        reason=None,
        overdue=False,
    )


def unknown(row: ImportRow, *, reason: str, sha256: str | None, now: datetime, settle: float) -> ImportRow:
    """The row of an upload that may or may not have happened; `sha256` is that of what was sent, where it all was."""
    first = row.first_failure or format_clock(now)
    return replace(look_again(row, now=now, settle=settle), reason=reason, first_failure=first, sha256=sha256)


def doubted(row: ImportRow, *, reason: str, now: datetime, settle: float) -> ImportRow:
    """The row when Rossum failed the upload of several documents: it is looked up, and goes up alone if need be."""
    row = replace(row, state=ImportState.INTENT, gather=None, alone=True, task=None, reason=reason)
    return look_again(row, now=now, settle=settle)


def once_more(row: ImportRow) -> ImportRow:
    """The row of an upload that left no trace, about to be made again.

    Where it was one of several documents, one of them may be why, and nobody knows which: each goes up alone now.
    """
    return replace(row, due=None, alone=True if row.gather is not None else row.alone)


def refused(row: ImportRow, *, reason: str) -> ImportRow:
    """The end of this generation: Rossum has that very document already, from somebody else."""
    return replace(row, state=ImportState.COMPLETED, reason=reason, refused=True, due=None, held=None)


def failed(row: ImportRow, *, reason: str) -> ImportRow:
    """The end of this generation; the copy is no longer needed."""
    return replace(row, state=ImportState.FAILED, reason=reason, due=_due_at_end(row), held=None)


def is_given_up(row: ImportRow, *, now: datetime, retry_for: float) -> bool:
    """Whether it has been tried for long enough; the failure of an upload of several says nothing of one of them."""
    first = row.first_failure
    if first is None or row.gather is not None:
        return False
    return (now - datetime.fromisoformat(first)).total_seconds() >= retry_for


def retry(
    row: ImportRow, *, reason: str, now: datetime, retry_for: float, pauses: Sequence[float] = RETRY_PAUSES
) -> ImportRow | None:
    """The row waiting for its next attempt, None when it has been tried for long enough."""
    first = row.first_failure or format_clock(now)
    if is_given_up(row, now=now, retry_for=retry_for):
        return None
    pause = pauses[min(row.attempt, len(pauses) - 1)]
    attempt = row.attempt + (row.state is ImportState.WAITING)
    return replace(
        row,
        state=ImportState.WAITING,
        attempt=attempt,
        first_failure=first,
        reason=reason,
        due=later(now, pause),
        gather=None,
    )


def look_again(row: ImportRow, *, now: datetime, settle: float) -> ImportRow:
    """The row waiting for its next look-up; the last one is due when the settle time has passed."""
    started = datetime.fromisoformat(row.intent_at or format_clock(now))
    elapsed = (now - started).total_seconds()
    pauses = [pause for pause in (*LOOKS, settle) if elapsed < pause <= settle]
    due = later(started, pauses[0]) if pauses else later(now, LOOKS[0])
    return replace(row, looks=row.looks + 1, due=due)


def has_settled(row: ImportRow, *, now: datetime, settle: float) -> bool:
    """Whether an upload that left no trace by now never will."""
    return row.intent_at is not None and now >= datetime.fromisoformat(row.intent_at) + timedelta(seconds=settle)


def watched(row: ImportRow, *, now: datetime, deadline: float) -> ImportRow:
    """The row, marked as overdue when it is still open that long (seconds) after its upload or first failure."""
    since = row.accepted_at or row.first_intent or row.first_failure
    if row.overdue or not row.open or since is None:
        return row
    return replace(row, overdue=now >= datetime.fromisoformat(since) + timedelta(seconds=deadline))


def later(now: datetime, seconds: float) -> str:
    """The clock text of that many seconds after `now`."""
    return format_clock(now + timedelta(seconds=seconds))


@dataclass(frozen=True, slots=True)
class Ending:
    """How an import ended, as far as its annotations tell."""

    row: ImportRow
    completed: bool


def marks(
    row: ImportRow, seen: Iterable[MarkSeen], *, now: datetime, task_after: float, floor: str | None = None
) -> ImportRow:
    """The row after annotations made themselves known; an unknown outcome becomes accepted.

    Up to the clock text `floor` imports of that id may have been forgotten, whose annotations carry the same mark.
    """
    fresh = [mark for mark in seen if mark.annotation not in row.earlier and not _is_forgotten(row, mark, floor)]
    for mark in fresh:
        row = _told(row, mark)
    # A mark may show up although the look-ups had given up on that upload: then there must be no further one.
    if fresh and (row.state in _UNDECIDED or (row.state is ImportState.WAITING and row.first_intent is not None)):
        return accepted(row, task=None, sha256=None, now=now, task_after=task_after)
    return row


_UNDECIDED = (ImportState.INTENT, ImportState.AMBIGUOUS)


def _is_forgotten(row: ImportRow, mark: MarkSeen, floor: str | None) -> bool:
    """Whether an annotation was there before this import, in a time that has been forgotten."""
    if floor is None or mark.created_at is None or mark.created_at > floor:
        return False
    return row.first_intent is None or mark.created_at < later(datetime.fromisoformat(row.first_intent), -CLOCK_MARGIN)


def _told(row: ImportRow, mark: MarkSeen) -> ImportRow:
    """The row after one annotation made itself known: its document is the import's own, or that of a stranger."""
    name = str(mark.annotation)
    is_new, document = name not in row.annotations, mark.document
    row = replace(row, annotations={**row.annotations, name: mark.status})
    if document is None or not mark.root or document in row.documents or not is_new:
        return row
    if not row.documents:
        return replace(row, documents=(document,))
    return replace(row, strangers={**row.strangers, name: document})


def ending(row: ImportRow) -> Ending | None:
    """The end of an accepted import, None while something is still importing or unknown.

    A single-document kind is complete with its first annotation; any other kind needs all that the upload named.
    """
    if row.state is not ImportState.ACCEPTED:
        return None
    if row.expected is not None:
        statuses = [row.annotations.get(str(annotation), "importing") for annotation in row.expected]
    elif row.single and row.annotations:
        statuses = [status for annotation, status in row.annotations.items() if annotation not in row.twins]
    else:
        return None
    if not statuses or any(status in UNFINISHED for status in statuses):
        return None
    if all(status == "failed_import" for status in statuses):
        return Ending(failed(row, reason="Rossum could not import the document (failed_import)"), completed=False)
    return Ending(replace(row, state=ImportState.COMPLETED, due=_due_at_end(row), held=None), completed=True)


def _due_at_end(row: ImportRow) -> str | None:
    """An import that is over wants nothing but what is left to do about its twins."""
    return row.due if row.pending or row.strangers else None
