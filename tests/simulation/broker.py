"""Apache Kafka as far as the connector can tell: logs, transactional producers with epochs, consumer groups.

Everything here happens at once and in order, as inside of one broker; what travels there and back, and what goes
wrong on the way, is `clients`' business. Rules: `tests/simulation/test_conformance.py` asks the same of a real one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random

from aiokafka.errors import (
    InvalidProducerEpoch,
    ProducerFenced,
    TransactionalIdAuthorizationFailed,
    UnknownTopicOrPartitionError,
)
from aiokafka.structs import OffsetAndMetadata, TopicPartition

from tests.simulation.groups import Group
from tests.simulation.stored import Fate, Headers, Log, Stored
from tests.simulation.virtual_loop import VirtualLoop

#: Seconds that an open transaction may last, and how late its markers come.
TRANSACTION_TIMEOUT = 20.0
MARKERS_USUALLY, MARKERS_AT_WORST = 0.01, 3.0

Offsets = dict[TopicPartition, OffsetAndMetadata]


@dataclass(slots=True)
class Transactions:
    """What the coordinator knows of one transactional id.

    Attributes:
        deciding: An end is decided and its markers are on their way: until then nobody begins anew.
    """

    epoch: int = -1
    deciding: bool = False
    open_since: float | None = None
    places: set[TopicPartition] = field(default_factory=set)
    offsets: dict[str, Offsets] = field(default_factory=dict)


class Broker:
    """See the module.

    Attributes:
        may_transact: Whether an ACL lets the connector use its transactional ids.
    """

    def __init__(self, loop: VirtualLoop, random: Random) -> None:
        self.loop = loop
        self.random = random
        self.logs: dict[TopicPartition, Log] = {}
        self.configs: dict[str, dict[str, str]] = {}
        self.groups: dict[str, Group] = {}
        self.transactions: dict[str, Transactions] = {}
        self.committed: dict[str, Offsets] = {}
        self._is_up = True
        self.bounces = 0
        self.markers_late = 0.0
        self.may_transact = True
        self._wakers: dict[Callable[[TopicPartition], None], None] = {}
        self._names = 0

    @property
    def is_up(self) -> bool:
        """Whether somebody reaches it; going away breaks every connection."""
        return self._is_up

    @is_up.setter
    def is_up(self, value: bool) -> None:
        self.bounces += self._is_up and not value
        self._is_up = value

    def next_name(self, kind: str) -> str:
        """A name that nobody has yet; the same ones in every run, since assignments go by their order."""
        self._names += 1
        return f"{kind}-{self._names:04}"

    # --- topics ----------------------------------------------------------------------------------------------

    def create(self, topic: str, partitions: int, configs: Mapping[str, str]) -> None:
        """A new topic."""
        self.configs[topic] = dict(configs)
        for number in range(partitions):
            self.logs[TopicPartition(topic, number)] = Log(topic, number)

    def partitions(self, topic: str) -> set[int]:
        """Its partitions."""
        return {place.partition for place in self.logs if place.topic == topic}

    def log(self, place: TopicPartition) -> Log:
        """One partition."""
        if place not in self.logs:
            raise UnknownTopicOrPartitionError(place.topic)
        return self.logs[place]

    def clean(self, place: TopicPartition) -> None:
        """The cleaner comes by."""
        lag = int(self.configs[place.topic].get("min.compaction.lag.ms", "0"))
        self.log(place).compact(before=self._now() - lag if lag else None)

    def on_news(self, waker: Callable[[TopicPartition], None]) -> Callable[[], None]:
        """Be woken when a partition has something new for readers; returns how to stop that."""
        self._wakers[waker] = None
        return lambda: self._wakers.pop(waker, None)

    def append(
        self,
        place: TopicPartition,
        record: tuple[bytes | None, bytes | None, Headers],
        transactional_id: str | None = None,
        epoch: int = 0,
    ) -> Stored:
        """Store a record, in the producer's open transaction if it has one."""
        log = self.log(place)
        key, value, headers = record
        fate = Fate.PLAIN
        if transactional_id is not None:
            transactions = self._current(transactional_id, epoch)
            transactions.places.add(place)
            fate = Fate.PENDING
        stored = log.append(key, value, headers, timestamp=self._now(), transactional_id=transactional_id, fate=fate)
        if fate is Fate.PLAIN:
            self._wake(place)
        return stored

    def _now(self) -> int:
        return int(self.loop.time() * 1000)

    def _wake(self, place: TopicPartition) -> None:
        for waker in self._wakers:
            waker(place)

    # --- transactions ----------------------------------------------------------------------------------------

    def take_over(self, transactional_id: str) -> int:
        """A producer with that id starts: its predecessor is fenced and what that one left open is aborted."""
        if not self.may_transact:
            raise TransactionalIdAuthorizationFailed(transactional_id)
        transactions = self.transactions.setdefault(transactional_id, Transactions())
        if transactions.open_since is not None:
            self._end(transactional_id, transactions, commit=False)
        transactions.epoch += 1
        return transactions.epoch

    def _current(self, transactional_id: str, epoch: int) -> Transactions:
        transactions = self.transactions[transactional_id]
        if epoch < transactions.epoch:
            raise (ProducerFenced if self.random.random() < 0.5 else InvalidProducerEpoch)
        return transactions

    def begin(self, transactional_id: str, epoch: int) -> None:
        """A transaction is open from its first record on; the broker ends it itself when it lasts too long."""
        transactions = self._current(transactional_id, epoch)
        if transactions.open_since is None:
            transactions.open_since = self.loop.time()
            self.loop.later_in_the_world(TRANSACTION_TIMEOUT, self._expire, transactional_id, transactions.open_since)

    def _expire(self, transactional_id: str, opened: float) -> None:
        transactions = self.transactions[transactional_id]
        if transactions.open_since == opened:
            transactions.epoch += 1
            self._end(transactional_id, transactions, commit=False)

    def add_offsets(self, transactional_id: str, epoch: int, group: str, offsets: Offsets) -> None:
        """Offsets that become true with the transaction."""
        self._current(transactional_id, epoch).offsets.setdefault(group, {}).update(offsets)

    def end(self, transactional_id: str, epoch: int, *, commit: bool) -> None:
        """Decide the open transaction; when it is decided already, say yes again."""
        transactions = self._current(transactional_id, epoch)
        if transactions.open_since is not None:
            self._end(transactional_id, transactions, commit=commit)

    def _end(self, transactional_id: str, transactions: Transactions, *, commit: bool) -> None:
        decided, offsets = self._pending(transactional_id), transactions.offsets
        transactions.places, transactions.offsets, transactions.open_since = set(), {}, None
        transactions.deciding = True
        pause = self.random.uniform(0, MARKERS_USUALLY) + self.markers_late

        def write_markers() -> None:
            transactions.deciding = False
            for place, records in decided.items():
                for record in records:
                    record.fate = Fate.COMMITTED if commit else Fate.ABORTED
                self.logs[place].append(None, None, (), timestamp=self._now(), fate=Fate.MARKER)
            if commit:
                for group, moved in offsets.items():
                    self.committed.setdefault(group, {}).update(moved)
            for place in decided:
                self._wake(place)

        self.loop.later_in_the_world(pause, write_markers)

    def is_deciding(self, transactional_id: str) -> bool:
        """Whether it answers CONCURRENT_TRANSACTIONS to everything that concerns a new transaction."""
        return transactional_id in self.transactions and self.transactions[transactional_id].deciding

    def pending(self, transactional_id: str) -> list[Stored]:
        """What the open transaction has written."""
        return [record for records in self._pending(transactional_id).values() for record in records]

    def _pending(self, transactional_id: str) -> dict[TopicPartition, list[Stored]]:
        places = self.transactions[transactional_id].places
        return {place: [r for r in self.logs[place].records if _is_pending(r, transactional_id)] for place in places}

    # --- groups ----------------------------------------------------------------------------------------------

    def group(self, name: str) -> Group:
        """A consumer group."""
        if name not in self.groups:
            self.groups[name] = Group(self.loop, self.partitions)
        return self.groups[name]

    def commit(self, group: str, offsets: Offsets) -> None:
        """Offsets outside of a transaction."""
        self.committed.setdefault(group, {}).update(offsets)


def _is_pending(record: Stored, transactional_id: str) -> bool:
    return record.fate is Fate.PENDING and record.transactional_id == transactional_id
