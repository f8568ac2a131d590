"""An annotation's own mark is found by the name of its document, or of the document that it is a part of."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from connector.domain.file_names import sign_of
from connector.domain.ids import AnnotationId, DocumentId, ImportId, QueueId
from connector.domain.readings import AnnotationReading, DocumentReading, GatherMark, Mark
from connector.ports import Lane
from connector.rossum.gathered import GatheredMarks

NOW = datetime(2026, 1, 1, tzinfo=UTC)
OWN = Mark(ImportId("import-a"), "key-a")
GATHERED = GatherMark(
    "g",
    {sign_of("a.pdf"): OWN, sign_of("b.pdf"): Mark(ImportId("import-b"), "key-b")},
    {sign_of("a.pdf"): {"po": "77", "note": "as sent"}, sign_of("b.pdf"): {"po": "78"}},
)


@dataclass
class Shelf:
    """Documents as Rossum shows them, in lists and one by one, and how often it was asked for each."""

    shown: dict[int, DocumentReading] = field(default_factory=dict)
    there: dict[int, DocumentReading] = field(default_factory=dict)
    asked: list[int] = field(default_factory=list)

    def put(self, number: int, name: str, parent: int | None = None, *, listed: bool = True) -> None:
        """From now on it is there, and lists show it unless they lag."""
        above = None if parent is None else DocumentId(parent)
        self.there[number] = DocumentReading(DocumentId(number), "https://x", name, "2026", above, ())
        if listed:
            self.shown[number] = self.there[number]

    async def read(self, ids: Collection[DocumentId], lane: Lane) -> Mapping[DocumentId, DocumentReading]:
        """Those that are shown."""
        assert lane is Lane.READS
        self.asked += sorted(ids)
        return {number: self.shown[number] for number in ids if number in self.shown}

    async def read_one(self, number: DocumentId) -> DocumentReading | None:
        """It, if it is there."""
        return self.there.get(number)


def reading(number: int, document: int | None, gathered: GatherMark | None = GATHERED) -> AnnotationReading:
    """An annotation whose metadata carries that mark."""
    below = None if document is None else DocumentId(document)
    return AnnotationReading(
        AnnotationId(number), "https://x", "to_review", QueueId(1), below, {}, NOW, gathered=gathered
    )


async def marks(shelf: Shelf, *readings: AnnotationReading, times: int = 1) -> dict[int, Mark | None]:
    """The mark of each that is told."""
    gathered = GatheredMarks(shelf.read, shelf.read_one)
    for _ in range(times):
        told = await gathered.told({each.id: each for each in readings}, Lane.READS)
    return {number: each.mark for number, each in told.items()}


async def test_a_document_that_is_not_shown_yet_hides_its_annotation() -> None:
    """Without its mark it would be published as a stranger's; what has no such mark is shown at once."""
    shelf = Shelf()

    assert await marks(shelf, reading(1, 10), reading(2, 20, gathered=None)) == {2: None}

    shelf.put(10, "a.pdf")
    assert await marks(shelf, reading(1, 10)) == {1: OWN}


async def test_alone_it_is_shown_as_it_is() -> None:
    """The last resort of whoever waited in vain: there is no such document any more."""
    shelf = Shelf()

    told = await GatheredMarks(shelf.read, shelf.read_one).told_as_it_is(reading(1, 10), Lane.READS)

    assert told.mark is None


async def test_alone_it_is_of_its_document_although_no_list_shows_that_yet() -> None:
    """Lists that lag for long must not make a stranger of it, nor of a part whose whole they do not show."""
    shelf = Shelf()
    shelf.put(10, "a.pdf", listed=False)
    shelf.put(11, "part 1.pdf", parent=10, listed=False)
    gathered = GatheredMarks(shelf.read, shelf.read_one)

    part = await gathered.told_as_it_is(reading(1, 11), Lane.READS)
    whole = await gathered.told_as_it_is(reading(2, 10), Lane.READS)

    assert (part.mark, whole.mark) == (OWN, OWN)


async def test_a_part_belongs_to_the_import_of_the_whole() -> None:
    """Parts of a split may keep the metadata; their names are their own."""
    shelf = Shelf()
    shelf.put(10, "a.pdf")
    shelf.put(11, "part 1.pdf", parent=10)
    shelf.put(12, "stranger.pdf")

    assert await marks(shelf, reading(1, 11), reading(2, 12), reading(3, None)) == {1: OWN, 2: None, 3: None}


async def test_the_metadata_of_others_is_not_its_own() -> None:
    """Also of a part; what somebody wrote in Rossum since is newer than what was sent."""
    shelf = Shelf()
    shelf.put(10, "a.pdf")
    shelf.put(11, "part 1.pdf", parent=10)
    shelf.put(12, "b.pdf")
    edited = replace(reading(1, 10), metadata={"site": "Brno", "note": "edited"})

    told = await GatheredMarks(shelf.read, shelf.read_one).told(
        {AnnotationId(1): edited, AnnotationId(2): reading(2, 11), AnnotationId(3): reading(3, 12)}, Lane.READS
    )

    assert {number: each.metadata for number, each in told.items()} == {
        1: {"site": "Brno", "note": "edited", "po": "77"},
        2: {"po": "77", "note": "as sent"},
        3: {"po": "78"},
    }


async def test_a_name_is_asked_for_once() -> None:
    """It never changes."""
    shelf = Shelf()
    shelf.put(10, "a.pdf")

    await marks(shelf, reading(1, 10), reading(2, 10), times=3)

    assert shelf.asked == [10]
