"""The parts of a split are told once: not before Rossum has shown all of them."""

from dataclasses import dataclass, field

from connector.domain.ids import AnnotationId, DocumentId
from connector.domain.readings import DocumentReading
from connector.domain.split_parts import STEADY_FOR
from connector.engine.waiting_room import Waiting

ROOT = DocumentId(1)
HALF, WHOLE = {2: [20]}, {2: [20], 3: [30]}


@dataclass
class Looks:
    """Looks at a split, one after the other."""

    now: float = 1000.0
    waiting: Waiting = field(default_factory=lambda: Waiting(0.0))

    def look(self, parts: dict[int, list[int]], *, after: float = STEADY_FOR, patient: bool = True) -> list[int] | None:
        """What is told when Rossum shows the annotations of these parts, some seconds after the last look."""
        self.now += after
        documents = [
            DocumentReading(DocumentId(n), f"/{n}", "a.pdf", "", ROOT, tuple(map(AnnotationId, shown)))
            for n, shown in parts.items()
        ]
        found = self.waiting.parts.told(documents, now=self.now, patient=patient)
        return None if found is None else sorted(found)


def test_a_part_that_shows_up_late_is_told() -> None:
    """A replica that lags shows one of two."""
    looks = Looks()

    assert [looks.look(shown) for shown in ({}, HALF, WHOLE, WHOLE)] == [None, None, None, [20, 30]]


def test_a_part_without_an_annotation_is_waited_for() -> None:
    """Its document is there already."""
    looks = Looks()

    assert [looks.look({2: [20], 3: []}) for _ in range(3)] == [None] * 3
    assert [looks.look(WHOLE) for _ in range(2)] == [None, [20, 30]]


def test_two_looks_in_one_moment_are_one() -> None:
    """The same replica may have answered both."""
    looks = Looks()

    assert [looks.look(WHOLE, after=0.0) for _ in range(3)] == [None] * 3
    assert looks.look(WHOLE) == [20, 30]


def test_what_comes_meanwhile_keeps_what_was_seen() -> None:
    """A hint must not begin the wait anew."""
    looks = Looks()
    looks.look(WHOLE)
    later = Waiting(0.0)
    later.merge(looks.waiting)
    looks.waiting = later

    assert looks.look(WHOLE) == [20, 30]


def test_without_patience_it_is_what_is_shown() -> None:
    """Nothing waits for ever, not even for a part that has no annotation."""
    assert Looks().look({2: [20], 3: []}, patient=False) == [20]
