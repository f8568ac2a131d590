"""When a row may be forgotten, and what is no news any more once rows have been.

A row is forgotten when its life ended long ago: nothing is open, due or held, and nobody has said anything new about
it since. What somebody says of it afterwards (a replayed webhook, a deep sweep, an arrival that is read again) must
not look like news, so the floor rises with the tombstones: whatever has no row and is not younger than the floor has
been told, or is too old to be told.
"""

from collections.abc import Iterable
from dataclasses import replace

from connector.domain.annotation_state import FIRST, Fact
from connector.domain.floor import FloorRow
from connector.domain.gathers import GatherRow
from connector.domain.ids import format_clock
from connector.domain.readings import AnnotationReading
from connector.domain.rows import AnnotationRow, AnyRow, ImportRow

#: The only fact that may be told of a revision before the newest one.
_SUPERSEDED = "annotation.superseded"


def rests(row: AnyRow) -> bool:
    """Whether a row may ever be forgotten and needs nothing now: headers, floors, sweeps and claims never may."""
    if isinstance(row, GatherRow):
        # Also one whose owner died in its upload: its members look for themselves, with or without it.
        return True
    return isinstance(row, (AnnotationRow, ImportRow)) and not row.open and row.due is None and row.held is None


def life_end(row: AnyRow) -> str | None:
    """The newest moment (clock text) that a row at rest speaks of; None where it speaks of none.

    Everything that was published about it is at most that old.
    """
    if isinstance(row, AnnotationRow):
        told = (revision.removeprefix(FIRST) for revision in row.published.values())
        clocks = (*row.clocks.values(), *(text for text in told if text[:1].isdigit()), row.read_at or "")
        return max(clocks) or None
    if isinstance(row, ImportRow):
        # Rows of earlier versions have no date of their own.
        steps = (row.accepted_at, row.intent_at, row.first_intent, row.first_failure)
        return row.ended or max((step for step in steps if step is not None), default=None)
    if isinstance(row, GatherRow):
        return row.intent_at
    return None


def dated(row: AnyRow | None, now: str) -> AnyRow | None:
    """The row as it is written now: an import at rest says since when; each further word about it begins anew."""
    return replace(row, ended=now) if isinstance(row, ImportRow) and not row.open else row


def raised(floor: FloorRow | None, rows: Iterable[AnyRow]) -> FloorRow:
    """The floor under which these rows may be forgotten too."""
    floor = floor or FloorRow("")
    until, announced, counts = floor.until, dict(floor.announced), dict(floor.forgotten)
    generation = floor.generation
    for row in rows:
        until = max(until, life_end(row) or "")
        counts[row.kind] = counts.get(row.kind, 0) + 1
        if isinstance(row, ImportRow):
            generation = max(generation, row.generation)
            for place, offset in row.announced.items():
                announced[place] = max(offset, announced.get(place, -1))
    return replace(floor, until=until, announced=announced, forgotten=counts, generation=generation)


def below_floor(
    row: AnnotationRow | None, reading: AnnotationReading, found: Iterable[Fact], floor: str | None
) -> set[Fact]:
    """Those facts of an annotation that a forgotten row may have known, whatever mark or link it carries.

    A row answers for its own facts, except that it does not know which revisions a forgotten one of the same
    annotation had captured.
    """
    if floor is None:
        return set()
    found = found if row is None else [fact for fact in found if fact.name == _SUPERSEDED]
    return {fact for fact in found if _age(fact, reading) <= floor}


def _age(fact: Fact, reading: AnnotationReading) -> str:
    """A clock that tells not before when a fact became true: its own, else that of the annotation's arrival.

    An annotation that arrived above the floor can't have been forgotten; of one from below nobody can say whether its
    fact without a clock has been told.
    """
    if fact.revision[:1].isdigit():
        return fact.revision
    return reading.clocks.get("arrived_at") or format_clock(reading.at)
