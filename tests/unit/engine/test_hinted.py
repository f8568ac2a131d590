"""What a sweep remembers of what it has hinted."""

from datetime import UTC, datetime, timedelta

from connector.domain.ids import AnnotationId, QueueId, format_clock
from connector.domain.readings import ListingRow
from connector.engine.hinted import REMEMBERED, Hinted

START = datetime(2026, 3, 1, tzinfo=UTC)


def listed(number: int, *, at: float = 0.0, status: str = "exported", clock: str = "exported_at") -> ListingRow:
    """A row whose clock is so many seconds after the start."""
    clocks = {clock: format_clock(START + timedelta(seconds=at))}
    return ListingRow(AnnotationId(number), status, QueueId(1), None, clocks)


def test_a_row_is_news_once_as_it_is() -> None:
    """A later clock is news again."""
    hinted = Hinted("exported_at")
    hinted.add([listed(1)])

    assert hinted.news([listed(1), listed(1, at=1.0), listed(2)]) == [listed(1, at=1.0), listed(2)]


def test_the_status_of_an_arrival_is_news() -> None:
    """Its clock never changes."""
    hinted = Hinted("arrived_at")
    before, after = (listed(1, status=status, clock="arrived_at") for status in ("importing", "to_review"))
    hinted.add([before])

    assert hinted.news([before, after]) == [after]


def test_what_no_pass_lists_again_is_forgotten() -> None:
    """Of arrivals too."""
    for clock in ("exported_at", "arrived_at"):
        hinted = Hinted(clock)
        hinted.add(listed(number, at=number, clock=clock) for number in range(10))

        hinted.forget_before(format_clock(START + timedelta(seconds=7)))

        assert len(hinted) == 3


def test_a_pass_over_a_long_past_has_bounds() -> None:
    """The newest stay; one that is hinted again is among them."""
    hinted = Hinted("exported_at")
    hinted.add(listed(number) for number in range(REMEMBERED))
    hinted.add([listed(0, at=1.0), listed(REMEMBERED)])

    assert len(hinted) == REMEMBERED
    assert hinted.news([listed(0, at=1.0), listed(1), listed(2)]) == [listed(1)]
