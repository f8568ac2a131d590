"""A consumer group: eager rebalances, generations, members that are put out when they fall silent."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from aiokafka.structs import TopicPartition

from tests.simulation.virtual_loop import VirtualLoop

#: Seconds without a heartbeat after which a member is out, and that the others wait for it in a rebalance.
SESSION_TIMEOUT, REBALANCE_TIMEOUT = 15.0, 60.0
#: Seconds between two looks at silent members.
_LOOK = 1.0


@dataclass(slots=True)
class _Member:
    topics: tuple[str, ...]
    heard: float
    joined: bool = False
    assignment: set[TopicPartition] = field(default_factory=set)


class Group:
    """See the module."""

    def __init__(self, loop: VirtualLoop, partitions: Callable[[str], set[int]]) -> None:
        self._loop = loop
        self._partitions = partitions
        self._members: dict[str, _Member] = {}
        self._began: float | None = None
        self.generation = 0
        loop.later_in_the_world(_LOOK, self._put_out_silent)

    def join(self, member: str, topics: Iterable[str]) -> None:
        """A member wants in (again): everybody has to join anew."""
        self._members[member] = _Member(tuple(sorted(topics)), self._loop.time(), joined=True)
        if self._began is None:
            self._began = self._loop.time()
            for name, other in self._members.items():
                other.joined = name == member
        self._finish()

    def heartbeat(self, member: str) -> str:
        """`stable`, `rebalancing` (join again) or `unknown` (it was put out)."""
        if member not in self._members:
            return "unknown"
        self._members[member].heard = self._loop.time()
        return "rebalancing" if self._began is not None and not self._members[member].joined else "stable"

    def assignment(self, member: str) -> set[TopicPartition] | None:
        """Its partitions once the rebalance is over; None while it is not."""
        if self._began is not None or member not in self._members:
            return None
        return set(self._members[member].assignment)

    def knows(self, member: str, generation: int) -> bool:
        """Whether it may commit."""
        return member in self._members and generation == self.generation and self._began is None

    @property
    def members(self) -> list[str]:
        """Who is in."""
        return list(self._members)

    def leave(self, member: str) -> None:
        """It goes by itself."""
        if self._members.pop(member, None) is not None:
            self._rebalance()

    def _rebalance(self) -> None:
        if self._members and self._began is None:
            self._began = self._loop.time()
            for other in self._members.values():
                other.joined = False
        self._finish()

    def _finish(self) -> None:
        """All have joined: a new generation, partitions by range."""
        if self._began is None or not all(member.joined for member in self._members.values()):
            return
        self._began = None
        self.generation += 1
        for member in self._members.values():
            member.assignment = set()
        for topic in {topic for member in self._members.values() for topic in member.topics}:
            readers = sorted(name for name, member in self._members.items() if topic in member.topics)
            numbers = sorted(self._partitions(topic))
            share, more = divmod(len(numbers), len(readers))
            first = 0
            for place, name in enumerate(readers):
                last = first + share + (place < more)
                self._members[name].assignment |= {TopicPartition(topic, number) for number in numbers[first:last]}
                first = last

    def _put_out_silent(self) -> None:
        now = self._loop.time()
        waited = now - self._began if self._began is not None else 0.0
        silent = [
            name
            for name, member in self._members.items()
            if now - member.heard > SESSION_TIMEOUT or (waited > REBALANCE_TIMEOUT and not member.joined)
        ]
        for name in silent:
            del self._members[name]
        if silent:
            self._rebalance()
        self._loop.later_in_the_world(_LOOK, self._put_out_silent)
