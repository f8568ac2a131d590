"""Replicas and broker killed at random moments, and the network between them broken, on both promised Kafkas."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chaos.plan import Plan
from tests.chaos.rounds import round_of_chaos
from tests.support.kafka_broker import DURABLE_VERSION, LocalKafka
from tests.support.kafka_settings import SOON_BACK

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(900)]

#: Seconds instead of a minute until all is published, where the machine stood still meanwhile: other tests run beside
#: this one, while the long form is for a machine of its own.
WHERE_HELD_UP = 180.0
#: A single broker of 4.4 can't be bounced (`outlives_itself`): for 4.x that is `test_three_brokers.py`.
PLANS = {
    "4.4.0": Plan(documents=400, kills=12, zombies=2, swallowed=20, seed=4),
    DURABLE_VERSION: Plan(documents=300, kills=8, bounces=3, zombies=2, swallowed=20, seed=3),
}


@pytest.mark.parametrize("version", PLANS)
async def test_nothing_is_lost_or_doubled(own_kafka: Callable[..., LocalKafka], tmp_path: Path, version: str) -> None:
    """Every document comes out once within a minute of the last fault, and no import is made twice."""
    plan = PLANS[version]
    broker = own_kafka(version, doors=plan.replicas, properties=SOON_BACK if plan.bounces else None)

    outcome = await round_of_chaos(broker, plan, tmp_path, _tell, held_up=WHERE_HELD_UP)

    sys.stdout.write(f"{outcome.line} kafka={version}\n")
    assert outcome.problems == []


def _tell(words: str) -> None:
    sys.stdout.write(f"{words}\n")
