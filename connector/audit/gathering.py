"""Gathers what Kafka holds: the ledger, the public topics, and what waits in the inner logs. Writes nothing there.

The ends of the public topics are taken before the ledger is read and again after it. An event from before has its
row in what was read, and a row that was read has its event before the later end: what is committed meanwhile is
never taken for a difference.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field

from connector.audit.evidence import Head, Heads, Sighting
from connector.audit.spill import Spill
from connector.contracts.catalogue import TopicRole
from connector.contracts.published import read_published
from connector.domain.floor import FloorRow
from connector.domain.ids import AnnotationId, annotation_entity, import_entity
from connector.domain.messages import Hint, Linked, decode_work
from connector.domain.rows import AnyRow, HeaderRow, ImportRow, SweepRow
from connector.errors import Refused
from connector.kafka.connection import KafkaConnection
from connector.kafka.names import Names
from connector.kafka.reading import Stretch, TopicRecord, after, fold, records, stretches, unfinished
from connector.progress import Progress
from connector.redrive.letters import read_letter

#: The topics that everybody may read; arrivals are compared by what became of them.
PUBLIC = (TopicRole.CAPTURED, TopicRole.LIFECYCLE, TopicRole.READY, TopicRole.DEAD_LETTERS)


@dataclass(slots=True)
class _Ledger:
    """One partition on its way into the spill; implements :class:`connector.kafka.restore.RowSink`.

    Attributes:
        owner: Whose rows count where reading goes on, in at-least-once mode.
    """

    spill: Spill
    found: "Gathered"
    ledger_end: int = 0
    owner: str | None = None

    def apply(self, rows: Mapping[str, AnyRow | None], *, ledger_end: int) -> None:
        """Take in rows; an import's row also tells its annotations where they come from."""
        for entity, row in rows.items():
            self.spill.put_row(entity, row)
            if isinstance(row, ImportRow):
                for annotation in row.annotations:
                    named = annotation_entity(AnnotationId(int(annotation)))
                    self.spill.put_link(named, entity, row.accepted_at or "")
            elif isinstance(row, SweepRow):
                self.found.sweeps[row.clock] = row
            elif isinstance(row, FloorRow):
                self.found.floors[entity] = row
        self.ledger_end = max(self.ledger_end, ledger_end)


@dataclass(slots=True)
class Gathered:
    """What Kafka told beside what went into the spill.

    Attributes:
        floors: What the ledger has forgotten, by the key of the row that says so.
        partitions: Of the ledger.
        settled: By topic and partition: events below this offset were written before the ledger was read.
        records: How many records of each public topic were read.
        replayed: How many of them a replay wrote.
        foreign: How many are no events of this product.
        waiting: Arrivals that the intake has not copied yet.
        lost: What was deleted from arrivals and inner logs before it was read, by its place.
    """

    header: HeaderRow | None = None
    sweeps: dict[str, SweepRow] = field(default_factory=dict)
    floors: dict[str, FloorRow] = field(default_factory=dict)
    partitions: int = 1
    heads: Heads = field(default_factory=Heads)
    settled: dict[tuple[TopicRole, int], int] = field(default_factory=dict)
    records: Counter[TopicRole] = field(default_factory=Counter)
    replayed: int = 0
    foreign: int = 0
    waiting: int = 0
    lost: dict[tuple[TopicRole, int, int], Stretch] = field(default_factory=dict)


