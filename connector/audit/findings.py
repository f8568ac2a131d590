"""What an audit can say: differences, open work, and the totals that must balance."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from heapq import nsmallest


class Kind(StrEnum):
    """Kinds of differences; the words that are printed."""

    #: The ledger says published, a topic lacks the event.
    MISSING_EVENT = "missing-event"
    #: A topic has an event that the ledger does not know.
    MISSING_ROW = "missing-row"
    #: The same event twice on one topic, not by a replay.
    DOUBLED = "doubled"
    #: A captured revision was published after a newer one of the same annotation.
    OUT_OF_ORDER = "out-of-order"
    #: An event whose id is not the one that follows from what it says.
    FOREIGN_ID = "foreign-id"
    #: Rossum shows a revision that was never published.
    NOT_CAPTURED = "not-captured"
    #: An import failed, its dead letter is not there, or there is one too many.
    DEAD_LETTER = "dead-letter"
    #: An annotation of an import has neither an outcome nor open work.
    NO_OUTCOME = "no-outcome"
    #: Two root documents of one generation, and no event tells of the second.
    TWIN = "twin"
    #: Records were deleted before the connector had read them.
    LOST = "lost"


#: Differences, open ones and facts beyond the horizon that are kept by name; all are counted.
MOST_LISTED = 50_000
#: What delivery at least once does not promise.
ONLY_EXACTLY_ONCE = frozenset({Kind.MISSING_ROW, Kind.DOUBLED, Kind.OUT_OF_ORDER})


@dataclass(frozen=True, slots=True, order=True)
class Difference:
    """One thing that should not be.

    Attributes:
        fact: What it is about, e.g. `annotation.captured exported@2026-…`.
        sentence: What is missing where, and what to do.
    """

    kind: Kind
    entity: str
    fact: str
    sentence: str

    @property
    def identity(self) -> tuple[Kind, str, str]:
        """What makes it the same difference in a later look."""
        return self.kind, self.entity, self.fact


@dataclass(frozen=True, slots=True, order=True)
class Open:
    """Something that has no end yet, and why.

    Attributes:
        since: Clock text, empty where nobody knows.
    """

    since: str
    entity: str
    stage: str


class Line(StrEnum):
    """Lines of the totals."""

    IMPORTS = "imports"
    ANNOTATIONS = "annotations"
    CAPTURED = "captured revisions"
    ROSSUM = "captures in Rossum"


class Column(StrEnum):
    """Columns of the totals: `in` is the sum of the others."""

    IN = "in"
    OUT = "out"
    OPEN = "open"
    AMBIGUOUS = "ambiguous"
    MISSING = "missing"
    RETENTION = "beyond retention"
    HORIZON = "beyond horizon"


@dataclass(slots=True)
class Verdict:
    """What was found about some entities.

    Attributes:
        totals: By line and column.
        stages: Open work by stage.
        beyond: Facts beyond the horizon: entity and clock.
        unlisted: Differences beyond those that are kept.
    """

    totals: Counter[tuple[Line, Column]] = field(default_factory=Counter)
    differences: list[Difference] = field(default_factory=list)
    open: list[Open] = field(default_factory=list)
    stages: Counter[str] = field(default_factory=Counter)
    beyond: list[tuple[str, str]] = field(default_factory=list)
    unlisted: int = 0

    def count(self, line: Line, column: Column, number: int = 1) -> None:
        """That many came in and ended in that column."""
        self.totals[line, Column.IN] += number
        self.totals[line, column] += number

    def leave_open(self, entity: str, stage: str, since: str | None) -> None:
        """It is not at its end, and that is no fault."""
        self.stages[stage] += 1
        self.open.append(Open(since or "", entity, stage))

    def differ(self, kind: Kind, entity: str, fact: str, sentence: str) -> None:
        """It should not be so."""
        self.differences.append(Difference(kind, entity, fact, sentence))


def urgency(item: Open) -> tuple[bool, str, str]:
    """What a person wants to see first: what is ambiguous, then the oldest; what has no date comes last."""
    return "ambiguous" not in item.stage, item.since or "~", item.entity


def merged(verdicts: Iterable[Verdict]) -> Verdict:
    """All of them as one; of a flood only the most urgent open ones are kept, and the first of everything else."""
    whole = Verdict()
    for verdict in verdicts:
        whole.totals.update(verdict.totals)
        whole.stages.update(verdict.stages)
        whole.unlisted += verdict.unlisted
        whole.open += verdict.open
        if len(whole.open) > 2 * MOST_LISTED:
            whole.open = nsmallest(MOST_LISTED, whole.open, key=urgency)
        room = MOST_LISTED - len(whole.differences)
        whole.differences += verdict.differences[:room]
        whole.unlisted += len(verdict.differences[room:])
        whole.beyond += verdict.beyond[: MOST_LISTED - len(whole.beyond)]
    return whole
