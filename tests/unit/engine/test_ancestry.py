"""Whose part an annotation is, by what Rossum shows above it."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from connector.domain.annotation_hints import Need
from connector.domain.annotation_outcome import AnnotationRules
from connector.domain.annotation_state import Policy
from connector.domain.ids import AnnotationId, DocumentId, ImportId, QueueId, format_clock
from connector.domain.messages import Hint, Via, WorkMessage
from connector.domain.readings import AnnotationReading, DocumentReading, Mark
from connector.engine.ancestry import DEEPEST, PATIENCE, Ancestry, Found, links_by_ancestors
from connector.engine.ledger_view import LedgerView
from connector.engine.services import Services
from connector.engine.waiting_room import Batch, Waiting
from connector.errors import KafkaUnavailable
from connector.metrics import NAMESPACE
from connector.ports import Rossum
from connector.state.memory import MemoryState
from connector.telemetry import Telemetry
from tests.unit.domain.annotation_story import RULES

AT = datetime(2026, 3, 1, tzinfo=UTC)
#: Seconds since the horizon.
SINCE = 3600.0
SINCE_THEN = replace(RULES, policy=Policy(("exported",), format_clock(AT - timedelta(seconds=SINCE))))
MARK = Mark(ImportId("3f0c"), "doc-1", {"causation": "t/0/1"})


def shown(number: int, status: str = "to_review", mark: Mark | None = None) -> AnnotationReading:
    """An annotation; its document has the same number."""
    return AnnotationReading(
        AnnotationId(number), f"/{number}", status, QueueId(1), DocumentId(number), {}, AT, mark=mark, relations=("/1",)
    )


@dataclass(slots=True)
class Shows:
    """Rossum with a line of documents: 1 is the root, each further one was split from the one before."""

    annotations_: list[AnnotationReading]
    without: Collection[int] = ()
    calls: list[str] = field(default_factory=list)

    async def documents(self, ids: Collection[int]) -> Mapping[int, DocumentReading]:
        """Those of the line."""
        self.calls.append("documents")
        every = {reading.id: self._document(reading.id) for reading in self.annotations_}
        return {number: every[AnnotationId(number)] for number in ids if number in every}

    def _document(self, number: int) -> DocumentReading:
        parent = DocumentId(number - 1) if number > 1 else None
        own = () if number in self.without else (AnnotationId(number),)
        return DocumentReading(DocumentId(number), f"/{number}", "a.pdf", "", parent, own)

    async def annotations(self, ids: Collection[int], **_lane: Any) -> Mapping[AnnotationId, AnnotationReading]:
        """Those that are named."""
        self.calls.append("annotations")
        return {reading.id: reading for reading in self.annotations_ if reading.id in ids}


async def found_above(rossum: Shows) -> Found:
    """What is found above the last of the line."""
    return await links_by_ancestors(cast("Rossum", rossum), [rossum.annotations_[-1]])


@pytest.mark.parametrize("splits", [1, 2, DEEPEST - 1])
async def test_the_mark_of_the_root_is_found_however_far_up(splits: int) -> None:
    """One read of the documents a level and one of all annotations lead to import, key and root."""
    line = [shown(1, "split", MARK), *(shown(n, "split") for n in range(2, splits + 1)), shown(splits + 1)]
    rossum = Shows(line)

    found = await found_above(rossum)

    link = found.links[AnnotationId(splits + 1)]
    assert (link.import_id, link.document_key, link.root, link.origin) == ("3f0c", "doc-1", 1, MARK.origin)
    assert found.unmarked == {}
    assert rossum.calls == ["documents"] * (splits + 1) + ["annotations"]


@pytest.mark.parametrize("status", ["deleted", "purged", "to_review"])
async def test_a_marked_root_tells_whatever_became_of_it(status: str) -> None:
    """A root that was deleted after its split, or that a list shows as it was before, is a root."""
    found = await found_above(Shows([shown(1, status, MARK), shown(2)]))

    assert found.links[AnnotationId(2)].root == 1


async def test_without_a_mark_all_above_are_to_be_asked() -> None:
    """The nearest first; one that a list shows before its split counts."""
    found = await found_above(Shows([shown(1, "importing"), shown(2, "split"), shown(3)]))

    assert found.links == {}
    assert [reading.id for reading in found.unmarked[AnnotationId(3)]] == [2, 1]


@pytest.mark.parametrize(
    "rossum",
    [
        pytest.param(Shows([shown(1)]), id="a root"),
        pytest.param(Shows([shown(1, "exported"), shown(2)]), id="below what was not split"),
        pytest.param(Shows([shown(1), shown(2)], without={1}), id="in an archive"),
    ],
)
async def test_what_is_no_part_of_a_split_is_left_alone(rossum: Shows) -> None:
    """Nobody is asked, nothing is linked."""
    assert await found_above(rossum) == Found()


async def test_a_ring_of_documents_has_an_end() -> None:
    """Nonsense of Rossum's makes no endless walk."""
    line = [shown(n, "split") for n in range(1, 4)]

    class Ring(Shows):
        def _document(self, number: int) -> DocumentReading:
            document = super()._document(number)
            return document if document.parent is not None else replace(document, parent=DocumentId(3))

    found = await found_above(Ring(line))

    assert len(found.unmarked[AnnotationId(3)]) <= DEEPEST


