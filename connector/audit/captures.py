"""Judges captured data: the order of its revisions, and whether Rossum shows one that was never published."""

from collections import defaultdict

from connector.audit.evidence import Entry, Grounds, Listed
from connector.audit.facts import CAPTURED, capture_of
from connector.audit.findings import Column, Kind, Line, Verdict
from connector.contracts.catalogue import TopicRole
from connector.domain.annotation_state import CLOCK_OF, captured_name, known_until
from connector.domain.rows import AnnotationRow


def judge_order(entry: Entry, grounds: Grounds, verdict: Verdict) -> None:
    """Within a partition the clocks of published revisions never go back; replays do not count."""
    newest: dict[tuple[str | None, int], str] = defaultdict(str)
    sightings = [s for s in entry.sightings if s.role is TopicRole.CAPTURED and s.event.name == CAPTURED]
    for sighting in sorted(sightings, key=lambda s: (s.partition, s.offset)):
        revision = sighting.event.revision or ""
        if sighting.event.replay is not None or revision == "first":
            continue
        place = (capture_of(sighting, entry.entity, grounds.identity), sighting.partition)
        if revision < newest[place]:
            topic = grounds.topics[TopicRole.CAPTURED]
            where = f"{topic}[{sighting.partition}]@{sighting.offset}"
            sentence = f"{where} came after {newest[place]}: consumers that keep the last record have an old revision"
            verdict.differ(Kind.OUT_OF_ORDER, entry.entity, f"{CAPTURED} {revision}", sentence)
        newest[place] = max(newest[place], revision)


def judge_listing(entry: Entry, grounds: Grounds, verdict: Verdict) -> None:
    """Each capture revision that Rossum shows is published, waits to be found, or is missing."""
    for status in grounds.capture:
        listed = entry.listed.get(CLOCK_OF[status])
        if listed is not None and listed.value is not None:
            _judge_revision(entry, (status, listed.value), _waits_for(entry, listed, grounds), grounds, verdict)


def _judge_revision(
    entry: Entry, shown: tuple[str, str], waits: str | None, grounds: Grounds, verdict: Verdict
) -> None:
    status, revision = shown
    row = entry.row if isinstance(entry.row, AnnotationRow) else None
    if row is not None and _is_published(row, status, revision):
        verdict.count(Line.ROSSUM, Column.OUT)
    elif row is None and grounds.may_be_forgotten(entry.entity, revision):
        verdict.count(Line.ROSSUM, Column.RETENTION)
    elif _is_beyond(row, status, revision, grounds):
        verdict.count(Line.ROSSUM, Column.HORIZON)
        verdict.beyond.append((entry.entity, revision))
    elif waits is not None:
        verdict.count(Line.ROSSUM, Column.OPEN)
        verdict.leave_open(entry.entity, waits, revision)
    else:
        verdict.count(Line.ROSSUM, Column.MISSING)
        number = entry.entity.partition("/")[2]
        sentence = f"{status} in Rossum, never published: `rossum-connector replay --annotation {number}` publishes it"
        verdict.differ(Kind.NOT_CAPTURED, entry.entity, f"{CAPTURED} {status}@{revision}", sentence)


def _is_published(row: AnnotationRow, status: str, revision: str) -> bool:
    name = captured_name(status)
    newest = row.published.get(name)
    if newest is None or row.unsent.get(name) == newest:
        return False
    return revision <= known_until(newest)


def _is_beyond(row: AnnotationRow | None, status: str, revision: str, grounds: Grounds) -> bool:
    if row is not None:
        return row.unsent.get(captured_name(status)) == revision
    return revision < grounds.horizon


def _waits_for(entry: Entry, listed: Listed, grounds: Grounds) -> str | None:
    """Why an unpublished revision is not lost: somebody will still look at it."""
    if entry.hinted:
        return "hinted, not decided yet"
    swept = grounds.swept.get(listed.clock)
    if swept is None or listed.queue not in swept.queues or (listed.value or "") > swept.until:
        return "waits for the next sweep"
    return None
