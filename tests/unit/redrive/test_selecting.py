"""Which of several letters of one import can be sent again."""

from connector.contracts.arrivals import Coordinates
from connector.domain.ids import ImportId
from connector.redrive.letters import DeadLetter
from connector.redrive.selecting import newest


def letter(died_ms: int, redrives: int) -> DeadLetter:
    """One of the same import."""
    at = Coordinates("c", "documents.arrived", 0, 1, 1)
    return DeadLetter(0, died_ms, died_ms, at, ImportId("i"), None, b"", (), "fetch", "gone", 1, "", redrives)


def test_the_last_letter_counts_whatever_its_generation() -> None:
    """Generations begin anew when an import was forgotten and is announced again."""
    earlier, last = letter(1, redrives=2), letter(2, redrives=0)

    assert newest([last, earlier]) == newest([earlier, last]) == {"i": last}