@dataclass(slots=True)
class Outside:
    """What an owner has around it: Rossum, the work log, the rules, metrics; its ledger is empty."""

    rossum: Shows
    sent: list[WorkMessage] = field(default_factory=list)
    fails: bool = False
    annotations: AnnotationRules = SINCE_THEN
    telemetry: Telemetry = field(default_factory=Telemetry)

    @property
    def work(self) -> "Outside":
        """The work log."""
        return self

    async def send(self, messages: Iterable[WorkMessage]) -> None:
        """Take messages, or fail as a broker that is away."""
        if self.fails:
            raise KafkaUnavailable
        self.sent += messages

    def ancestry(self) -> Ancestry:
        """The part that is tested."""
        return Ancestry(cast("Services", self), LedgerView(MemoryState(), 0))


@pytest.mark.parametrize("fails", [False, True])
async def test_a_part_asks_once_and_waits_for_so_long(*, fails: bool) -> None:
    """Those above are asked to look; without their word the part goes on by itself, whatever else it waited for."""
    outside = Outside(Shows([shown(1, "split"), shown(2, "split"), shown(3)]), fails=fails)
    ancestry, part = outside.ancestry(), shown(3)
    batch = Batch(Need.LISTING, None, {part.id: Waiting(0.0, tries=7)})

    waits = [await ancestry.link(batch, [part]) for _ in range(PATIENCE + 2)]

    assert waits == [[part.id]] * PATIENCE + [[], []]
    asked = [Hint(AnnotationId(number), Via.READ, "split", QueueId(1)) for number in (2, 1)]
    assert outside.sent == ([] if fails else asked)
    counted = outside.telemetry.registry.get_sample_value(f"{NAMESPACE}_hints_written_total", {"via": "read"})
    assert (counted or 0) == len(outside.sent)


@pytest.mark.parametrize(
    ("age", "mark", "expected"),
    [
        pytest.param(1.0, None, True, id="new"),
        pytest.param(SINCE, None, True, id="from an outage"),
        pytest.param(SINCE + 1.0, None, False, id="before the horizon"),
        pytest.param(1.0, MARK, False, id="ours"),
    ],
)
def test_a_stranger_is_read_twice_however_old(age: float, mark: Mark | None, *, expected: bool) -> None:
    """What arrived before our time, and what carries our mark, is decided by the export alone."""
    reading = replace(shown(3, mark=mark), clocks={"arrived_at": format_clock(AT - timedelta(seconds=age))})

    assert Outside(Shows([])).ancestry().is_stranger(reading) is expected
