"""A right that the broker does not give."""

from tests.simulation.virtual_loop import VirtualLoop, pause
from tests.simulation.world import new_world, run_in_virtual_time


def test_without_the_right_to_transactions_nothing_starts() -> None:
    """The process says so and ends; once it has the right it starts."""

    async def main(loop: VirtualLoop) -> None:
        ours = await new_world(5, loop)
        ours.broker.may_transact = False
        replica = ours.start_replica(0)
        await pause(1.0)
        refused = list(ours.failures)
        ours.broker.may_transact = True
        await pause(20.0)

        assert len(refused) == 1
        assert "Refused" in refused[0]
        assert "ACLs Write and Describe on transactional ids" in refused[0]
        assert ours.failures == refused
        assert ours.records("rossum.connector.ledger")
        ours.kill(replica)

    run_in_virtual_time(main)
