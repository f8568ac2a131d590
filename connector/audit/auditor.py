"""An audit from beginning to end: gather, judge, and look again at whatever seems to differ."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from connector.audit.asking import Asking
from connector.audit.comparison import judge
from connector.audit.evidence import Grounds, Swept
from connector.audit.findings import Difference, Kind, Verdict, merged
from connector.audit.gathering import Gathered
from connector.audit.spill import Spill
from connector.clock import Clock
from connector.contracts.catalogue import TopicRole
from connector.domain.annotation_state import CLOCK_OF
from connector.domain.identity import Identity
from connector.domain.ids import AnnotationId, event_namespace, format_clock
from connector.domain.rows import HeaderRow
from connector.kafka.losses import AFTER_A_LOSS
from connector.progress import Progress
from connector.window_listing import EARLIEST, Window

#: Seconds before whatever differs is looked at again, and how often at most.
PAUSE, MOST_LOOKS = 3.0, 5
#: Ids of one question to Rossum.
IDS_A_CALL = 100


@dataclass(frozen=True, slots=True)
class Plan:
    """What is audited.

    Attributes:
        window: Clock texts that limit what Rossum is asked about; None = since the horizon, until now.
        beyond_horizon: Whether to ask about everything before the horizon too.
        start: `SWEEP__START`, clock text.
        deep_overlap: How far deep sweeps look back (seconds).
        topics: Names, for sentences.
    """

    base_url: str
    capture: tuple[str, ...]
    topics: Mapping[TopicRole, str]
    since: str | None = None
    until: str | None = None
    beyond_horizon: bool = False
    start: str | None = None
    deep_overlap: float = 900.0
    exactly_once: bool = True


@dataclass(frozen=True, slots=True)
class Report:
    """What an audit has found.

    Attributes:
        window: What Rossum was asked about.
        at: Rossum's time when it began.
        before_horizon: How many captures Rossum has from before the horizon; None where they were compared one by one.
        unsettled: Differences that came and went while it was looked.
    """

    verdict: Verdict
    gathered: Gathered
    header: HeaderRow
    grounds: Grounds
    window: Window
    at: datetime
    before_horizon: int | None
    unsettled: int = 0
    looks: int = 1


@dataclass(slots=True)
class _Looks:
    """Verdicts by file, and which differences have been seen more than once."""

    verdicts: dict[int, Verdict] = field(default_factory=dict)
    seen: set[tuple[Kind, str, str]] = field(default_factory=set)

    def differences(self) -> list[Difference]:
        return [d for verdict in self.verdicts.values() for d in verdict.differences]


class Gathers(Protocol):
    """Reads what Kafka holds into files by entity; see :class:`connector.audit.gathering.Gathering`."""

    @property
    def found(self) -> Gathered:
        """What it told beside that."""

    async def look(self, progress: Progress) -> Spill:
        """Read what is new of everything."""


class Auditor:
    """Audits once; see the module."""

    def __init__(self, gathering: Gathers, asking: Asking, plan: Plan, *, clock: Clock, progress: Progress) -> None:
        self._gathering = gathering
        self._asking = asking
        self._plan = plan
        self._clock = clock
        self._progress = progress

    async def run(self, now: datetime) -> Report:
        """Everything, at Rossum's time `now`.

        Raises:
            Refused: There is nothing to audit, or a topic is missing.
            Retryable, NotOurs: Kafka or Rossum does not answer, or not us.
        """
        spill = await self._gathering.look(self._progress)
        grounds = self._grounds()
        window = self._window(grounds, now)
        for clock in self._clocks():
            await self._asking.captures(clock, window, spill, self._progress)
        before = None if self._plan.beyond_horizon else await self._before(window.after)
        looks = _Looks()
        self._judge(spill, grounds, range(len(spill)), looks)
        confirmed, unsettled, count = await self._look_again(spill, looks)
        verdict = merged(looks.verdicts.values())
        found = self._gathering.found
        verdict.differences = sorted([*confirmed, *_losses(found)])
        return Report(verdict, found, _header(found), grounds, window, now, before, unsettled, count)

    def _clocks(self) -> list[str]:
        return sorted({CLOCK_OF[status] for status in self._plan.capture})

    async def _before(self, horizon: str) -> int:
        return sum([await self._asking.count(clock, horizon) for clock in self._clocks()])

    def _window(self, grounds: Grounds, now: datetime) -> Window:
        since = self._plan.since or (EARLIEST if self._plan.beyond_horizon else grounds.horizon)
        return Window(since, self._plan.until or format_clock(now))

    def _grounds(self) -> Grounds:
        plan, found, header = self._plan, self._gathering.found, _header(self._gathering.found)
        overlap = timedelta(seconds=plan.deep_overlap)
        horizon = plan.start or header.start
        swept = {
            clock: Swept(format_clock(datetime.fromisoformat(row.watermark) - overlap), frozenset(row.queues))
            for clock, row in found.sweeps.items()
        }
        return Grounds(
            identity=Identity(event_namespace(header.organization, header.identity_version), plan.base_url),
            capture=plan.capture,
            horizon=horizon,
            topics=plan.topics,
            floors=found.floors,
            partitions=found.partitions,
            starts=frozenset({header.start, horizon}),
            swept=swept,
            heads=found.heads,
            settled=found.settled,
            exactly_once=plan.exactly_once,
        )

    def _judge(self, spill: Spill, grounds: Grounds, places: Sequence[int], looks: _Looks) -> None:
        self._progress.begin("comparing", len(places))
        for place in places:
            looks.verdicts[place] = merged(judge(entry, grounds) for entry in spill.entries(place))
            self._progress.step()

    async def _look_again(self, spill: Spill, looks: _Looks) -> tuple[list[Difference], int, int]:
        """What differs in two looks, how many differences did not stay, and the number of looks.

        What is on its way is gone at the second look; what appears there for the first time gets one of its own.
        """
        count = 1
        while (differences := looks.differences()) and count < MOST_LOOKS:
            new = {d.identity for d in differences} - looks.seen
            if not new:
                break
            looks.seen |= new
            await self._clock.sleep(PAUSE)
            await self._gathering.look(self._progress)
            await self._ask_again(spill, differences)
            places = sorted({spill.place_of(d.entity) for d in differences})
            self._judge(spill, self._grounds(), places, looks)
            count += 1
        confirmed = [d for d in looks.differences() if d.identity in looks.seen]
        return confirmed, len(looks.differences()) - len(confirmed), count

    async def _ask_again(self, spill: Spill, differences: Iterable[Difference]) -> None:
        for difference in differences:
            if difference.kind is Kind.TWIN:
                numbers = [int(n) for n in difference.fact.removeprefix("documents ").split(", ")]
                await self._asking.documents(difference.entity, numbers, spill)
        unpublished = sorted({d.entity for d in differences if d.kind is Kind.NOT_CAPTURED})
        ids = [AnnotationId(int(entity.partition("/")[2])) for entity in unpublished]
        for start in range(0, len(ids), IDS_A_CALL):
            for clock in self._clocks():
                await self._asking.again(ids[start : start + IDS_A_CALL], clock, spill)


def _losses(found: Gathered) -> Iterator[Difference]:
    """Nobody can say more of them than where they stood."""
    for (role, partition, start), gone in found.lost.items():
        sentence = f"deleted before the connector had read them: {AFTER_A_LOSS[role]}"
        yield Difference(Kind.LOST, f"{gone.topic}[{partition}]", f"offsets {start} to {gone.end - 1}", sentence)


def _header(found: Gathered) -> HeaderRow:
    assert found.header is not None, "looked at before"
    return found.header
