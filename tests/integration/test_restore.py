"""Restoring a partition from its ledger on a real broker."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from aiokafka.structs import TopicPartition

from connector.clock import SystemClock
from connector.domain.rows import AnnotationRow, encode_row
from connector.kafka.connection import KafkaConnection
from connector.kafka.restore import Outrun, restore
from connector.settings_kafka import KafkaSettings
from connector.state.folder import DiskStates
from connector.state.memory import MemoryState
from tests.support.find_kafka import Kafka

pytestmark = pytest.mark.kafka


async def test_rows_whose_markers_are_on_their_way_are_waited_for(kafka: Kafka, unique: str) -> None:
    """A row that is stored but not yet marked as committed when the restore begins is there when it ends."""
    place = TopicPartition(unique + "ledger", 0)
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers)
    await admin.start()
    await admin.create_topics([NewTopic(place.topic, 1, 1)])
    await admin.close()
    former = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap_servers, transactional_id=unique)
    await former.start()
    await former.begin_transaction()
    row = encode_row(AnnotationRow("exported", "key"))
    await former.send_and_wait(place.topic, row, key=b"annotation/1", partition=0)
    state = MemoryState()
    connection = KafkaConnection(KafkaSettings(bootstrap_servers=kafka.bootstrap_servers))

    restoring = asyncio.create_task(restore(connection, place, state))
    done, _ = await asyncio.wait({restoring}, timeout=2.0)
    await former.commit_transaction()
    restored = await restoring

    await former.stop()
    assert not done
    assert restored.rows == 1
    assert state.get("annotation/1") is not None


async def test_what_is_kept_and_the_rest_of_the_ledger_are_the_whole(kafka: Kafka, unique: str, tmp_path: Path) -> None:
    """A state on disk that ends somewhere goes on there: only later rows are read, and it ends as one read at once."""
    place = TopicPartition(unique + "ledger", 0)
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers)
    await admin.start()
    await admin.create_topics([NewTopic(place.topic, 1, 1)])
    await admin.close()
    connection = KafkaConnection(KafkaSettings(bootstrap_servers=kafka.bootstrap_servers))
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap_servers, transactional_id=unique)
    await producer.start()
    with DiskStates(tmp_path / "state", SystemClock(), lambda _partition, _reason: None) as states:
        await _write(producer, place, {f"annotation/{one}": "to_review" for one in range(9)})
        first = await restore(connection, place, states.open(0))
        states.keep(0, "ledger-1")
    await _write(producer, place, {"annotation/2": "exported", "annotation/3": None, "annotation/20": "exported"})
    await producer.stop()

    whole = MemoryState()
    await restore(connection, place, whole)
    with DiskStates(tmp_path / "state", SystemClock(), lambda _partition, _reason: None) as states:
        state = states.open(0)
        rest = await restore(connection, place, state)

        assert (first.rows, rest.rows) == (9, 2)
        assert dict(state.items()) == dict(whole.items())
        assert (state.ledger_end, sorted(state.open())) == (whole.ledger_end, sorted(whole.open()))


@pytest.mark.parametrize("reaches", [5, 500])
async def test_a_state_that_does_not_fit_the_ledger_is_told(kafka: Kafka, unique: str, reaches: int) -> None:
    """It reaches beyond the end, or ends before the first record that is left."""
    place = TopicPartition(unique + "ledger", 0)
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers)
    await admin.start()
    await admin.create_topics([NewTopic(place.topic, 1, 1)])
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap_servers, transactional_id=unique)
    await producer.start()
    await _write(producer, place, {f"annotation/{one}": "to_review" for one in range(9)})
    await producer.stop()
    await admin.delete_records({place: RecordsToDelete(before_offset=7)})
    await admin.close()
    state = MemoryState()
    state.apply({}, ledger_end=reaches)

    with pytest.raises(Outrun, match=f"reaches offset {reaches}, the ledger has 7 to 10"):
        await restore(KafkaConnection(KafkaSettings(bootstrap_servers=kafka.bootstrap_servers)), place, state)


async def _write(producer: AIOKafkaProducer, place: TopicPartition, statuses: Mapping[str, str | None]) -> None:
    """One transaction of annotation rows; None is a tombstone."""
    async with producer.transaction():
        for entity, status in statuses.items():
            row = None if status is None else encode_row(AnnotationRow(status, "key"))
            await producer.send_and_wait(place.topic, row, key=entity.encode(), partition=place.partition)
