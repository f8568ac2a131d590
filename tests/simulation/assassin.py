"""Kills a replica at a chosen boundary, and counts how often each was reached."""

from collections import Counter
from dataclasses import dataclass, field

from tests.simulation.effects import Phase, closes_multipart, is_answer, request_of
from tests.simulation.network import _End as End
from tests.simulation.virtual_loop import PROCESS
from tests.simulation.world import World

#: Seconds until the dead replica is started again.
RESTART = 1.0
WEBHOOK, UPLOAD = "POST /hooks/rossum", "POST /uploads"


@dataclass(frozen=True, slots=True)
class Crash:
    """Where to die: at a boundary, on one side of its effect, when it is reached for the nth time from now on."""

    boundary: str
    phase: Phase
    nth: int = 1


@dataclass(slots=True)
class Assassin:
    """See the module; `plan` is worked off one by one.

    Attributes:
        reached: How often each boundary was reached on each side.
        kills: Who died where, and when.
    """

    world: World
    plan: list[Crash]
    reached: Counter[tuple[str, Phase]] = field(default_factory=Counter)
    kills: list[str] = field(default_factory=list)
    _passed: int = 0
    _asked: dict[End, str] = field(default_factory=dict)

    def aim(self, crash: Crash) -> None:
        """That one is next, whatever else was planned and has not come."""
        self.plan, self._passed = [crash], 0

    def install(self) -> None:
        """From here on every effect is watched."""
        self.world.wire.on_boundary = lambda names, phase: self._reach(PROCESS.get(), names, phase)
        self.world.network.tap = self._tap

    def _reach(self, process: str | None, names: tuple[str, ...], phase: Phase) -> bool:
        if process is None:
            return False
        self.reached.update((name, phase) for name in names)
        if not self.plan or self.plan[0].boundary not in names or self.plan[0].phase is not phase:
            return False
        self._passed += 1
        return self._passed >= self.plan[0].nth and self._kill(process)

    def _kill(self, process: str) -> bool:
        victim = next((replica for replica in self.world.replicas if replica.name == process), None)
        if victim is None:
            return False
        crash, self.plan, self._passed = self.plan[0], self.plan[1:], 0
        self.world.say(f"boundary: {crash.boundary}, {crash.phase.value}")
        self.kills.append(f"{crash.boundary}, {crash.phase.value}")
        self.world.kill(victim)
        self.world.loop.later_in_the_world(RESTART, self._again, victim.index)
        return True

    def _again(self, index: int) -> None:
        if all(replica.index != index for replica in self.world.replicas):
            self.world.start_replica(index)

    def _tap(self, sender: End, data: bytes, phase: Phase) -> bool:
        """A piece of HTTP leaves or has arrived."""
        ours = sender.process or sender.peer.process
        name = self._name(sender, data)
        return name is not None and ours is not None and self._reach(ours, (name,), phase)

    def _name(self, sender: End, data: bytes) -> str | None:
        client = sender if sender.is_client else sender.peer
        if not sender.is_client:
            return f"answer to {self._asked.get(client)}" if is_answer(data) else None
        request = request_of(data)
        if request is not None:
            self._asked[client] = request
            return request
        if self._asked.get(client) == UPLOAD:
            return "closing boundary of an upload" if closes_multipart(data) else "body of an upload"
        return None
