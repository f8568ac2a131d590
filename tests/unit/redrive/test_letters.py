"""Letters as they are read back from their topic."""

import tracemalloc

import orjson

from connector.contracts.arrivals import Coordinates, identify
from connector.contracts.dead_letters import Cause, dead_letter
from connector.domain.ids import ImportId, import_entity
from connector.kafka.reading import TopicRecord
from connector.redrive.fixups import fixed, read_fix_up
from connector.redrive.letters import DeadLetter, read_letter
from connector.redrive.reading import waiting

AT = Coordinates("cluster", "documents.arrived", 3, 17, 0)
#: Its id is no text, so its import has the name of its place.
VALUE = b'{"source": {"kind": "https", "url": "https://files.example.com/x.pdf"}, "document_id": 7}'
IMPORT = identify(VALUE, (), AT)


def letter(value: bytes | None, import_id: ImportId, redrives: int, *, without: str = "") -> DeadLetter:
    """The one of an import's last failure; `without` is a header that an earlier version did not write."""
    cause = Cause("fetch", "Rejected", "404", 1, "2026-01-01T00:00:00.000000Z", redrives)
    made = dead_letter(value, None, (), AT, cause, import_id=import_id, limit=1_000_000)
    headers = tuple(header for header in made.headers if header[0] != without)
    found = read_letter(TopicRecord("rossum.dead-letters", 0, redrives, 9, None, made.value, headers), "cluster")
    assert found is not None
    return found


def test_a_repaired_arrival_that_fails_again_waits_for_an_answer() -> None:
    """Also where the repair gave it another name: its import is the same."""
    repaired = fixed(VALUE, (), [read_fix_up('document_id="invoice-7"')])

    again = letter(repaired, IMPORT, 1)

    assert again.import_id == IMPORT != identify(repaired, (), AT)
    assert [one.place for one in waiting([again], {import_entity(IMPORT): (2, 1)})] == ["0:1"]


def test_a_letter_of_an_earlier_version_is_of_the_import_that_its_arrival_names() -> None:
    """It tells none itself."""
    assert letter(VALUE, ImportId("untold"), 0, without="dlq-import-id").import_id == IMPORT


def test_letters_that_are_listed_do_not_hold_what_they_are_about() -> None:
    """A hundred of 200 kB each; a thousand times as many must fit into memory."""
    tracemalloc.start()
    try:
        listed = [letter(_large(number), ImportId(f"i-{number}"), 0) for number in range(100)]
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert [(one.document_id, one.queue, one.size > 200_000) for one in listed[:2]] == [
        ("doc-0", "8199", True),
        ("doc-1", "8199", True),
    ]
    assert held < 1_000_000


def _large(number: int) -> bytes:
    return orjson.dumps({"document_id": f"doc-{number}", "queue": 8199, "pad": "x" * 200_000})
