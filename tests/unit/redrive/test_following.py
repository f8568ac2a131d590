"""What a letter that is sent again means to its import."""

from dataclasses import replace

import pytest

from connector.contracts.arrivals import Coordinates
from connector.domain.copies import copy_headers, read_copy
from connector.domain.import_state import Announcement, Copy, meaning
from connector.domain.rows import ImportRow, ImportState

FAILED = ImportRow(ImportState.FAILED, "key", generation=2, announced={"t/3": 7})
AGAIN = Announcement(topic="t", partition=3, offset=7, held=40, follows=2)


def test_the_failed_generation_is_followed() -> None:
    """Exactly the one that the letter ended."""
    assert meaning(FAILED, AGAIN) is Copy.AGAIN


@pytest.mark.parametrize(
    "row",
    [
        None,
        replace(FAILED, generation=1),
        replace(FAILED, generation=3),
        replace(FAILED, state=ImportState.COMPLETED),
        replace(FAILED, state=ImportState.WAITING, held=39),
    ],
)
def test_any_other_state_ignores_it(row: ImportRow | None) -> None:
    """A stale letter, or the same one sent twice, changes nothing."""
    assert meaning(row, AGAIN) is Copy.REPEATED


def test_its_own_copy_is_resumed() -> None:
    """The work on it was interrupted."""
    row = replace(FAILED, state=ImportState.WAITING, generation=3, held=40)

    assert meaning(row, AGAIN) is Copy.RESUMED


def test_the_generation_travels_with_the_copy() -> None:
    """In a header of ours, which is none of the arrival's."""
    at = Coordinates("c", "documents.arrived", 3, 7, 1)
    headers = copy_headers(at, None, [("theirs", b"1")], follows=2)

    copy = read_copy(b"import/i", b"v", headers, 40)

    assert copy.follows == 2
    assert copy.headers == (("theirs", b"1"),)
