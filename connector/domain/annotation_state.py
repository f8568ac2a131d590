"""What the owner of an annotation decides from its row, the hints, and what Rossum showed.

    to_review ⇄ reviewing ─▶ confirmed ─▶ exporting ─▶ exported ─▶ (back to to_review: a new revision)
        │                                     └──────▶ failed_export
        ├─▶ postponed, rejected, deleted ─▶ purged
    importing ─▶ to_review | failed_import | split (children are annotations of their own)

A fact is an event name and a revision. Most facts have a clock of Rossum's and are found by it whatever the status is
by then; a fact is published when its clock is newer than the newest published one of its name.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Self

from connector.domain.ids import format_clock
from connector.domain.messages import Hint
from connector.domain.readings import AnnotationReading, ExportReading
from connector.domain.rows import AnnotationRow

#: The clock that tells when a status was reached.
CLOCK_OF = {
    "exported": "exported_at",
    "confirmed": "confirmed_at",
    "rejected": "rejected_at",
    "failed_export": "export_failed_at",
    "deleted": "deleted_at",
    "purged": "purged_at",
}
#: Statuses with a clock that have a thin event of their own (`exported` has the captured one).
EVENT_OF = {
    "confirmed": "annotation.confirmed",
    "rejected": "annotation.rejected",
    "failed_export": "annotation.export_failed",
    "deleted": "annotation.deleted",
    "purged": "annotation.purged",
}
#: The sweep that finds an event's fact.
FOUND_BY = {
    "annotation.captured": "exported_at",
    "annotation.ready": "arrived_at",
    **{event: CLOCK_OF[status] for status, event in EVENT_OF.items()},
}
#: Clocks that start a new revision of `ready` and `postponed`.
TERMINAL_CLOCKS = ("exported_at", "rejected_at", "deleted_at", "purged_at")
#: Events of statuses without a clock of their own.
CLOCKLESS = frozenset({"annotation.ready", "annotation.postponed"})
#: Statuses that say nothing yet: no event, no answer to a hint that promised more.
UNFINISHED = frozenset({"created", "importing"})
#: How many captured revisions of an annotation a row remembers by value.
REMEMBERED_REVISIONS = 32

#: How `first` is written in a row: with the `Date` of the answer that had no clock.
FIRST = "first@"
#: How much later than its estimate an answer of Rossum's may have been given: a `Date` has whole seconds, and the
#: estimate is the lowest that all answers allow.
DATE_IS_WITHIN = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Policy:
    """Settings that decide what becomes an event.

    Attributes:
        capture: Statuses whose clock makes a captured revision.
        horizon: Clocked facts older than this (clock text) of annotations nobody knows are not published.
    """

    capture: tuple[str, ...]
    horizon: str


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that became true of an annotation, to be published once.

    Attributes:
        name: Event name.
        revision: What makes it unique among facts of that name, part of the event's id.
        time: Rossum's clock of it, None where it has none.
        capture: For captured and superseded facts: the capture status.
    """

    name: str
    revision: str
    time: str | None = None
    capture: str | None = None


def captures_wanted(row: AnnotationRow | None, reading: AnnotationReading, policy: Policy) -> bool:
    """Whether the captured data must be read: a capture revision is not published yet and still readable."""
    published = row.published if row else {}
    return reading.status != "purged" and any(
        _new_revision(published.get(captured_name(status)), reading, status) is not None for status in policy.capture
    )


def captured_name(status: str) -> str:
    """The key of captured revisions of that status in a row's `published`."""
    return f"annotation.captured:{status}"


def known_until(published: str) -> str:
    """The newest clock that a published revision speaks for; `first` speaks for all up to its answer.

    When that was given is known from below only, to the second of a `Date`: a clock of that second belongs to it.
    """
    if not published.startswith(FIRST):
        return published
    return format_clock(datetime.fromisoformat(published.removeprefix(FIRST)) + DATE_IS_WITHIN)


