"""Rebuilds the state of a partition from its ledger."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import ConsumerRecord, TopicPartition

from connector.domain.resting import surely_of, surely_rests
from connector.domain.rows import CLAIM_PREFIX, AnyRow, ClaimRow, HeaderRow, WrittenRow, claim_key
from connector.errors import Refused
from connector.kafka.connection import CALL_DEADLINE, KafkaConnection, let_go, standing_still, within

#: Header of a removal in at-least-once mode: it has no value to name its owner in.
OWNER_HEADER = "owner"
#: Records of one fetch that are folded before others get a turn on the event loop.
RECORDS_AT_ONCE = 2_000
#: Partitions that a process restores at once, and bytes of one answer of the broker: more cost memory and save no time.
RESTORES_AT_ONCE, FETCHED_BYTES = 3, 2 * 1024 * 1024
#: Seconds without progress after which the broker counts as gone.
STALLED = 30.0


class Outrun(Exception):
    """What is kept of a partition is not a part of its ledger."""


class RowSink(Protocol):
    """What a ledger partition is folded into: a state, or whatever else takes rows in the order of the ledger."""

    @property
    def ledger_end(self) -> int:
        """The ledger offset after what it has taken in; reading goes on there."""

    def apply(self, rows: Mapping[str, AnyRow | None], *, ledger_end: int) -> None:
        """Take in committed rows (None removes) and the offset that they reach."""


@runtime_checkable
class ValueSink(RowSink, Protocol):
    """One that keeps rows as they are written: those at rest need not be made to be kept."""

    def apply_values(self, values: Mapping[str, bytes]) -> None:
        """Take in rows at rest as they stand in the ledger; :meth:`apply` says afterwards what they reach."""


@dataclass(slots=True)
class Restored:
    """What a ledger partition holds beside the rows of entities.

    Attributes:
        shadowed: Keys whose newest row does not count, because a former owner wrote it late: compaction would keep
            that one and remove the row that does.
        claims: Owners whose claim row is still there, oldest first.
        owner: Whose rows count at the end; None where claims don't matter there.
    """

    header: HeaderRow | None = None
    rows: int = 0
    end: int = 0
    shadowed: set[str] = field(default_factory=set)
    claims: list[str] = field(default_factory=list)
    owner: str | None = None


class Fold:
    """Folds records into a state; with claims, only rows of the owner of the latest claim before them count.

    Transactions fence by themselves: their rows name no owner, and end the time of claims.

    A claim may be removed once a later owner has written again what rows before its own hide
    (:meth:`connector.kafka.opening.Opener.open`): until a claim is met, from the start of the ledger on, the newest row
    counts, whoever wrote it. Claims must be removed oldest first.

    Args:
        state: Takes the rows.
        owner: Of the latest claim, where only what follows is read.
    """

    def __init__(self, state: RowSink, owner: str | None = None) -> None:
        self._state = state
        self._keep = state.apply_values if isinstance(state, ValueSink) else None
        self._belongs_to(owner)
        self._counts_all = not state.ledger_end
        self.result = Restored(owner=owner)

    def _belongs_to(self, owner: str | None) -> None:
        self._owner, self._ending = owner, surely_of(owner)

    def take(self, records: list[ConsumerRecord]) -> None:
        """Fold records that follow each other in the ledger.

        Raises:
            Refused: One of them is no row.
        """
        rows: dict[str, AnyRow | None] = {}
        values: dict[str, bytes] = {}
        for record in records:
            key = (record.key or b"").decode(errors="replace")
            if self._keep is not None and self._rests(record.value):
                rows.pop(key, None)
                values[key] = record.value
                self.result.rows += 1
                self.result.shadowed.discard(key)
            else:
                self._take(key, record, rows)
                if key in rows:
                    values.pop(key, None)
        if self._keep is not None and values:
            self._keep(values)
        self._state.apply(rows, ledger_end=records[-1].offset + 1)
        self.result.owner = self._owner

    def _rests(self, value: bytes | None) -> bool:
        """Whether a row counts, and needs no more than to be kept as it is."""
        return value is not None and surely_rests(value) and (self._counts_all or value.endswith(self._ending))

    def _take(self, key: str, record: ConsumerRecord, rows: dict[str, AnyRow | None]) -> None:
        row, owner = _read(record)
        if isinstance(row, ClaimRow):
            self._belongs_to(row.owner)
            self._counts_all = False
            self.result.claims.append(row.owner)
            return
        if owner is None or self._counts_all:
            # Written in a transaction: nobody who claimed the partition before writes there by right. Or nobody has
            # claimed it yet, as far as anybody still needs to know.
            self._belongs_to(None)
        elif owner != self._owner:
            self.result.shadowed.add(key)
            return
        self.result.shadowed.discard(key)
        if row is None and key.startswith(CLAIM_PREFIX):
            self.result.claims = [claim for claim in self.result.claims if claim_key(claim) != key]
            return
        if isinstance(row, HeaderRow):
            self.result.header = row
        else:
            rows[key] = row
            self.result.rows += row is not None


def _read(record: ConsumerRecord) -> tuple[AnyRow | None, str | None]:
    """The row of a record, None for a removal, and who wrote it."""
    if record.value is None:
        return None, next((value.decode() for name, value in record.headers if name == OWNER_HEADER and value), None)
    try:
        written = WrittenRow.decode(record.value)
    except ValueError as error:
        msg = (
            f"record {record.offset} of {record.topic}[{record.partition}] is not a ledger row: "
            "point KAFKA__TOPICS__LEDGER at a topic that only this connector writes"
        )
        raise Refused(msg) from error
    return written.row, written.owner


async def restore(
    connection: KafkaConnection, ledger: TopicPartition, state: RowSink, owner: str | None = None
) -> Restored:
    """Read a ledger partition to its end into `state`, from where that ends; `owner` is whose claim counts there.

    The end is compared with positions, never with a count: control records of transactions leave gaps. It is the end
    of all records, not of the committed ones: a transaction of the former owner may be decided while its markers are
    still on their way, and rows that become visible a moment later would be missed. Nobody but that one can have
    written there, so what is committed reaches this end as soon as the markers are there.

    Raises:
        Outrun: The state reaches beyond the ledger, or ends before its start.
        Refused: It holds something that is no row.
        KafkaUnavailable: Kafka does not answer.
    """
    end = await _end_of_all_records(connection, ledger)
    consumer = connection.consumer(max_partition_fetch_bytes=FETCHED_BYTES)
    try:
        await within(CALL_DEADLINE, consumer.start(), "restoring the ledger")
        consumer.assign([ledger])
        return await _read_to(end, consumer, ledger, Fold(state, owner), state)
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


async def _read_to(
    end: int, consumer: AIOKafkaConsumer, ledger: TopicPartition, fold: Fold, state: RowSink
) -> Restored:
    starts = await within(CALL_DEADLINE, consumer.beginning_offsets([ledger]), "restoring the ledger")
    fold.result.end = end
    position = max(starts[ledger], state.ledger_end)
    if state.ledger_end and not starts[ledger] <= state.ledger_end <= end:
        msg = f"it reaches offset {state.ledger_end}, the ledger has {starts[ledger]} to {end}"
        raise Outrun(msg)
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
            raise standing_still("restoring", ledger, position)
        position = reached
    state.apply({}, ledger_end=position)
    return fold.result
