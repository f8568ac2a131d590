"""Judges an import: every generation has an end or is open, each failure its dead letter, each document one upload."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from connector.audit.evidence import Entry, Grounds
from connector.audit.findings import Column, Kind, Line, Verdict
from connector.contracts.catalogue import TopicRole
from connector.domain.rows import ImportRow, ImportState
from connector.domain.stages import open_since, stage
from connector.domain.twins import WINDOW
from connector.quantities import counted


def judge_import(entry: Entry, facts: Mapping[str, Column], grounds: Grounds, verdict: Verdict) -> None:
    """`facts` are those that the row tells as published, with the column that each of them came to."""
    row = entry.row
    if not isinstance(row, ImportRow):
        if entry.copied:
            verdict.count(Line.IMPORTS, Column.OPEN)
            verdict.leave_open(entry.entity, "waits in the imports topic", None)
        return
    for generation in range(row.born, row.generation):
        verdict.count(Line.IMPORTS, facts.get(f"import.failed {generation}", Column.MISSING))
    _judge_current(entry.entity, row, facts, verdict)
    _judge_letters(entry, grounds, verdict)
    _judge_documents(entry, row, verdict)


def _judge_current(entity: str, row: ImportRow, facts: Mapping[str, Column], verdict: Verdict) -> None:
    if row.state is ImportState.AMBIGUOUS:
        verdict.count(Line.IMPORTS, Column.AMBIGUOUS)
        verdict.leave_open(entity, stage(row), open_since(row))
    elif row.open:
        verdict.count(Line.IMPORTS, Column.OPEN)
        verdict.leave_open(entity, stage(row), open_since(row))
    else:
        name = "import.completed" if row.state is ImportState.COMPLETED else "import.failed"
        verdict.count(Line.IMPORTS, facts.get(f"{name} {row.generation}", Column.MISSING))


def _judge_letters(entry: Entry, grounds: Grounds, verdict: Verdict) -> None:
    """As many dead letters as failed generations; what is gone with the head of the topic is not missed."""
    failures: dict[str, int] = {}
    for sighting in entry.sightings:
        if sighting.event.name == "import.failed":
            failures[sighting.event.id] = sighting.timestamp_ms
    written = len(entry.letters)
    role = TopicRole.DEAD_LETTERS
    kept = [at_ms for at_ms in failures.values() if not grounds.heads.hides_anywhere(role, at_ms)]
    topic, letters = grounds.topics[role], counted(written, "dead letter")
    if written < len(kept):
        failed = counted(len(kept), "failure")
        sentence = f"{failed}, {letters} on {topic}: announce the document again"
        verdict.differ(Kind.DEAD_LETTER, entry.entity, failed, sentence)
    elif written > len(failures) and not grounds.heads.hides_anywhere(TopicRole.LIFECYCLE, min(entry.letters)):
        sentence = f"{letters} on {topic}, {counted(len(failures), 'failure')} told: redrive none of them twice"
        verdict.differ(Kind.DEAD_LETTER, entry.entity, counted(written, "letter"), sentence)


def _judge_documents(entry: Entry, row: ImportRow, verdict: Verdict) -> None:
    """A single document has one root document in Rossum; each further one needs an event that names it."""
    told = {s.event.id for s in entry.sightings if s.event.name == "import.duplicate"}
    roots = [number for number in row.documents if _may_be_twin(entry, row, number)]
    if row.single and len(roots) > 1 + len(told):
        numbers = ", ".join(map(str, roots))
        sentence = f"documents {numbers} came of one upload: look at both in Rossum and delete one"
        verdict.differ(Kind.TWIN, entry.entity, f"documents {numbers}", sentence)


def _may_be_twin(entry: Entry, row: ImportRow, document: int) -> bool:
    """Whether a root document is the work of an upload, as far as Rossum has been asked."""
    if document not in entry.documents:
        return True
    created_at = entry.documents[document]
    if created_at is None or row.intent_at is None:
        return created_at is not None
    return datetime.fromisoformat(created_at) <= datetime.fromisoformat(row.intent_at) + timedelta(seconds=WINDOW)
