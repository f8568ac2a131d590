"""Which of several letters of one import can be sent again."""

from connector.contracts.arrivals import Coordinates
from connector.domain.ids import ImportId, import_entity
from connector.redrive.letters import DeadLetter
from connector.redrive.reading import waiting
from connector.redrive.selecting import rank

ENTITY = import_entity(ImportId("i"))


def letter(died_ms: int, redrives: int) -> DeadLetter:
    """One of the same import."""
    at = Coordinates("c", "documents.arrived", 0, 1, 1)
    return DeadLetter(0, died_ms, died_ms, at, ImportId("i"), None, None, 0, "fetch", "gone", 1, "", redrives)


def test_the_last_letter_counts_however_often_it_was_sent() -> None:
    """That begins anew when an import was forgotten and is announced again."""
    earlier, last = letter(1, redrives=2), letter(2, redrives=0)

    assert sorted([last, earlier], key=rank) == [earlier, last]


def test_a_letter_follows_the_generation_that_the_ledger_has() -> None:
    """In a second life that is more than it can count by itself."""
    found = list(waiting([letter(1, redrives=1)], {ENTITY: (5, 4)}))

    assert [one.generation for one in found] == [5]


def test_what_did_not_end_as_a_letter_says_does_not_wait() -> None:
    """It went on since then, or that end left no letter."""
    assert not list(waiting([letter(1, redrives=1)], {ENTITY: (4, 4)}))
    assert not list(waiting([letter(1, redrives=1)], {}))
