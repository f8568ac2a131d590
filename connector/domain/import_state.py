"""What the owner of an import decides; pure steps from one row to the next.

The order of the world: an arrival is announced → INTENT is committed → bytes leave → Rossum answers 202 → its
annotations show our mark (or the task names them) → each leaves `importing` → the import is completed or failed.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, auto

from connector.domain.annotation_state import UNFINISHED
from connector.domain.ids import format_clock
from connector.domain.messages import MarkSeen
from connector.domain.readings import UploadRequest
from connector.domain.rows import ImportRow, ImportState

#: Pauses (seconds) between attempts that certainly imported nothing; the last one repeats until `RETRY_FOR`.
RETRY_PAUSES = (1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 1800.0)
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
        partition, offset: In the arrivals topic.
        held: Offset of the copy in `imports`.
    """

    partition: int
    offset: int
    held: int


def meaning(row: ImportRow | None, announced: Announcement) -> Copy:
    """What to do with a copy."""
    if row is None:
        return Copy.NEW
    if row.open and row.held == announced.held:
        return Copy.RESUMED
    if row.announced.get(str(announced.partition), -1) >= announced.offset:
        return Copy.REPEATED
    return Copy.AGAIN if row.state is ImportState.FAILED else Copy.NOTED


def noted(row: ImportRow, announced: Announcement) -> ImportRow:
    """The row with that announcement taken into account."""
    offset = max(announced.offset, row.announced.get(str(announced.partition), -1))
    return replace(row, announced={**row.announced, str(announced.partition): offset})


def next_generation(row: ImportRow, announced: Announcement) -> ImportRow:
    """A fresh start of a failed import."""
    fresh = ImportRow(
        ImportState.WAITING,
        row.document_key,
        generation=row.generation + 1,
        announced=row.announced,
        held=announced.held,
    )
    return noted(fresh, announced)


def intent(row: ImportRow, request: UploadRequest, *, single: bool, now: datetime) -> ImportRow:
    """The row that is committed before the first byte leaves; `now` is Rossum's time."""
    return replace(
        row,
        state=ImportState.INTENT,
        attempt=row.attempt + 1,
        queue=request.queue,
        file_name=request.file_name,
        size=request.size,
        single=single,
        intent_at=format_clock(now),
        looks=0,
        due=None,
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
    )


def failed(row: ImportRow, *, reason: str) -> ImportRow:
    """The end of this generation; the copy is no longer needed."""
    return replace(row, state=ImportState.FAILED, reason=reason, due=None, held=None)


def retry(row: ImportRow, *, reason: str, now: datetime, retry_for: float) -> ImportRow | None:
    """The row waiting for its next attempt, None when it has been tried for long enough."""
    first = row.first_failure or format_clock(now)
    if (now - datetime.fromisoformat(first)).total_seconds() >= retry_for:
        return None
    pause = RETRY_PAUSES[min(row.attempt, len(RETRY_PAUSES) - 1)]
    attempt = row.attempt + (row.state is ImportState.WAITING)
    return replace(
        row,
        state=ImportState.WAITING,
        attempt=attempt,
        first_failure=first,
        reason=reason,
        due=later(now, pause),
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


def later(now: datetime, seconds: float) -> str:
    """The clock text of that many seconds after `now`."""
    return format_clock(now + timedelta(seconds=seconds))


@dataclass(frozen=True, slots=True)
class Ending:
    """How an import ended, as far as its annotations tell."""

    row: ImportRow
    completed: bool


def marks(row: ImportRow, seen: Iterable[MarkSeen], *, now: datetime, task_after: float) -> ImportRow:
    """The row after annotations made themselves known; an unknown outcome becomes accepted."""
    told = dict(row.annotations)
    documents = set(row.documents)
    for mark in seen:
        told[str(mark.annotation)] = mark.status
        if mark.document is not None and mark.root:
            documents.add(mark.document)
    row = replace(row, annotations=told, documents=tuple(sorted(documents)))
    if row.state in (ImportState.INTENT, ImportState.AMBIGUOUS):
        return accepted(row, task=None, sha256=None, now=now, task_after=task_after)
    return row


def ending(row: ImportRow) -> Ending | None:
    """The end of an accepted import, None while something is still importing or unknown.

    A single-document kind is complete with its first annotation; any other kind needs all that the upload named.
    """
    if row.state is not ImportState.ACCEPTED:
        return None
    if row.expected is not None:
        statuses = [row.annotations.get(str(annotation), "importing") for annotation in row.expected]
    elif row.single and row.annotations:
        statuses = list(row.annotations.values())
    else:
        return None
    if not statuses or any(status in UNFINISHED for status in statuses):
        return None
    if all(status == "failed_import" for status in statuses):
        return Ending(failed(row, reason="Rossum could not import the document (failed_import)"), completed=False)
    return Ending(replace(row, state=ImportState.COMPLETED, due=None, held=None), completed=True)
