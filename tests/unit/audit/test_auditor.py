"""A difference is one only if it stays: everything that seems wrong is looked at again."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from connector.audit.asking import Asking
from connector.audit.auditor import Auditor, Plan, Report
from connector.audit.findings import Column, Kind, Line
from connector.audit.gathering import Gathered
from connector.audit.spill import Spill
from connector.contracts.catalogue import TopicRole
from connector.domain.ids import AnnotationId, DocumentId, QueueId
from connector.domain.readings import (
    AnnotationReading,
    DocumentReading,
    Listing,
    ListingPage,
    ListingRow,
)
from connector.domain.rows import HeaderRow, ImportRow, ImportState, SweepRow
from connector.kafka.reading import Stretch
from connector.ports import Lane
from connector.progress import Progress
from tests.unit.audit.evidence_of import ENTITY, NAMES, NUMBER, QUEUE, Story, at, clock

URL = "https://example.test/api/v1"
HEADER = HeaderRow("incarnation", clock(0), "group", 12, 1, "1")
NOW = at(5000)


@dataclass(slots=True)
class Kafka:
    """Tells at each look what somebody puts into its list of looks."""

    spill: Spill
    looks: list[Callable[[Spill], None]]
    found: Gathered = field(default_factory=lambda: Gathered(header=HEADER))
    count: int = 0

    async def look(self, _progress: Progress) -> Spill:
        """One look."""
        if self.count < len(self.looks):
            self.looks[self.count](self.spill)
        self.count += 1
        return self.spill


@dataclass(slots=True)
class Rossum:
    """Shows captures at the first question, and what has become of them afterwards."""

    listed: tuple[ListingRow, ...] = ()
    now: Mapping[AnnotationId, AnnotationReading] = field(default_factory=dict)
    made: Mapping[int, DocumentReading] = field(default_factory=dict)

    async def list_annotations(self, listing: Listing, *, lane: Lane = Lane.SWEEPS) -> ListingPage:
        """All in one page."""
        assert lane is Lane.OPS
        rows = tuple(r for r in self.listed if listing.after <= r.clocks[listing.clock] <= listing.before)
        return ListingPage(rows, len(rows), more=False, at=NOW)

    async def annotations(
        self, ids: Collection[AnnotationId], *, lane: Lane = Lane.READS
    ) -> Mapping[AnnotationId, AnnotationReading]:
        """Whatever was asked."""
        del ids, lane
        return self.now

    async def documents(self, ids: Collection[int]) -> Mapping[int, DocumentReading]:
        """Whatever was asked."""
        del ids
        return self.made


class Clock:
    """Time that passes at once."""

    def now(self) -> datetime:
        """A moment."""
        return NOW

    def monotonic(self) -> float:
        """Another."""
        return 0.0

    async def sleep(self, seconds: float) -> None:
        """Not at all."""
        del seconds


class Nobody:
    """Who is told of progress."""

    def begin(self, what: str, total: int | None = None) -> None:
        """Nobody listens."""
        del what, total

    def step(self, count: int = 1) -> None:
        """Likewise."""
        del count


@pytest.fixture
async def spill(tmp_path: Path) -> AsyncIterator[Spill]:
    """One file: all differences are looked at together."""
    made = Spill(tmp_path, records=0)
    yield made
    made.close()


async def audit(kafka: Kafka, rossum: Rossum | None = None, **plan: Any) -> Report:
    """The report of one audit."""
    asking = Asking(rossum or Rossum(), Clock(), [QUEUE])
    whole = replace(Plan(URL, ("exported",), NAMES), **plan)
    return await Auditor(kafka, asking, whole, clock=Clock(), progress=Nobody()).run(NOW)


def published() -> Story:
    """An annotation that was exported and published."""
    story = Story()
    story.look("exported", now=20, exported_at=clock(10))
    return story


def row_of(story: Story) -> Callable[[Spill], None]:
    """The ledger shows its row."""
    return lambda spill: spill.put_row(ENTITY, story.row)


def records_of(story: Story) -> Callable[[Spill], None]:
    """The topics show its events."""

    def put(spill: Spill) -> None:
        for sighting in story.sightings:
            spill.put_sighting(ENTITY, sighting)

    return put


async def test_a_difference_that_stays_is_told(spill: Spill) -> None:
    """After a second look at everything."""
    kafka = Kafka(spill, [row_of(published())])

    report = await audit(kafka)

    assert [d.kind for d in report.verdict.differences] == [Kind.MISSING_EVENT]
    assert (kafka.count, report.unsettled) == (2, 0)


async def test_a_difference_that_goes_away_was_none(spill: Spill) -> None:
    """The event was on its way."""
    story = published()

    report = await audit(Kafka(spill, [row_of(story), records_of(story)]))

    assert report.verdict.differences == []
    assert report.verdict.totals[Line.CAPTURED, Column.OUT] == 1


async def test_a_difference_that_appears_later_gets_its_second_look(spill: Spill) -> None:
    """Here the event comes at the third, while another one stays away."""
    story, other = published(), published()
    assert story.row is not None

    def other_row(spill: Spill) -> None:
        spill.put_row("annotation/1", other.row)

    kafka = Kafka(spill, [other_row, row_of(story), records_of(story)])

    report = await audit(kafka)

    assert {d.entity for d in report.verdict.differences} == {"annotation/1"}
    assert kafka.count == 3


async def test_what_never_comes_to_rest_is_not_called_a_difference(spill: Spill) -> None:
    """Something new at every look: the last of it has been seen once only, and is counted apart."""
    story = published()

    def another(number: int) -> Callable[[Spill], None]:
        return lambda spill: spill.put_row(f"annotation/{number}", story.row)

    kafka = Kafka(spill, [another(number) for number in range(100, 120)])

    report = await audit(kafka)

    assert report.unsettled == 1
    assert len(report.verdict.differences) == kafka.count - 1


async def test_what_rossum_shows_is_asked_again(spill: Spill) -> None:
    """An annotation that was exported anew, or purged, in between is no difference any more."""
    row = ListingRow(NUMBER, "exported", QUEUE, None, {"exported_at": clock(10)})
    url = f"{URL}/annotations/{NUMBER}"
    reading = AnnotationReading(NUMBER, url, "exported", QUEUE, None, {"exported_at": clock(10)}, NOW)

    def swept(gathered: Gathered) -> Gathered:
        gathered.sweeps["exported_at"] = SweepRow("exported_at", clock(4900), (QUEUE,), deep_at=clock(4000))
        return gathered

    still = await audit(Kafka(spill, [], swept(Gathered(header=HEADER))), Rossum((row,), {NUMBER: reading}))
    purged = await audit(
        Kafka(spill, [], swept(Gathered(header=HEADER))), Rossum((row,), {NUMBER: replace(reading, status="purged")})
    )

    assert [d.kind for d in still.verdict.differences] == [Kind.NOT_CAPTURED]
    assert purged.verdict.differences == []


@pytest.mark.parametrize(("created", "is_twin"), [(4500, False), (100, True)], ids=["copy", "twin"])
async def test_twins_are_told_from_copies_by_asking(spill: Spill, created: float, *, is_twin: bool) -> None:
    """A document that was made much later is a copy."""
    upload = ImportRow(ImportState.AMBIGUOUS, "key", intent_at=clock(0), documents=(8, 9))
    made = {
        number: DocumentReading(DocumentId(number), f"{URL}/documents/{number}", "x", clock(seconds), None, ())
        for number, seconds in ((8, 1.0), (9, created))
    }

    report = await audit(Kafka(spill, [lambda spill: spill.put_row("import/a", upload)]), Rossum(made=made))

    assert [d.kind for d in report.verdict.differences] == ([Kind.TWIN] if is_twin else [])
    assert [(item.entity, item.stage) for item in report.verdict.open] == [("import/a", "import ambiguous")]


async def test_the_window_begins_at_the_horizon(spill: Spill) -> None:
    """What is older is counted with one call, or compared when a person wants it."""
    old = ListingRow(NUMBER, "exported", QUEUE, None, {"exported_at": clock(-1000)})

    counted = await audit(Kafka(spill, []), Rossum((old,)))
    compared = await audit(Kafka(spill, []), Rossum((old,)), beyond_horizon=True)

    assert (counted.before_horizon, counted.verdict.beyond) == (1, [])
    assert (compared.before_horizon, compared.verdict.beyond) == (None, [(ENTITY, clock(-1000))])


async def test_a_window_of_a_person_limits_what_is_asked(spill: Spill) -> None:
    """Both bounds count in."""
    rows = tuple(
        ListingRow(AnnotationId(number), "exported", QueueId(QUEUE), None, {"exported_at": clock(seconds)})
        for number, seconds in enumerate([10, 19, 20, 30, 31, 40])
    )

    report = await audit(Kafka(spill, []), Rossum(rows), since=clock(20), until=clock(30))

    assert report.verdict.totals[Line.ROSSUM, Column.IN] == 2


async def test_records_that_were_deleted_unread_are_a_difference(spill: Spill) -> None:
    """Of a topic that the ledger knows nothing of; it needs no second look."""
    gone = Stretch(NAMES[TopicRole.ARRIVED], 3, 5, 9)

    report = await audit(Kafka(spill, [], Gathered(header=HEADER, lost={(TopicRole.ARRIVED, 3, 5): gone})))

    (difference,) = report.verdict.differences
    assert (difference.kind, difference.entity) == (Kind.LOST, f"{gone.topic}[3]")
    assert difference.fact == "offsets 5 to 8"
    assert difference.sentence.endswith("announce these documents again")
