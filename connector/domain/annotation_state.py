"""What the owner of an annotation decides from its row, the hints, and what Rossum showed.

    to_review ⇄ reviewing ─▶ confirmed ─▶ exporting ─▶ exported ─▶ (back to to_review: a new revision)
        │                                     └──────▶ failed_export
        ├─▶ postponed, rejected, deleted ─▶ purged
    importing ─▶ to_review | failed_import | split (children are annotations of their own)

A fact is an event name and a revision. Most facts have a clock of Rossum's and are found by it whatever the status is
by then; a fact is published when its clock is newer than the newest published one of its name.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

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
#: Statuses that say nothing yet: no event, no answer to a hint that promised more.
UNFINISHED = frozenset({"created", "importing"})
#: How many captured revisions of an annotation a row remembers by value.
REMEMBERED_REVISIONS = 32

_FIRST = "first@"


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
        _new_revision(published.get(_captured(status)), reading, status) is not None for status in policy.capture
    )


def _captured(status: str) -> str:
    return f"annotation.captured:{status}"


def _new_revision(published: str | None, reading: AnnotationReading, status: str) -> str | None:
    """The revision to publish for a clocked status: a clock text, `first`, or None when there is nothing new."""
    value = reading.clocks.get(CLOCK_OF[status])
    if value is None:
        return "first" if reading.status == status and published is None else None
    if published is None:
        return value
    # A clock that appears after "first" was published belongs to it unless it is later than that answer.
    known_until = published.removeprefix(_FIRST)
    return value if value > known_until else None


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
    published = row.published.get(_captured(status)) if row else None
    known = row.captures.get(status, ()) if row else ()
    revision = _new_revision(published, reading, status)
    newest = revision or published or ""
    promised = {hint.clocks[CLOCK_OF[status]] for hint in hints if CLOCK_OF[status] in hint.clocks}
    adopted = published is not None and published.startswith(_FIRST)
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
    return [Fact(name, revision, reading.modified_at)] if revision > published.get(name, "") else []


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
    return {fact for fact in found if fact.revision == fact.time and fact.time < policy.horizon}


def next_row(
    row: AnnotationRow | None, reading: AnnotationReading, found: Iterable[Fact], *, key: str
) -> AnnotationRow:
    """The row after a reading whose facts are published with it."""
    base = row or AnnotationRow(status=reading.status, key=key)
    published, captures, counts = dict(base.published), dict(base.captures), dict(base.counts)
    for status, name in [(s, _captured(s)) for s in CLOCK_OF] + list(EVENT_OF.items()):
        # "first" becomes the clock that appeared for it.
        value = reading.clocks.get(CLOCK_OF[status], "")
        if published.get(name, "").startswith(_FIRST) and value and value <= published[name].removeprefix(_FIRST):
            published[name] = value
            if name == _captured(status):
                captures[status] = (value,)
    for fact in found:
        _record(fact, reading, published, captures, counts)
    return replace(
        base,
        status=reading.status,
        key=key,
        queue=reading.queue,
        document=reading.document or base.document,
        clocks=_newest(base.clocks, reading.clocks),
        published=published,
        captures=captures,
        counts=counts,
        read_at=max(base.read_at or "", format_clock(reading.at)),
    )


def _record(
    fact: Fact,
    reading: AnnotationReading,
    published: dict[str, str],
    captures: dict[str, Sequence[str]],
    counts: dict[str, int],
) -> None:
    stored = f"{_FIRST}{format_clock(reading.at)}" if fact.revision == "first" else fact.revision
    if fact.capture is None:
        published[fact.name] = stored
        return
    name = _captured(fact.capture)
    before = published.get(name, "")
    if before.startswith(_FIRST) or stored > before:
        published[name] = stored
    if fact.revision != "first":
        captures[fact.capture] = sorted({*captures.get(fact.capture, ()), fact.revision})[-REMEMBERED_REVISIONS:]
    if fact.name == "annotation.captured":
        counts[fact.capture] = counts.get(fact.capture, 0) + 1


def _newest(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, str]:
    return {name: max(old.get(name, ""), new.get(name, "")) for name in old.keys() | new.keys()}
