"""Opening a partition: take it over, restore it, and make sure that its ledger is this deployment's."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol
from uuid import uuid4

import orjson
from aiokafka.structs import TopicPartition

from connector.contracts.catalogue import TopicRole
from connector.domain.ids import IDENTITY_VERSION, format_clock
from connector.domain.rows import CLAIM_PREFIX, HeaderRow, WrittenRow, claim_key, encode_row, header_key
from connector.engine.committer import Encode
from connector.engine.owner import Owner
from connector.engine.services import Services
from connector.errors import KafkaUnavailable, Refused
from connector.kafka.connection import CALL_DEADLINE, KafkaConnection, within
from connector.kafka.holding import ReadPositions
from connector.kafka.lookup import RecordLookup
from connector.kafka.names import Names
from connector.kafka.plain_log import CommitOffsets, PlainLog
from connector.kafka.restore import RESTORES_AT_ONCE, Outrun, Restored, restore
from connector.kafka.seat import ROLES
from connector.kafka.transactional_log import TransactionalLog
from connector.ports import Batch, State, States

KafkaLog = TransactionalLog | PlainLog


class Birth(Protocol):
    """What the first header row needs to know of Rossum."""

    async def organization(self) -> int:
        """The organisation of our credentials."""

    async def server_time(self) -> datetime:
        """Rossum's time now."""


