"""What an owner forgets, when, and what keeps it from doing so."""

import pytest

from connector.contracts.arrivals import ArrivalsLeft
from connector.contracts.catalogue import TopicRole
from connector.domain.floor import FloorRow
from connector.domain.readings import CLOCKS
from connector.domain.rows import AnnotationRow, AnyRow, HeaderRow, ImportRow, ImportState, SweepRow
from connector.engine.forgetting import MOST
from tests.unit.engine.forgetful_partition import FLOOR, Partition, clock


def exported(seconds: float) -> AnnotationRow:
    """An annotation whose life ended then."""
    return AnnotationRow("exported", "k", clocks={"exported_at": clock(seconds)})


def ended(seconds: float, **announced: int) -> ImportRow:
    """An import whose life ended then; announced as `p3=17`: partition 3, offset 17."""
    places = {name.replace("p", "arrived/"): offset for name, offset in announced.items()}
    return ImportRow(ImportState.COMPLETED, "k", announced=places, ended=clock(seconds))


async def test_what_ended_long_ago_goes_with_its_floor_in_one_transaction() -> None:
    """Open rows, young rows and the ledger's own stay."""
    kept: dict[str, AnyRow] = {
        "annotation/2": exported(500),
        "annotation/3": AnnotationRow("to_review", "k", clocks={"arrived_at": clock(0)}),
        "sweep/exported_at": SweepRow("exported_at", clock(0), (1,)),
        "header/7": HeaderRow("i", clock(0), "g", 12, 1, "1"),
        "import/b": ImportRow(ImportState.ACCEPTED, "k", accepted_at=clock(0)),
    }
    one = Partition({**kept, "annotation/1": exported(5), "import/a": ended(5, p3=17)})
    one.log.left = ArrivalsLeft({"arrived/3": 18}, 0)

    async with one.working():
        one.swept(clock(550))
        await one.time.advance(550)

    (batch,) = one.log.removals
    assert one.left == {*kept}
    assert {key: value for key, value in batch.rows.items() if value is None} == {
        "annotation/1": None,
        "import/a": None,
    }
    assert next(iter(batch.rows)) == FLOOR
    assert one.view.floor == FloorRow(
        clock(5), announced={"arrived/3": 17}, forgotten={"annotation": 1, "import": 1}, generation=1
    )
    assert (
        one.telemetry.registry.get_sample_value("rossum_connector_ledger_rows_forgotten_total", {"kind": "import"})
        == 1.0
    )


@pytest.mark.parametrize(
    ("reached", "clocks", "gone"),
    [(400.0, CLOCKS, True), (3.0, CLOCKS, False), (400.0, CLOCKS[1:], False)],
    ids=["all are beyond", "one year behind", "one is silent"],
)
async def test_nothing_goes_before_all_sweeps_have_passed_it(
    reached: float, clocks: tuple[str, ...], *, gone: bool
) -> None:
    """A deployment that was away for long still has to hear what happened meanwhile."""
    one = Partition({"annotation/1": exported(5)})

    async with one.working():
        one.swept(clock(reached), *clocks)
        await one.time.advance(500)

    assert (one.left == set()) is gone


async def test_nothing_goes_while_an_older_hint_is_undecided() -> None:
    """It may tell of something as old as what would be forgotten."""
    one = Partition({"annotation/1": exported(5)})
    work = one.trackers[TopicRole.WORK]

    async with one.working():
        work.deliver(0, now=0)
        one.swept(clock(400))
        await one.time.advance(500)
        before = one.left
        work.finish(0)
        await one.time.advance(30)

    assert (before, one.left) == ({"annotation/1"}, set())


@pytest.mark.parametrize(
    ("left", "gone"),
    [
        (ArrivalsLeft({"arrived/3": 18}, 0), True),
        (ArrivalsLeft({"arrived/3": 17}, 0), False),
        (ArrivalsLeft({"arrived/3": None}, 0), True),
        (ArrivalsLeft({}, 0), False),
        (ArrivalsLeft({"arrived/3": 18}, 5), False),
    ],
    ids=["deleted", "still there", "no such topic", "unknown partition", "copies undecided"],
)
async def test_an_import_stays_while_its_arrival_can_come_again(left: ArrivalsLeft, *, gone: bool) -> None:
    """From the arrivals topic, or from a copy that was made before."""
    one = Partition({"import/a": ended(5, p3=17)})
    one.log.left = left

    async with one.working():
        one.swept(clock(400))
        await one.time.advance(450)

    assert (one.left == set()) is gone
    assert one.log.asked[0] == {"arrived/3"}


async def test_kafka_that_can_not_say_ends_nothing() -> None:
    """It is asked again later."""
    one = Partition({"import/a": ended(5, p3=17)})
    one.log.left, one.log.away = ArrivalsLeft({"arrived/3": 18}, 0), True

    async with one.working():
        one.swept(clock(400))
        await one.time.advance(300)
        before, one.log.away = one.left, False
        await one.time.advance(60)

    assert (before, one.left) == ({"import/a"}, set())


async def test_what_somebody_works_on_stays() -> None:
    """It goes when he has finished."""
    one = Partition({"annotation/1": exported(5)}, busy={"annotation/1"})

    async with one.working():
        one.swept(clock(400))
        await one.time.advance(300)
        before = one.left
        one.busy.clear()
        await one.time.advance(60)

    assert (before, one.left) == ({"annotation/1"}, set())


async def test_a_clock_that_is_wrong_by_a_year_forgets_nothing() -> None:
    """Rossum's clock jumped ahead, the sweeps with it; our own did not."""
    one = Partition({"annotation/1": exported(5)}, rossum_is_ahead=365 * 86_400.0)

    async with one.working():
        one.swept(clock(365 * 86_400.0))
        await one.time.advance(90)

    assert one.left == {"annotation/1"}


async def test_many_rows_go_a_few_at_a_time() -> None:
    """No transaction holds more than the limit; all are gone after a round."""
    one = Partition({f"annotation/{number}": exported(5) for number in range(3 * MOST)})

    async with one.working():
        one.swept(clock(400))
        await one.time.advance(400)

    assert one.left == set()
    assert max(len(batch.rows) for batch in one.log.removals) <= MOST + 1
    assert len(one.log.removals) >= 3


async def test_a_row_of_an_earlier_version_without_any_time_is_dated_first() -> None:
    """It is forgotten a whole retention later."""
    one = Partition({"import/a": ImportRow(ImportState.FAILED, "k")})
    one.log.left = ArrivalsLeft({}, 0)

    async with one.working():
        one.swept(clock(1000))
        await one.time.advance(60)
        row = one.view.import_row("import/a")
        await one.time.advance(600)

    assert row is not None
    assert clock(0) < (row.ended or "") <= clock(60)
    assert one.left == set()
