"""Rebuilds the state of a partition from its ledger."""

from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import ConsumerRecord, TopicPartition

from connector.domain.rows import AnyRow, ClaimRow, HeaderRow, WrittenRow
from connector.errors import KafkaUnavailable, Refused
from connector.kafka.connection import CALL_DEADLINE, KafkaConnection, let_go, within
from connector.ports import State

#: Records of one fetch that are folded before others get a turn on the event loop.
RECORDS_AT_ONCE = 2_000
#: Seconds without progress after which the broker counts as gone.
STALLED = 30.0


@dataclass(slots=True)
class Restored:
    """What a ledger partition holds beside the rows of entities."""

    header: HeaderRow | None = None
    rows: int = 0
    end: int = 0


class _Fold:
    """Folds records into a state; with claims, only rows of the owner of the latest claim before them count."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._owner: str | None = None
        self.result = Restored()

    def take(self, records: list[ConsumerRecord]) -> None:
        rows: dict[str, AnyRow | None] = {}
        for record in records:
            self._take(record, rows)
        self._state.apply(rows, ledger_end=records[-1].offset + 1)

    def _take(self, record: ConsumerRecord, rows: dict[str, AnyRow | None]) -> None:
        key = (record.key or b"").decode(errors="replace")
        if record.value is None:
            rows[key] = None
            return
        try:
            written = WrittenRow.decode(record.value)
        except ValueError as error:
            msg = (
                f"record {record.offset} of {record.topic}[{record.partition}] is not a ledger row: "
                "point KAFKA__TOPICS__LEDGER at a topic that only this connector writes"
            )
            raise Refused(msg) from error
        if isinstance(written.row, ClaimRow):
            self._owner = written.row.owner
        elif self._owner is not None and written.owner != self._owner:
            return
        elif isinstance(written.row, HeaderRow):
            self.result.header = written.row
        else:
            rows[key] = written.row
            self.result.rows += 1


async def restore(connection: KafkaConnection, ledger: TopicPartition, state: State) -> Restored:
    """Read a ledger partition to its end into `state`.

    The end is compared with positions, never with a count: control records of transactions leave gaps. It is the end
    of all records, not of the committed ones: a transaction of the former owner may be decided while its markers are
    still on their way, and rows that become visible a moment later would be missed. Nobody but that one can have
    written there, so what is committed reaches this end as soon as the markers are there.

    Raises:
        Refused: It holds something that is no row.
        KafkaUnavailable: Kafka does not answer.
    """
    end = await _end_of_all_records(connection, ledger)
    consumer = connection.consumer(max_partition_fetch_bytes=8 * 1024 * 1024)
    try:
        await within(CALL_DEADLINE, consumer.start(), "restoring the ledger")
        consumer.assign([ledger])
        return await _read_to(end, consumer, ledger, state)
    finally:
        await let_go(consumer.stop())


async def _end_of_all_records(connection: KafkaConnection, ledger: TopicPartition) -> int:
    consumer = connection.consumer(isolation_level="read_uncommitted")
    try:
        await within(CALL_DEADLINE, consumer.start(), "restoring the ledger")
        ends = await within(CALL_DEADLINE, consumer.end_offsets([ledger]), "restoring the ledger")
        return int(ends[ledger])
    finally:
        await let_go(consumer.stop())


async def _read_to(end: int, consumer: AIOKafkaConsumer, ledger: TopicPartition, state: State) -> Restored:
    fold = _Fold(state)
    starts = await within(CALL_DEADLINE, consumer.beginning_offsets([ledger]), "restoring the ledger")
    fold.result.end = end
    position = max(starts[ledger], state.ledger_end)
    consumer.seek(ledger, position)
    idle = 0.0
    while position < end:
        found = await within(
            CALL_DEADLINE,
            consumer.getmany(ledger, timeout_ms=200, max_records=RECORDS_AT_ONCE),
            "restoring the ledger",
        )
        if records := found.get(ledger):
            fold.take(records)
        reached = await within(CALL_DEADLINE, consumer.position(ledger), "restoring the ledger")
        idle = 0.0 if reached > position else idle + 0.2
        if idle > STALLED:
            msg = f"restoring {ledger.topic}[{ledger.partition}] stands still at offset {position}"
            raise KafkaUnavailable(msg)
        position = reached
    state.apply({}, ledger_end=position)
    return fold.result
