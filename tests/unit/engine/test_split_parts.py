"""The parts of a split are told once: not before Rossum has shown all of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

from connector.domain.ids import AnnotationId, DocumentId
from connector.domain.readings import DocumentReading
from connector.engine.services import Services
from connector.engine.split_parts import STEADY_FOR, parts_of_split
from connector.engine.waiting_room import Waiting
from tests.support.virtual_clock import VirtualClock

ROOT = 1
HALF, WHOLE = {2: [20]}, {2: [20], 3: [30]}


@dataclass
class Shows:
    """Rossum, that shows the annotations of each part."""

    parts: dict[int, list[int]] = field(default_factory=dict)
    clock: VirtualClock = field(default_factory=VirtualClock)
    waiting: Waiting = field(default_factory=lambda: Waiting(0.0))

    @property
    def rossum(self) -> "Shows":
        """Itself."""
        return self

    async def children(self, document: int) -> Sequence[DocumentReading]:
        """The parts."""
        return [
            DocumentReading(DocumentId(n), f"/{n}", "a.pdf", "", DocumentId(document), tuple(map(AnnotationId, shown)))
            for n, shown in self.parts.items()
        ]

    async def look(
        self, parts: dict[int, list[int]], *, after: float = STEADY_FOR, patient: bool = True
    ) -> list[int] | None:
        """What is told when Rossum shows these, some seconds after the last look."""
        self.parts = parts
        await self.clock.advance(after)
        found = await parts_of_split(cast("Services", self), ROOT, self.waiting, patient=patient)
        return None if found is None else sorted(found)


async def test_a_part_that_shows_up_late_is_told() -> None:
    """A replica that lags shows one of two."""
    rossum = Shows()

    assert [await rossum.look(shown) for shown in ({}, HALF, WHOLE, WHOLE)] == [None, None, None, [20, 30]]


async def test_a_part_without_an_annotation_is_waited_for() -> None:
    """Its document is there already."""
    rossum = Shows()

    assert [await rossum.look({2: [20], 3: []}) for _ in range(3)] == [None] * 3
    assert [await rossum.look(WHOLE) for _ in range(2)] == [None, [20, 30]]


async def test_two_looks_in_one_moment_are_one() -> None:
    """The same replica may have answered both."""
    rossum = Shows()

    assert [await rossum.look(WHOLE, after=0.0) for _ in range(3)] == [None] * 3
    assert await rossum.look(WHOLE) == [20, 30]


async def test_what_comes_meanwhile_keeps_what_was_seen() -> None:
    """A hint must not begin the wait anew."""
    rossum = Shows()
    await rossum.look(WHOLE)
    later = Waiting(0.0)
    later.merge(rossum.waiting)
    rossum.waiting = later

    assert await rossum.look(WHOLE) == [20, 30]


async def test_without_patience_it_is_what_is_shown() -> None:
    """Nothing waits for ever, not even for a part that has no annotation."""
    assert await Shows().look({2: [20], 3: []}, patient=False) == [20]
