"""Whether a broker lets us use transactions is known at the start; one that is only slow keeps nobody from starting."""

import asyncio
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError, TransactionalIdAuthorizationFailed

from connector.errors import KafkaForbids, KafkaUnavailable, Refused
from connector.kafka import preflight
from connector.kafka.connection import KafkaConnection
from connector.kafka.names import Names
from connector.kafka.preflight import may_transact, require_transactions
from connector.kafka.transactional_log import TransactionalLog
from connector.settings_kafka import KafkaSettings

SETTINGS = KafkaSettings(bootstrap_servers="nowhere.test:9092", group_id="ours")
#: Stands for a start that ends well.
FINE = Exception()
NAMES = Names.from_settings(SETTINGS, partitions=12)
FORBIDDEN = TransactionalIdAuthorizationFailed("rossum-kafka-connector.ours.0.check")


class Producer:
    """A transactional client whose start ends as told; None = not at all."""

    def __init__(self, ending: BaseException | None) -> None:
        self._ending = ending
        self.is_stopped = False

    async def start(self) -> None:
        """As told."""
        if self._ending is None:
            await asyncio.get_running_loop().create_future()
        elif self._ending is not FINE:
            raise self._ending

    async def stop(self) -> None:
        """At once."""
        self.is_stopped = True


class Connection(KafkaConnection):
    """To a broker that answers every transactional client alike."""

    def __init__(self, ending: BaseException | None) -> None:
        super().__init__(SETTINGS)
        self.ids: list[str] = []
        self.client = Producer(ending)

    def producer(self, **more: Any) -> Any:
        """The client."""
        self.ids.append(more["transactional_id"])
        return self.client


async def test_a_missing_right_is_refused_at_the_start_with_its_remedy() -> None:
    """Without it every partition would be tried again for ever, and nothing would say why."""
    connection = Connection(FORBIDDEN)

    with pytest.raises(Refused) as caught:
        await require_transactions(connection, NAMES)

    assert "ACLs Write and Describe on transactional ids that start with rossum-kafka-connector.ours." in str(
        caught.value
    )
    assert connection.client.is_stopped


@pytest.mark.parametrize("ending", [FINE, KafkaConnectionError("no broker"), None])
async def test_who_is_allowed_or_only_slow_starts(
    monkeypatch: pytest.MonkeyPatch, ending: BaseException | None
) -> None:
    """Owners ask again when they need it; no owner's id is used for the question."""
    monkeypatch.setattr(preflight, "TRANSACTIONS_WITHIN", 0.05)
    connection = Connection(ending)

    await require_transactions(connection, NAMES)

    owners = {NAMES.transactional_id(partition) for partition in range(NAMES.partitions)}
    assert len(connection.ids) == 1
    assert not owners & set(connection.ids)
    assert connection.client.is_stopped


async def test_without_transactions_nobody_asks() -> None:
    """At-least-once needs no such right."""
    settings = KafkaSettings(bootstrap_servers="nowhere.test:9092", delivery="at-least-once")
    connection = Connection(FORBIDDEN)

    await require_transactions(connection, Names.from_settings(settings, partitions=12))

    assert connection.ids == []


async def test_a_right_that_is_taken_away_is_told_when_a_partition_is_opened() -> None:
    """As what it is, and the partition is tried again: somebody may give it back."""
    with pytest.raises(
        KafkaForbids, match=r"does not allow taking over partition 3 \(it needs the ACLs Write"
    ) as caught:
        await TransactionalLog.open(Connection(FORBIDDEN), 3, NAMES, lookup=None, max_bytes=1)  # type: ignore[arg-type] # nobody looks anything up

    assert isinstance(caught.value, KafkaUnavailable)


async def test_the_check_tells_a_broker_that_does_not_answer() -> None:
    """Other than the start, it is asked by somebody who waits for the answer."""
    with pytest.raises(KafkaUnavailable, match="starting a transactional producer"):
        await may_transact(Connection(None), NAMES, seconds=0.05)


async def test_a_broker_that_is_away_is_not_told_to_lack_rights() -> None:
    """Whoever reads that would look at ACLs, and there is nothing wrong with them."""
    gone = Connection(KafkaConnectionError("no broker"))

    with pytest.raises(KafkaUnavailable) as silent:
        await may_transact(Connection(None), NAMES, seconds=0.05)
    with pytest.raises(KafkaUnavailable) as away:
        await TransactionalLog.open(gone, 3, NAMES, lookup=None, max_bytes=1)  # type: ignore[arg-type] # nobody looks anything up

    assert "ACL" not in f"{silent.value} {away.value}"