class Opener:
    """Makes owners; see :class:`connector.kafka.group.OwnerGroup` for when."""

    def __init__(  # noqa: PLR0913 - a leaf of the composition root
        self,
        connection: KafkaConnection,
        names: Names,
        lookup: RecordLookup,
        *,
        rossum: Birth,
        services_of: Callable[[HeaderRow], Services],
        states: States,
        encode: Encode,
        exactly_once: bool,
        managed: bool,
        max_bytes: int,
    ) -> None:
        self._connection = connection
        self._names = names
        self._lookup = lookup
        self._rossum = rossum
        self._services_of = services_of
        self._states = states
        self._restoring = asyncio.Semaphore(RESTORES_AT_ONCE)
        self._encode = encode
        self._exactly_once = exactly_once
        self._managed = managed
        self._max_bytes = max_bytes
        self._organization: int | None = None

    async def open(self, partition: int, positions: ReadPositions, commit_offsets: CommitOffsets) -> Owner:
        """The owner of a partition, restored and checked.

        Raises:
            Refused: The ledger is not ours, or has lost what the committed offsets rest on.
            KafkaUnavailable: Not now.
        """
        log = await self._take_over(partition, commit_offsets)
        try:
            # Before the restore: a stamp that somebody who took over meanwhile writes would speak of a later end.
            stamps = await self._stamps(partition) if self._managed else {}
            async with self._restoring:
                state, restored = await self._restored(partition)
            log.ledger_end = restored.end
            for place, stamp in stamps.items():
                self._check_stamp(place, stamp, restored)
            header = await self._header(partition, log, restored)
            await _bring_forward(restored, header, partition, state, log)
            await _remove_claims(restored, log)
            log.incarnation = header.incarnation
            if self._exactly_once:
                # Else of no use to anybody: which rows after it count depends on claims before its end.
                self._states.keep(partition, header.incarnation)
            return Owner(
                partition,
                services=self._services_of(header),
                log=log,
                state=state,
                positions=await positions(),
                encode=self._encode,
            )
        except BaseException:
            await log.close()
            raise

    async def _restored(self, partition: int) -> tuple[State, Restored]:
        """The rows of a partition: what is kept of them and the rest of the ledger, else the whole ledger."""
        ledger = self._ledger(partition)
        if not self._exactly_once:
            # Whose rows count depends on claims that lie before what would be read.
            state = self._states.empty(partition)
            return state, await restore(self._connection, ledger, state)
        state = self._states.open(partition)
        try:
            header = await self._header_of(state, partition)
            restored = await restore(self._connection, ledger, state)
        except Outrun as doubt:
            header, state = None, self._states.afresh(partition, f"the local state can't be used: {doubt}")
            restored = await restore(self._connection, ledger, state)
        restored.header = restored.header or header
        return state, restored

    async def _header_of(self, state: State, partition: int) -> HeaderRow | None:
        """The header of the ledger that a kept state goes with; its row lies before what is read.

        Raises:
            Outrun: It goes with another ledger, or nobody can say.
        """
        if not state.ledger_end:
            return None
        header = await self._first_header_row(partition)
        if header is None or header.incarnation != self._states.kept_from(partition):
            raise Outrun("it goes with another ledger")
        return header

    async def _take_over(self, partition: int, commit_offsets: CommitOffsets) -> KafkaLog:
        if self._exactly_once:
            return await TransactionalLog.open(
                self._connection, partition, self._names, self._lookup, max_bytes=self._max_bytes
            )
        return await PlainLog.open(
            self._connection,
            partition,
            self._names,
            self._lookup,
            commit_offsets=commit_offsets,
            max_bytes=self._max_bytes,
        )

    def _ledger(self, partition: int) -> TopicPartition:
        return TopicPartition(self._names.topics[TopicRole.LEDGER], partition)

    async def _header(self, partition: int, log: KafkaLog, restored: Restored) -> HeaderRow:
        """The header of this partition: its own, else partition 0's, else (for partition 0) a new one."""
        if self._organization is None:
            self._organization = await self._rossum.organization()
        organization = self._organization
        header = restored.header
        if header is None:
            header = await self._first_header(partition, organization)
            value = encode_row(header, log.owner)
            await log.commit(Batch((), {header_key(partition): value}, {}))
        self._check(header, organization)
        return header

    async def _first_header(self, partition: int, organization: int) -> HeaderRow:
        if partition == 0:
            return HeaderRow(
                incarnation=uuid4().hex,
                start=format_clock(await self._rossum.server_time()),
                group=self._names.group,
                partitions=self._names.partitions,
                organization=organization,
                identity_version=IDENTITY_VERSION,
            )
        header = await self._first_header_row(0)
        if header is None:
            raise KafkaUnavailable("the owner of partition 0 has not written the header of the ledger yet")
        return header

    async def _first_header_row(self, partition: int) -> HeaderRow | None:
        """The header of a partition's ledger, as it stands there."""
        record = await self._lookup.first_with_key(self._ledger(partition), header_key(partition).encode())
        if record is None or record.value is None:
            return None
        row = WrittenRow.decode(record.value).row
        if not isinstance(row, HeaderRow):
            ledger = self._names.topics[TopicRole.LEDGER]
            raise Refused(f"{ledger}[{partition}] holds no header row where it should")
        return row

    def _check(self, header: HeaderRow, organization: int) -> None:
        ledger = self._names.topics[TopicRole.LEDGER]
        ours = (self._names.group, self._names.partitions, organization)
        theirs = (header.group, header.partitions, header.organization)
        what = ("KAFKA__GROUP_ID", "KAFKA__WORK_PARTITIONS", "the Rossum organisation")
        for name, expected, found in zip(what, ours, theirs, strict=True):
            if expected != found:
                msg = (
                    f"ledger {ledger} belongs to another deployment: {name} is {expected} here and {found} "
                    "there; give this deployment a KAFKA__TOPIC_PREFIX of its own, or use that one's settings"
                )
                raise Refused(msg)

    async def _stamps(self, partition: int) -> Mapping[TopicPartition, str]:
        """The metadata of the committed offsets: which ledger they go with, and how far it had come."""
        places = [TopicPartition(self._names.topics[role], partition) for role in ROLES]
        async with self._connection.admin() as admin:
            offsets = await within(
                CALL_DEADLINE,
                admin.list_consumer_group_offsets(self._names.group, partitions=places),
                "reading committed offsets",
            )
        found = {place: offsets.get(place) for place in places}
        return {place: stamp.metadata for place, stamp in found.items() if stamp is not None and stamp.offset >= 0}

    def _check_stamp(self, place: TopicPartition, metadata: str, restored: Restored) -> None:
        """An emptied, foreign or shortened ledger is refused.

        Raises:
            Refused: It is one of these.
        """
        ledger = f"{self._names.topics[TopicRole.LEDGER]}[{place.partition}]"
        cure = "restore the topic, or start a new deployment with another KAFKA__GROUP_ID and KAFKA__TOPIC_PREFIX"
        if restored.header is None:
            msg = f"ledger {ledger} is empty although group {self._names.group} has committed offsets: {cure}"
            raise Refused(msg)
        try:
            stamp = orjson.loads(metadata or "{}")
        except orjson.JSONDecodeError:
            stamp = {}
        if stamp.get("incarnation", restored.header.incarnation) != restored.header.incarnation:
            raise Refused(f"ledger {ledger} is not the one that the committed offsets go with: {cure}")
        if stamp.get("ledger_end", 0) > restored.end:
            msg = f"ledger {ledger} ends at {restored.end}, but had reached {stamp['ledger_end']}: {cure}"
            raise Refused(msg)


async def _bring_forward(restored: Restored, header: HeaderRow, partition: int, state: State, log: KafkaLog) -> None:
    """Write again what rows that do not count stand in front of, before the cleaner removes it.

    Where nothing stands behind such a row it is removed: without the claims in front of it, it would count. Claims
    alone are left, because they have to go oldest first.
    """
    keys = [key for key in restored.shadowed if not key.startswith(CLAIM_PREFIX)]
    found = {key: header if key == header_key(partition) else state.get(key) for key in keys}
    hidden = {key: None if row is None else encode_row(row, log.owner) for key, row in found.items()}
    if hidden:
        log.ledger_end = await log.commit(Batch((), hidden, {}))


async def _remove_claims(restored: Restored, log: KafkaLog) -> None:
    """Remove the claims before our own: nothing rests on them once all that they keep from counting is behind us.

    On its own, after what was brought forward: that has failed if there is another owner by now.
    """
    if log.owner in restored.claims:
        before = restored.claims[: restored.claims.index(log.owner)]
        if before:
            log.ledger_end = await log.commit(Batch((), dict.fromkeys(map(claim_key, before)), {}))
