"""How a transaction ends: by its answer or by a deadline, and after anything but a clear yes the ownership is over."""

import asyncio
import contextlib
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka.client import ConnectionGroup
from aiokafka.errors import (
    InvalidProducerEpoch,
    KafkaConnectionError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    ProducerFenced,
)
from aiokafka.structs import OffsetAndMetadata, RecordMetadata, TopicPartition

from connector.contracts.catalogue import TopicRole
from connector.errors import CommitRepeated, KafkaUnavailable, PartitionLost
from connector.kafka import transactional_log
from connector.kafka.connection import REQUEST_TIMEOUT
from connector.kafka.endings import ending_of
from connector.kafka.names import Names
from connector.kafka.plain_log import PlainLog
from connector.kafka.transactional_log import COMMIT_DEADLINE, TransactionalLog
from connector.ports import Batch
from connector.settings_kafka import KafkaSettings

NAMES = Names.from_settings(KafkaSettings(bootstrap_servers="nowhere:9092"), partitions=12)
#: Seconds that stand for ever: many times the deadline.
FOREVER = 2.0
BATCH = Batch([], {"annotation/1": b"{}"}, {TopicRole.WORK: 7})


class Producer:
    """A transactional client: what its commit ends in is told beforehand."""

    def __init__(self, ending: BaseException | None = None, *, hangs: bool = False, reconnects: bool = False) -> None:
        self._ending = ending
        self._hangs = hangs
        self._reconnects = reconnects
        self.client = SimpleNamespace(_conns={(1, ConnectionGroup.COORDINATION): object()})
        self.offsets: dict[TopicPartition, OffsetAndMetadata] = {}

    async def begin_transaction(self) -> None:
        """At once."""

    async def send(self, topic: str, **record: Any) -> asyncio.Future[RecordMetadata]:
        """Acknowledged at once."""
        sent: asyncio.Future[RecordMetadata] = asyncio.get_running_loop().create_future()
        place = TopicPartition(topic, record["partition"])
        sent.set_result(RecordMetadata(topic, place.partition, place, 41, 0, 0, 0))
        return sent

    async def send_offsets_to_transaction(self, offsets: dict[TopicPartition, OffsetAndMetadata], group: str) -> None:
        """Taken note of."""
        assert group == NAMES.group
        self.offsets = offsets

    async def commit_transaction(self) -> None:
        """As told."""
        if self._reconnects:
            self.client._conns = {(1, ConnectionGroup.COORDINATION): object()}
        if self._hangs:
            never = asyncio.get_running_loop().create_future()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait({never}, timeout=FOREVER)
        if self._ending is not None:
            raise self._ending


async def commit(producer: Producer) -> int:
    """What the log makes of it."""
    log = TransactionalLog(cast("Any", producer), 3, NAMES, cast("Any", None))
    log.incarnation, log.ledger_end = "ours", 17
    return await log.commit(BATCH)


async def test_a_commit_carries_its_offsets_and_where_the_ledger_ends() -> None:
    """With the ledger that they go with."""
    producer = Producer()

    end = await commit(producer)

    assert end == 42
    assert producer.offsets == {
        TopicPartition(NAMES.topics[TopicRole.WORK], 3): OffsetAndMetadata(7, '{"incarnation":"ours","ledger_end":17}')
    }


@pytest.mark.parametrize("error", [ProducerFenced(), InvalidProducerEpoch()])
async def test_a_fenced_commit_means_that_the_partition_is_lost(error: Exception) -> None:
    """Both names of it."""
    with pytest.raises(PartitionLost):
        await commit(Producer(error))


@pytest.mark.parametrize("error", [KafkaTimeoutError(), KafkaConnectionError(), AssertionError(), OSError()])
async def test_a_commit_without_a_clear_answer_is_not_taken_for_done(error: Exception) -> None:
    """Nobody knows, and only a restore tells."""
    with pytest.raises(KafkaUnavailable, match="the outcome of a transaction on partition 3 is unknown"):
        await commit(Producer(error))


async def test_what_is_too_large_is_a_defect() -> None:
    """No success for sure, and nothing about whose the partition is: nobody has to join the group again."""
    with pytest.raises(MessageSizeTooLargeError) as raised:
        await commit(Producer(MessageSizeTooLargeError()))

    assert ending_of(ExceptionGroup("", [raised.value])).reason == "defect"


async def test_what_is_too_large_is_a_defect_without_transactions_too() -> None:
    """Of the client that writes rows and events one after the other."""

    async def refused(_offsets: object) -> None:
        raise MessageSizeTooLargeError

    log = PlainLog(cast("Any", Producer()), 3, NAMES, cast("Any", None), refused)

    with pytest.raises(MessageSizeTooLargeError):
        await log.commit(BATCH)


async def test_a_commit_that_is_not_answered_ends_by_its_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Although the client would wait for ever, and at first even when it is cancelled."""
    monkeypatch.setattr(transactional_log, "COMMIT_DEADLINE", 0.05)

    with pytest.raises(KafkaUnavailable, match="unknown: TimeoutError"):
        await commit(Producer(hangs=True))


async def test_a_repeated_commit_is_the_last_of_its_producer() -> None:
    """The client has asked twice, and the first request may still come."""
    with pytest.raises(CommitRepeated):
        await commit(Producer(reconnects=True))


def test_a_commit_is_given_up_before_the_client_repeats_it() -> None:
    """Else the first request could end a later transaction."""
    assert COMMIT_DEADLINE < REQUEST_TIMEOUT
