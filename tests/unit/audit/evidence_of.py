"""Makes evidence as a perfect connector would leave it: the real decisions, their events as records of topics."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from connector.audit.evidence import Entry, Grounds, Heads, Sighting
from connector.audit.findings import Column, Kind, Line, Verdict
from connector.contracts.catalogue import CATALOGUE, TopicRole
from connector.contracts.envelope import Event
from connector.contracts.published import Published
from connector.domain.annotation_outcome import AnnotationRules, Seen, Subject, decide
from connector.domain.annotation_state import Policy
from connector.domain.identity import Identity
from connector.domain.ids import AnnotationId, QueueId, annotation_entity, event_namespace, format_clock
from connector.domain.messages import Hint, Via
from connector.domain.readings import AnnotationReading, ExportReading
from connector.domain.rows import AnnotationRow

NUMBER, QUEUE = AnnotationId(4711), QueueId(8198)
ENTITY = annotation_entity(NUMBER)
START = datetime(2026, 3, 1, tzinfo=UTC)
IDENTITY = Identity(event_namespace(1), "https://example.test/api/v1")
POLICY = Policy(("exported",), format_clock(START))
PARTITIONS = dict.fromkeys(TopicRole, 12)
NAMES = {role: role.value for role in TopicRole}
GROUNDS = Grounds(
    identity=IDENTITY,
    capture=("exported",),
    horizon=format_clock(START),
    topics=NAMES,
    heads=Heads(PARTITIONS),
)


def at(seconds: float) -> datetime:
    """An instant of the story."""
    return START + timedelta(seconds=seconds)


def clock(seconds: float) -> str:
    """The same as clock text."""
    return format_clock(at(seconds))


def milliseconds(seconds: float) -> int:
    """The same as a record has it."""
    return int(at(seconds).timestamp() * 1000)


class Story:
    """One annotation: looks at it, and what they leave in ledger and topics.

    Attributes:
        readable: Whether Rossum gives its captured data out.
    """

    def __init__(self) -> None:
        self.readable = True
        self.row: AnnotationRow | None = None
        self.sightings: list[Sighting] = []
        self._offset = 0

    def look(self, status: str, *hints: Hint, now: float, **clocks: str) -> None:
        """The owner reads and decides."""
        url = f"https://example.test/api/v1/annotations/{NUMBER}"
        shown = AnnotationReading(NUMBER, url, status, QUEUE, None, {"arrived_at": clock(0), **clocks}, at(now))
        export = ExportReading(NUMBER, url, status, QUEUE, shown.at, [], exported_at=clocks.get("exported_at"))
        outcome = decide(
            Subject(NUMBER, self.row, hints),
            Seen(shown, export if self.readable else None, readable=self.readable),
            AnnotationRules(IDENTITY, POLICY),
        ).outcome
        row = outcome.rows.get(ENTITY)
        self.row = row if isinstance(row, AnnotationRow) else self.row
        self.sightings += self.records(outcome.events, now)

    def records(self, events: Iterable[Event], now: float) -> list[Sighting]:
        """Events as records, one per topic."""
        made = []
        for event in events:
            published = Published(event.id, event.name, event.subject, event.revision, event.replay)
            for role in CATALOGUE[event.name].topics:
                self._offset += 1
                made.append(Sighting(role, published, 3, self._offset, milliseconds(now)))
        return made

    @property
    def entry(self) -> Entry:
        """All of it as evidence."""
        return Entry(ENTITY, self.row, list(self.sightings))


ACTIONS = st.lists(st.sampled_from(["export", "review", "reject", "confirm", "late", "look"]), min_size=1, max_size=20)


def lived(actions: list[str]) -> Story:
    """An annotation to which these things happen, looked at after each of them."""
    story, status, clocks = Story(), "to_review", dict[str, str]()
    promised: list[Hint] = []
    names = {"export": ("exported", "exported_at"), "reject": ("rejected", "rejected_at")}
    names["confirm"] = ("confirmed", "confirmed_at")
    for second, action in enumerate([*actions, "look"], start=1):
        hints: list[Hint] = []
        if action in names:
            status, name = names[action]
            clocks[name] = clock(second)
            promised.append(Hint(NUMBER, Via.WEBHOOK, status, QUEUE, dict(clocks)))
        elif action == "review":
            status = "to_review"
        elif action == "late":
            hints = promised[:1]
        if action in ("look", "late", "review"):
            story.look(status, *hints, now=second, **clocks)
    return story


def kinds(verdict: Verdict) -> list[Kind]:
    """What kinds of differences there are."""
    return [difference.kind for difference in verdict.differences]


def balances(verdict: Verdict) -> bool:
    """Whether every line adds up."""
    columns = [column for column in Column if column is not Column.IN]
    totals = verdict.totals
    return all(totals[line, Column.IN] == sum(totals[line, c] for c in columns) for line in Line)