def _new_revision(published: str | None, reading: AnnotationReading, status: str) -> str | None:
    """The revision to publish for a clocked status: a clock text, `first`, or None when there is nothing new."""
    value = reading.clocks.get(CLOCK_OF[status])
    if value is None:
        return "first" if reading.status == status and published is None else None
    if published is None:
        return value
    # A clock that appears after "first" was published belongs to it unless it is later than that answer.
    return value if value > known_until(published) else None


def facts(
    row: AnnotationRow | None,
    hints: Sequence[Hint],
    reading: AnnotationReading,
    policy: Policy,
    *,
    readable: bool = True,
) -> tuple[Fact, ...]:
    """All facts to publish now, in the order of their clocks.

    `reading` must carry the clocks of the export that was read, if one was (:func:`with_export`); `readable` is
    False when Rossum no longer gives the captured data out: the revision is then superseded, not captured.
    """
    published = row.published if row else {}
    found = [
        Fact(event, revision, _time(revision, reading))
        for status, event in EVENT_OF.items()
        if (revision := _new_revision(published.get(event), reading, status))
    ]
    for status in policy.capture:
        name = "annotation.captured" if readable and reading.status != "purged" else "annotation.superseded"
        found += _capture_facts(row, hints, reading, Fact(name, "", capture=status))
    found += _status_facts(published, reading)
    return tuple(sorted(found, key=lambda fact: (fact.time or format_clock(reading.at), fact.name)))


def _time(revision: str, reading: AnnotationReading) -> str:
    return format_clock(reading.at) if revision == "first" else revision


def _capture_facts(
    row: AnnotationRow | None, hints: Sequence[Hint], reading: AnnotationReading, template: Fact
) -> list[Fact]:
    status = template.capture or ""
    published = row.published.get(captured_name(status)) if row else None
    known = row.captures.get(status, ()) if row else ()
    revision = _new_revision(published, reading, status)
    newest = revision or published or ""
    promised = {hint.clocks[CLOCK_OF[status]] for hint in hints if CLOCK_OF[status] in hint.clocks}
    adopted = published is not None and published.startswith(FIRST)
    lost = sorted(p for p in promised if p not in known and not adopted and newest != "first" and p < newest)
    found = [Fact("annotation.superseded", value, value, status) for value in lost]
    if revision is not None:
        found.append(replace(template, revision=revision, time=_time(revision, reading)))
    return found


def _status_facts(published: Mapping[str, str], reading: AnnotationReading) -> list[Fact]:
    """Facts of statuses that have no clock of their own."""
    if reading.status == "split":
        return [] if "annotation.split" in published else [Fact("annotation.split", "split", reading.modified_at)]
    name = {"to_review": "annotation.ready", "postponed": "annotation.postponed"}.get(reading.status)
    if name is None:
        return []
    terminal = [reading.clocks[clock] for clock in TERMINAL_CLOCKS if clock in reading.clocks]
    revision = max(terminal, default=reading.clocks.get("arrived_at", "first"))
    # What was published without a clock is as old as the answer that had none.
    if not _is_later(revision, known_until(published.get(name, ""))):
        return []
    # An annotation that nobody has touched has no other time; that of the answer may lie after the next fact.
    untouched = reading.created_at if revision == "first" else revision
    return [Fact(name, revision, reading.modified_at or untouched)]


def _is_later(revision: str, known: str) -> bool:
    """Whether a revision is news; `first` only where nothing was told before."""
    return not known if revision == "first" else revision > known


def with_export(reading: AnnotationReading, export: ExportReading) -> AnnotationReading:
    """The reading at the revision of the captured data: the export's own `exported_at` decides."""
    if export.exported_at is None:
        return reading
    return replace(reading, clocks={**reading.clocks, "exported_at": export.exported_at})


