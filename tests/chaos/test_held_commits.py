"""The end of a transaction is late: so late that its owner has given it up, or that the broker has."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chaos.ending import all_out_once
from tests.support.deployment import deployment, inline
from tests.support.fleet import Berth, at_work
from tests.support.kafka_broker import LocalKafka
from tests.support.kafka_requests import END_TXN, FENCED
from tests.support.reader import Reader
from tests.support.waiting import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]

QUICK = ("--rate-limit", "0", "--processing", "0.2", "--review", "0.3")
SETTINGS = {"ROSSUM__REQUESTS_PER_SECOND": "0", "IMPORTS__SETTLE": "4s", "IMPORTS__TASK_AFTER": "4s"}
LATER = ("--rate-limit", "0", "--processing", "4", "--review", "0.3")
#: Seconds that a reader waits until a transaction counts as held: far less than a replica gives its own commits, 9.
STANDS = 1.0
#: Seconds: twice the request timeout.
MUCH_TOO_LATE = 21.0
#: Seconds after which a transaction times out at the broker.
TRANSACTION_TIMEOUT = 20.0
#: Seconds that a reader may wait less, since it looks late, or more, where the machine stands still. Far below what
#: clients ask for by default, 60, and above the replica's own deadline.
LESS, MORE = 5.0, 15.0


async def test_a_commit_that_arrives_after_its_owner_has_started_afresh(
    own_kafka: Callable[..., LocalKafka], tmp_path: Path
) -> None:
    """The owner gives the transaction up and does it again; the late end of the first one changes nothing."""
    broker = own_kafka(doors=1)
    deploying = deployment(broker.bootstrap_servers, "late", tmp_path, simulator=QUICK, **SETTINGS)
    async with at_work(deploying, 1, doors=broker.doors) as alone:
        world = alone.world
        alone[0].requests.hold(END_TXN, most=1)
        await world.announce([inline(number) for number in range(40)])
        await eventually(lambda: alone[0].requests.held_for > MUCH_TOO_LATE, within=60)
        await eventually(lambda: alone[0].said("partition_ended"), within=60)
        alone[0].requests.release()
        await world.announce([inline(number) for number in range(40, 60)])

        await all_out_once(alone, 60)


async def test_a_commit_that_is_repeated_because_its_connection_was_lost(
    own_kafka: Callable[..., LocalKafka], tmp_path: Path
) -> None:
    """The client repeats it by itself and goes on; the owner does not, since the first one is still on its way."""
    broker = own_kafka(doors=1)
    deploying = deployment(broker.bootstrap_servers, "twice", tmp_path, simulator=QUICK, **SETTINGS)
    async with at_work(deploying, 1, doors=broker.doors) as alone:
        world = alone.world
        wire = alone[0].kafka
        assert wire is not None
        alone[0].requests.hold(END_TXN, most=1)
        await world.announce([inline(number) for number in range(40)])
        await eventually(lambda: alone[0].requests.held, within=40)
        wire.hang_up()
        await eventually(lambda: alone[0].said("partition_ended", reason="commit_repeated"), within=30)
        await eventually(lambda: len(world.reader.captured()) >= 40, within=30)
        alone[0].requests.release()
        await world.announce([inline(number) for number in range(40, 60)])

        await all_out_once(alone, 60)


async def test_the_broker_gives_a_transaction_up_whose_owner_is_still_the_owner(
    own_kafka: Callable[..., LocalKafka], tmp_path: Path
) -> None:
    """Frozen, with nobody else to take over, it comes back to a transaction that timed out, and does it again."""
    broker = own_kafka(doors=1)
    deploying = deployment(broker.bootstrap_servers, "timeout", tmp_path, simulator=LATER, **SETTINGS)
    async with at_work(deploying, 1, doors=broker.doors) as alone:
        world = alone.world
        await world.announce([inline(number) for number in range(40)])
        await eventually(lambda: len(world.reader.named("import.accepted")) >= 40, within=40)
        # Every transaction of that time, so that public events are among them and the reader has to wait.
        alone[0].requests.hold(END_TXN)
        await eventually(lambda: world.reader.held_for > STANDS, within=40)
        alone[0].freeze()
        await eventually(lambda: _is_given_up(alone[0], world.reader), within=60)
        late = alone[0].requests.held
        alone[0].requests.release()
        await eventually(lambda: len(alone[0].requests.codes) >= late, within=60)
        alone[0].thaw()

        await eventually(lambda: alone[0].said("transaction_failed"), within=60)
        await all_out_once(alone, 40)
        assert not FENCED.isdisjoint(alone[0].requests.codes)
        assert TRANSACTION_TIMEOUT - LESS < world.reader.longest_wait < TRANSACTION_TIMEOUT + MORE


def _is_given_up(berth: Berth, reader: Reader) -> bool:
    """Whether the broker has ended what was open."""
    return berth.requests.held_for > TRANSACTION_TIMEOUT + 2 and reader.held_for == 0
