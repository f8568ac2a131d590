"""How long a replica may believe that its partitions are its own."""

from connector.engine.lease import Lease
from tests.support.virtual_clock import VirtualClock


async def test_that_it_runs_out_and_is_renewed() -> None:
    """It holds for its time after each renewal and not a moment longer, whoever looks first after a freeze."""
    clock = VirtualClock()
    lease = Lease(clock, 15)

    await clock.advance(14)
    before = lease.holds
    await clock.advance(1)
    after = lease.holds
    lease.renew()

    assert (before, after, lease.holds) == (True, False, True)