def beyond_horizon(
    row: AnnotationRow | None, reading: AnnotationReading, found: Iterable[Fact], policy: Policy
) -> set[Fact]:
    """Those facts that are too old to publish: of an annotation that nobody knows, before the horizon."""
    if row is not None or reading.mark is not None:
        return set()
    clocked = (fact for fact in found if fact.name not in CLOCKLESS)
    return {fact for fact in clocked if fact.revision == fact.time and fact.time < policy.horizon}


def lifted(row: AnnotationRow | None, hints: Iterable[Hint]) -> AnnotationRow | None:
    """The row as if the facts beyond the horizon had never been seen, where a replay asks for them."""
    if row is None or not row.unsent or not any(hint.replay for hint in hints):
        return row
    unsent = row.unsent
    published = {name: revision for name, revision in row.published.items() if unsent.get(name) != revision}
    captures = {
        status: tuple(revision for revision in revisions if revision != unsent.get(captured_name(status)))
        for status, revisions in row.captures.items()
    }
    return replace(row, published=published, captures=captures, unsent={})


def next_row(
    row: AnnotationRow | None,
    reading: AnnotationReading,
    found: Iterable[Fact],
    *,
    key: str,
    unsent: Collection[Fact] = (),
) -> AnnotationRow:
    """The row after a reading whose facts are published with it, except those of `unsent`."""
    book = _Book.of(row or AnnotationRow(status=reading.status, key=key))
    book.adopt(reading)
    for fact in found:
        book.record(fact, reading, sent=fact not in unsent)
    return replace(
        book.base,
        status=reading.status,
        key=key,
        queue=reading.queue,
        document=reading.document or book.base.document,
        clocks=_newest(book.base.clocks, reading.clocks),
        published=book.published,
        captures=book.captures,
        counts=book.counts,
        unsent=book.unsent,
        adopted=book.adopted,
        read_at=max(book.base.read_at or "", format_clock(reading.at)),
    )


@dataclass(slots=True)
class _Book:
    """What a row says about published facts, while it is being changed."""

    base: AnnotationRow
    published: dict[str, str]
    captures: dict[str, Sequence[str]]
    counts: dict[str, int]
    unsent: dict[str, str]
    adopted: dict[str, str]

    @classmethod
    def of(cls, row: AnnotationRow) -> Self:
        return cls(row, dict(row.published), dict(row.captures), dict(row.counts), dict(row.unsent), dict(row.adopted))

    def adopt(self, reading: AnnotationReading) -> None:
        """`first` becomes the clock that appeared for it."""
        for status, name in [(s, captured_name(s)) for s in CLOCK_OF] + list(EVENT_OF.items()):
            before = self.published.get(name, "")
            value = reading.clocks.get(CLOCK_OF[status], "")
            if before.startswith(FIRST) and value and value <= known_until(before):
                self.published[name] = self.adopted[name] = value
                if name == captured_name(status):
                    self.captures[status] = sorted({*self.captures.get(status, ()), value})

    def record(self, fact: Fact, reading: AnnotationReading, *, sent: bool) -> None:
        stored = f"{FIRST}{format_clock(reading.at)}" if fact.revision == "first" else fact.revision
        name = fact.name if fact.capture is None else captured_name(fact.capture)
        before = self.published.get(name, "")
        if fact.capture is None or before.startswith(FIRST) or stored > before:
            self.published[name] = stored
            self.adopted.pop(name, None)
            self.unsent.pop(name, None)
            if not sent:
                self.unsent[name] = stored
        if fact.capture is not None and fact.revision != "first":
            known = {*self.captures.get(fact.capture, ()), fact.revision}
            self.captures[fact.capture] = sorted(known)[-REMEMBERED_REVISIONS:]
        if fact.name == "annotation.captured" and fact.capture is not None and sent:
            self.counts[fact.capture] = self.counts.get(fact.capture, 0) + 1


def _newest(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, str]:
    return {name: max(old.get(name, ""), new.get(name, "")) for name in old.keys() | new.keys()}