class Gathering:
    """Reads Kafka into a spill; each further look reads only what has come since.

    Args:
        names: Topics to read; those of an audited copy in place of the original.
        cluster: Id of the cluster: imports without another name are named after it.
    """

    def __init__(
        self, connection: KafkaConnection, names: Names, *, cluster: str, make_spill: Callable[[int], Spill]
    ) -> None:
        self._connection = connection
        self._names = names
        self._cluster = cluster
        self._make_spill = make_spill
        self._roles = {name: role for role, name in names.topics.items()}
        self._made: Spill | None = None
        self._read: list[Stretch] = []
        self._ledgers: dict[int, _Ledger] = {}
        self._firsts: dict[tuple[TopicRole, int], int] = {}
        self.found = Gathered()

    async def look(self, progress: Progress) -> Spill:
        """Read what is new of everything.

        Raises:
            Refused: A topic is not there, or the ledger holds nothing.
            KafkaUnavailable: Kafka does not answer.
        """
        public = [self._names.topics[role] for role in PUBLIC]
        before = await stretches(self._connection, public)
        self.found.settled = {(self._roles[s.topic], s.partition): s.end for s in before}
        spill = await self._spill(before)
        await self._look_at_ledger(progress)
        now = await stretches(self._connection, public)
        new = after(self._read, now) if self._read else now
        for role in PUBLIC:
            await self._look_at_topic(role, [s for s in new if self._roles[s.topic] is role], spill, progress)
        if not self._read:
            self._note_heads(now)
        self._read = now
        await self._look_at_waiting(spill)
        return spill

    async def _spill(self, public: Iterable[Stretch]) -> Spill:
        if self._made is None:
            ledger = await stretches(self._connection, [self._names.topics[TopicRole.LEDGER]])
            self._made = self._make_spill(sum(s.end - s.start for s in (*public, *ledger)))
            self._ledgers = {s.partition: _Ledger(self._made, self.found) for s in ledger}
            self.found.partitions = len(ledger)
        return self._made

    async def _look_at_ledger(self, progress: Progress) -> None:
        topic = self._names.topics[TopicRole.LEDGER]
        progress.begin(f"reading {topic} (partitions)", len(self._ledgers))
        for partition, ledger in self._ledgers.items():
            restored = await fold(self._connection, topic, partition, ledger, ledger.owner)
            ledger.owner = restored.owner
            self.found.header = self.found.header or restored.header
            progress.step()
        if self.found.header is None:
            raise Refused(f"the ledger {topic} holds nothing: has this deployment ever been started?")

    async def _look_at_topic(self, role: TopicRole, new: list[Stretch], spill: Spill, progress: Progress) -> None:
        take = self._letter if role is TopicRole.DEAD_LETTERS else self._event
        progress.begin(f"reading {self._names.topics[role]}", sum(s.end - s.start for s in new))
        async with aclosing(records(self._connection, new)) as batches:
            async for batch in batches:
                for record in batch:
                    self._firsts.setdefault((role, record.partition), record.timestamp_ms)
                    take(role, record, spill)
                self.found.records[role] += len(batch)
                progress.step(len(batch))

    def _event(self, role: TopicRole, record: TopicRecord, spill: Spill) -> None:
        try:
            event = read_published(record.value, record.headers)
        except ValueError:
            self.found.foreign += 1
            return
        self.found.replayed += event.replay is not None
        sighting = Sighting(role, event, record.partition, record.offset, record.timestamp_ms)
        spill.put_sighting(event.entity, sighting)

    def _letter(self, _role: TopicRole, record: TopicRecord, spill: Spill) -> None:
        letter = read_letter(record, self._cluster)
        if letter is None:
            self.found.foreign += 1
        else:
            spill.put_letter(import_entity(letter.import_id), letter.died_ms)

    def _note_heads(self, now: Iterable[Stretch]) -> None:
        """Which partitions have lost their beginning, and what is first there now."""
        partitions: Counter[TopicRole] = Counter(self._roles[s.topic] for s in now)
        cut = tuple(
            Head(self._roles[s.topic], s.partition, s.start, self._firsts.get((self._roles[s.topic], s.partition)))
            for s in now
            if s.start > 0
        )
        self.found.heads = Heads(partitions, cut)

    async def _look_at_waiting(self, spill: Spill) -> None:
        """What the groups have not finished: hints, copies of announcements, arrivals."""
        names = self._names
        logs = await stretches(self._connection, [names.topics[TopicRole.WORK], names.topics[TopicRole.IMPORTS]])
        left, lost = await unfinished(self._connection, names.group, logs)
        self._note_losses(lost)
        async with aclosing(records(self._connection, left)) as batches:
            async for batch in batches:
                for record in batch:
                    self._waiting(record, spill)
        arrived = await stretches(self._connection, [names.topics[TopicRole.ARRIVED]])
        rest, lost = await unfinished(self._connection, names.intake_group, arrived)
        self._note_losses(lost)
        self.found.waiting = sum(s.end - s.start for s in rest)

    def _note_losses(self, lost: Iterable[Stretch]) -> None:
        """They stay true when the service goes on behind them."""
        self.found.lost |= {(self._roles[s.topic], s.partition, s.start): s for s in lost}

    def _waiting(self, record: TopicRecord, spill: Spill) -> None:
        if self._roles[record.topic] is TopicRole.IMPORTS:
            spill.put_copy((record.key or b"").decode(errors="replace"))
            return
        try:
            messages = decode_work(record.value or b"")
        except ValueError:
            return
        for message in messages:
            if isinstance(message, (Hint, Linked)):
                spill.put_hint(message.entity)
