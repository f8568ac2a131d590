"""What is put into the spill comes out folded, whatever file it lies in."""

from pathlib import Path

from connector.audit.evidence import Entry, Listed, Sighting
from connector.audit.spill import MOST_FILES, Spill
from connector.contracts.catalogue import TopicRole
from connector.contracts.published import Published
from connector.domain.rows import AnnotationRow, ImportRow, ImportState


def all_entries(spill: Spill) -> dict[str, Entry]:
    """Everything in it."""
    return {entry.entity: entry for place in range(len(spill)) for entry in spill.entries(place)}


def test_everything_about_an_entity_comes_together(tmp_path: Path) -> None:
    """In the order in which it was put; a later word replaces an earlier one."""
    spill = Spill(tmp_path, records=1_000_000)
    row = ImportRow(ImportState.INTENT, "key", documents=(1, 2))
    sighting = Sighting(TopicRole.CAPTURED, Published("id", "name", "imports/a", None, "replay"), 3, 4, 5)

    spill.put_row("import/a", ImportRow(ImportState.WAITING, "key"))
    spill.put_row("import/a", row)
    spill.put_sighting("import/a", sighting)
    spill.put_letter("import/a", 17)
    spill.put_copy("import/a")
    spill.put_hint("annotation/1")
    spill.put_link("annotation/1", "import/a", "2026-03-01")
    spill.put_listed("annotation/1", Listed("exported_at", "x", 8198))
    spill.put_listed("annotation/1", Listed("exported_at", None, 8198))
    spill.put_document("import/a", 9, None)
    found = all_entries(spill)

    spill.close()
    assert found == {
        "import/a": Entry("import/a", row, [sighting], [17], copied=True, documents={9: None}),
        "annotation/1": Entry(
            "annotation/1",
            hinted=True,
            linked={"import/a": "2026-03-01"},
            listed={"exported_at": Listed("exported_at", None, 8198)},
        ),
    }


def test_what_is_put_after_reading_is_added(tmp_path: Path) -> None:
    """A second look goes to the same files; a removed row is none."""
    spill = Spill(tmp_path, records=0)
    spill.put_row("annotation/1", AnnotationRow("exported", "key"))
    before = all_entries(spill)["annotation/1"].row

    spill.put_row("annotation/1", None)
    after = all_entries(spill)["annotation/1"].row

    spill.close()
    assert (before, after) == (AnnotationRow("exported", "key"), None)


def test_a_large_ledger_is_spread(tmp_path: Path) -> None:
    """Evenly, so that one file's worth fits in memory."""
    spill = Spill(tmp_path, records=10**9)

    places = [spill.place_of(f"annotation/{number}") for number in range(50_000)]

    spill.close()
    assert len(spill) == MOST_FILES
    assert max(places.count(place) for place in range(MOST_FILES)) < 200
