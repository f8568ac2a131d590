"""Several documents in one upload of the real client: each annotation gets the mark of its own document."""

from connector.domain.file_names import sign_of
from connector.domain.ids import AnnotationId, ImportId
from connector.domain.readings import Enclosed, GatherMark, Mark
from tests.support.waiting import eventually
from tests.wire.rossum.client_harness import PDF, QUEUE, Side, connected

NAMES = ("účet 1.pdf", "b.pdf", "c.pdf")
MARKS = {name: Mark(ImportId(f"import-{name}"), f"key-{name}") for name in NAMES}
METADATA = GatherMark(
    "g", {sign_of(name): mark for name, mark in MARKS.items()}, {sign_of(name): {"own": name} for name in NAMES}
).beside({"po": "77"})


async def gathered(side: Side) -> list[AnnotationId]:
    """Three documents in one upload; their annotations, once Rossum names all of them."""
    enclosed = tuple(Enclosed(name, "application/pdf", PDF + name.encode()) for name in NAMES[1:])
    url = await side.upload(file_name=NAMES[0], metadata=METADATA, enclosed=enclosed)

    async def of_the_task() -> list[AnnotationId]:
        task = await side.client.task(url)
        upload = await side.client.upload_object(task.upload) if task and task.upload else None
        return list(upload.annotations) if upload else []

    found: list[AnnotationId] = await eventually(of_the_task)
    return found


async def test_each_annotation_is_told_which_import_it_is_of() -> None:
    """By list, alone and in exports; the mark of the others is not its own."""
    async with connected() as side:
        await side.control("POST", "/behaviour", {"rename_files": True})
        annotations = await gathered(side)
        readings = await side.client.annotations(annotations)
        single = await side.client.annotation(annotations[0])
        asked = await side.count("GET /documents")
        again = await side.client.annotations(annotations)
        exports = await side.client.exports(QUEUE, annotations)
        documents = await side.documents()
        asked_again = await side.count("GET /documents")

    names = {each["id"]: row["file_name"] for row in documents for each in row["annotations"]}
    shown = {sign_of(name): mark for name, mark in MARKS.items()}
    assert {number: reading.mark for number, reading in readings.items()} == {
        number: shown[sign_of(name)] for number, name in names.items()
    }
    assert len({reading.mark and reading.mark.import_id for reading in readings.values()}) == len(NAMES)
    own = {reading.mark.document_key: reading.metadata for reading in readings.values() if reading.mark}
    assert own == {f"key-{name}": {"po": "77", "own": name} for name in NAMES}
    assert {n: export.metadata for n, export in exports.items()} == {n: r.metadata for n, r in readings.items()}
    assert single is not None
    assert single.mark == readings[annotations[0]].mark
    assert {n: r.mark for n, r in again.items()} == {n: r.mark for n, r in readings.items()}
    assert all(export.mark == readings[number].mark for number, export in exports.items())
    assert (asked, asked_again) == (1, 1)


async def test_an_annotation_alone_is_told_whose_it_is_before_lists_show_its_document() -> None:
    """Its reader has waited for the lists in vain: as a stranger's it would be published under another key."""
    async with connected() as side:
        annotations = await gathered(side)
        await side.control("POST", "/behaviour", {"list_lag": 600.0})
        listed = await side.client.annotations(annotations)
        alone = [await side.client.annotation(number) for number in annotations]

    assert listed == {}
    marks = [reading.mark for reading in alone if reading is not None]
    assert len(marks) == len(MARKS)
    assert all(mark in marks for mark in MARKS.values())
