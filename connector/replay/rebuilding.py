"""What becomes of one annotation in a replay: its published facts are rebuilt, unpublished ones left to the owner.

An event can be rebuilt while Rossum still has the revision that was published: same id, same key, the captured data
as Rossum has it now. What was never published only the owner of the annotation may publish.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from connector.contracts.envelope import Event
from connector.domain import annotation_state as rules
from connector.domain.annotation_events import AnnotationEvents, Sight, shown_revision
from connector.domain.annotation_outcome import AnnotationRules
from connector.domain.annotation_state import CLOCK_OF, EVENT_OF, FIRST, Fact, known_until
from connector.domain.ids import AnnotationId
from connector.domain.messages import Hint, Via
from connector.domain.readings import AnnotationReading, ExportReading
from connector.domain.rows import AnnotationRow

CAPTURED = "annotation.captured"
#: The events that can be rebuilt from a row and a read.
REPLAYABLE = (CAPTURED, "annotation.ready", "annotation.postponed", "annotation.split", *EVENT_OF.values())
_STATUS_OF = {event: status for status, event in EVENT_OF.items()}


class Fate(StrEnum):
    """What a replay does about a fact; the words that are printed."""

    #: The event is published again.
    PUBLISHED = "published"
    #: It was never published: the owner is asked to.
    ASKED = "asked"
    #: Never published, and the owner does not publish to another topic.
    UNPUBLISHED = "unpublished"
    #: Rossum has another revision now.
    CHANGED = "changed"
    #: Rossum does not show the annotation or its captured data any more.
    GONE = "gone"
    #: Nothing of the wanted kind was ever published or is to be seen.
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Candidate:
    """An annotation that is to be replayed.

    Attributes:
        export: Its captured data, where they were asked for and shown.
        children: Of a split.
    """

    annotation: AnnotationId
    row: AnnotationRow | None
    reading: AnnotationReading | None
    export: ExportReading | None = None
    children: tuple[AnnotationId, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """What is done about one fact of an annotation."""

    annotation: AnnotationId
    fate: Fate
    fact: str
    sentence: str = ""
    event: Event | None = None
    hint: Hint | None = None


class Rebuilding:
    """Decides about annotations in one replay.

    Args:
        replay: Its id, a mark on everything that it publishes.
        names: Events that are wanted.
        rules_of: Of the deployment.
    """

    def __init__(self, replay: str, names: Collection[str], rules_of: AnnotationRules) -> None:
        self._replay = replay
        self._names = frozenset(names)
        self._rules = rules_of

    def wants_export(self, row: AnnotationRow | None) -> bool:
        """Whether captured data are needed: a capture was published and is wanted."""
        return any(fact.name == CAPTURED for fact in self._published(row))

    def wants_children(self, row: AnnotationRow | None) -> bool:
        """Whether the parts of a split are needed."""
        return any(fact.name == "annotation.split" for fact in self._published(row))

    def steps(self, candidate: Candidate) -> list[Step]:
        """What to do, one step a fact; at least one."""
        annotation, reading = candidate.annotation, candidate.reading
        if reading is None:
            return [Step(annotation, Fate.GONE, "annotation", "Rossum does not show it any more")]
        steps = [self._again(candidate, reading, fact) for fact in self._published(candidate.row)]
        steps += self._asked(candidate, reading)
        return steps or [Step(annotation, Fate.NOTHING, "annotation", "nothing of that kind was ever published")]

    def _published(self, row: AnnotationRow | None) -> list[Fact]:
        """The newest published fact of each wanted event; revisions as the row has them."""
        facts = []
        for key, revision in row.published.items() if row else ():
            name, _, status = key.partition(":")
            if name in self._names and row is not None and row.unsent.get(key) != revision:
                facts.append(Fact(name, revision, capture=status or None))
        return facts

    def _again(self, candidate: Candidate, reading: AnnotationReading, fact: Fact) -> Step:
        text = _told([fact])
        shown = rules.with_export(reading, candidate.export) if candidate.export else reading
        if fact.name == CAPTURED and candidate.export is None:
            return Step(reading.id, Fate.GONE, text, "Rossum does not give its captured data out any more")
        if (now := _other_revision(fact, shown)) is not None:
            return Step(reading.id, Fate.CHANGED, text, f"Rossum has {now} now")
        return Step(reading.id, Fate.PUBLISHED, text, event=self._event(candidate, shown, fact))

    def _event(self, candidate: Candidate, reading: AnnotationReading, fact: Fact) -> Event:
        row = candidate.row
        assert row is not None, "only a row tells of published facts"
        hints = (self._hint(reading),)
        sight = Sight(reading.id, row, reading, candidate.export, candidate.children, hints)
        return AnnotationEvents(self._rules.identity, sight, self._rules.form).event(_as_published(row, reading, fact))

    def _asked(self, candidate: Candidate, reading: AnnotationReading) -> list[Step]:
        """One hint, if the owner would find something new now that the horizon is lifted."""
        hint = self._hint(reading)
        row = rules.lifted(candidate.row, [hint])
        found = rules.facts(row, (), reading, self._rules.policy)
        wanted = [fact for fact in found if fact.name in self._names]
        if not wanted:
            return []
        return [Step(reading.id, Fate.ASKED, _told(wanted), "never published: the connector does it", hint=hint)]

    def _hint(self, reading: AnnotationReading) -> Hint:
        return Hint(reading.id, Via.REPLAY, reading.status, reading.queue, reading.clocks, self._replay)


def _told(facts: Sequence[Fact]) -> str:
    return ", ".join(f"{f.name} {f.capture}@{f.revision}" if f.capture else f"{f.name} {f.revision}" for f in facts)


def _other_revision(fact: Fact, reading: AnnotationReading) -> str | None:
    """What Rossum shows instead of the published revision; None where it is still the same."""
    clock = CLOCK_OF.get(fact.capture or _STATUS_OF.get(fact.name, ""))
    if clock is None:
        return None
    shown = reading.clocks.get(clock)
    if fact.revision.startswith(FIRST):
        same = shown is None or shown <= known_until(fact.revision)
    else:
        same = shown == fact.revision
    return None if same else shown or f"no {clock}"


def _as_published(row: AnnotationRow, reading: AnnotationReading, fact: Fact) -> Fact:
    """The fact as its event tells it: `first` where the clock appeared later, and its own time."""
    key = rules.captured_name(fact.capture) if fact.capture else fact.name
    time = fact.revision.removeprefix(FIRST) if fact.capture or fact.name in _STATUS_OF else reading.modified_at
    return replace(fact, revision=shown_revision(row, key, fact.revision), time=time)
