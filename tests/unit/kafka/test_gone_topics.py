"""A topic is gone when every broker says so; the word of one is no proof."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka.errors import KafkaConnectionError
from aiokafka.structs import TopicPartition

from connector.contracts.arrivals import Coordinates
from connector.kafka.lookup import _is_gone
from connector.kafka.names import Names
from connector.kafka.plain_log import PlainLog
from connector.kafka.transactional_log import TransactionalLog
from connector.settings_kafka import KafkaSettings

PLACE = TopicPartition("arrived", 1)
NO_ERROR, UNKNOWN_TOPIC, NO_LEADER = 0, 3, 5
#: What a broker says: of the topic, how many partitions it has, and of the topic beside it; None for nothing at all.
Says = tuple[int, int, int] | None
GONE: Says = (UNKNOWN_TOPIC, 0, NO_ERROR)
THERE: Says = (NO_ERROR, 2, NO_ERROR)
SMALLER: Says = (NO_ERROR, 1, NO_ERROR)
JUST_STARTED: Says = (UNKNOWN_TOPIC, 0, UNKNOWN_TOPIC)
ELECTING: Says = (NO_LEADER, 0, NO_ERROR)


def consumer(*brokers: Says, known: set[int] | None = None) -> Any:
    """aiokafka's, as far as it is asked."""

    async def send(node: int, request: Any) -> Any:
        says = brokers[node]
        if says is None:
            raise KafkaConnectionError
        assert not request._allow_auto_topic_creation
        code, partitions, beside = says
        parts = [(NO_ERROR, number, 1, [1], [1]) for number in range(partitions)]
        return SimpleNamespace(topics=[(code, "arrived", False, parts), (beside, "imports", False, [])])

    nodes = [SimpleNamespace(nodeId=node) for node in range(len(brokers))]
    client = SimpleNamespace(send=send, cluster=SimpleNamespace(brokers=lambda: nodes))
    return SimpleNamespace(_client=client, partitions_for_topic={"arrived": known}.get)


@pytest.mark.parametrize(
    ("brokers", "gone"),
    [
        pytest.param((GONE, GONE, GONE), True, id="deleted"),
        pytest.param((SMALLER, GONE), True, id="made anew with fewer partitions"),
        pytest.param((GONE, THERE, GONE), False, id="some lag behind"),
        pytest.param((GONE, None, GONE), False, id="one is silent"),
        pytest.param((JUST_STARTED,), False, id="just started"),
        pytest.param((GONE, ELECTING), False, id="no leader now"),
        pytest.param((), False, id="no broker"),
    ],
)
async def test_that_all_brokers_must_say_so(brokers: tuple[Says, ...], *, gone: bool) -> None:
    """An arrival that is wrongly taken for deleted would be dead-lettered."""
    assert await _is_gone(consumer(*brokers), PLACE, "imports") is gone


async def test_that_nobody_is_asked_about_what_is_known() -> None:
    """Most look-ups are for what is there."""
    assert not await _is_gone(consumer(GONE, known={0, 1}), PLACE, "imports")


@pytest.mark.parametrize("exactly_once", [True, False])
async def test_that_only_arrivals_may_go_with_their_topic(*, exactly_once: bool) -> None:
    """The inner topics are the connector's own: without them it can't go on."""
    asked: list[tuple[object, ...]] = []

    async def read(*place: object, beside: str | None = None) -> None:
        asked.append((*place, beside))

    names = Names.from_settings(KafkaSettings(), partitions=4)
    lookup, nobody = cast("Any", SimpleNamespace(read=read)), cast("Any", None)
    log = TransactionalLog(nobody, 3, names, lookup) if exactly_once else PlainLog(nobody, 3, names, lookup, nobody)

    await log.read_arrival(Coordinates("cluster", "arrived", 1, 5, 0))
    await log.read_copy(7)

    imports = KafkaSettings().topics.imports
    assert asked == [("arrived", 1, 5, imports), (imports, 3, 7, None)]
