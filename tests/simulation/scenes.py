"""Faults that only hurt at one moment, each staged at that moment in a simulated deployment.

python -m tests.simulation.scenes            all of them
python -m tests.simulation.scenes NAME -v    that one, with its story
"""

import argparse
import base64
import os
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import orjson
from aiokafka.structs import TopicPartition

from connector.domain.ids import import_entity
from connector.domain.rows import ImportRow, ImportState
from tests.simulation.assassin import Assassin, Crash
from tests.simulation.checker import Watcher, is_settled, promised, rows_of, twins, violations
from tests.simulation.children import in_a_child
from tests.simulation.effects import Phase
from tests.simulation.network import _End as End
from tests.simulation.run import add_hook
from tests.simulation.stage import listen, prepare
from tests.simulation.virtual_loop import PROCESS, VirtualLoop, pause
from tests.simulation.workload import POISON, Document, announce, put
from tests.simulation.world import BASE, FIRST_OPS_PORT, World, new_world, run_in_virtual_time

#: Virtual seconds until everything must have come out.
SETTLED_WITHIN = 120.0
#: Longer than the session timeout, and than an upload without a trace needs to settle and be made again.
FROZEN_FOR = 36.0
#: Bytes of a document that does not leave in one piece.
LARGE = 300_000
LEAVES_WITHIN = 45.0


@dataclass(slots=True)
class Scene:
    """A world with replicas at work and somebody who watches."""

    world: World
    watcher: Watcher

    async def ended(self, documents: list[Document]) -> list[str]:
        """What is broken once all has come out, or the patience is over; a twin is broken too."""
        until = self.world.loop.time() + SETTLED_WITHIN
        while not await is_settled(self.world, documents) and self.world.loop.time() < until:
            await pause(1.0)
        await pause(5.0)
        found = await violations(self.world, documents, self.watcher)
        found += [f"a twin: {what}" for what in (await twins(self.world)).values()]
        return promised(self.world.delivery, found)


Play = Callable[[Scene], Awaitable[list[str]]]
#: Every scene: how many replicas, settings, what happens.
SCENES: dict[str, tuple[int, dict[str, str], Play]] = {}


def staged(replicas: int, **more: str) -> Callable[[Play], Play]:
    """Register a scene."""

    def register(play: Play) -> Play:
        SCENES[getattr(play, "__name__", "")] = (replicas, more, play)
        return play

    return register


@dataclass(slots=True)
class Pause(Assassin):
    """Freezes a replica in the middle of the body of an upload, whose connection takes no more until it is let go."""

    sender: End | None = None

    def _tap(self, sender: End, data: bytes, phase: Phase) -> bool:
        name = self._name(sender, data)
        if self.sender is None and name == "body of an upload" and phase is Phase.BEFORE and sender.process:
            self.sender = sender
            sender.protocol.pause_writing()
            self.world.say(f"freeze {sender.process} in an upload")
            self.world.loop.freeze(sender.process)
        return False

    def let_go(self) -> None:
        """The connection takes more."""
        if self.sender is not None and not self.sender.is_closing():
            self.world.loop.call_soon(self.sender.protocol.resume_writing, context=self.sender._context)


async def _frozen_in_an_upload(scene: Scene, *, first: bool) -> list[str]:
    world = scene.world
    pauser = Pause(world, [Crash("", Phase.BEFORE)])
    pauser.install()
    document = Document("doc-0", "exported")
    content = base64.b64encode(b"%PDF-1.4\n".ljust(LARGE, b"%")).decode()
    arrival = orjson.loads(document.arrival()) | {"source": {"kind": "inline", "base64": content}}
    world.broker.append(TopicPartition("documents.arrived", 0), (None, orjson.dumps(arrival), ()))
    while pauser.sender is None:
        await pause(0.1)
    frozen = pauser.sender.process or ""
    if first:
        # The upload goes on before anything else of its process does.
        pauser.let_go()
    await pause(FROZEN_FOR)
    world.loop.thaw(frozen)
    if not first:
        await pause(0.002)
        pauser.let_go()
    return await scene.ended([document])


@staged(2)
async def an_upload_goes_on_before_its_process_looks_around(scene: Scene) -> list[str]:
    """Frozen in mid-upload while another replica imports the document: the rest must not leave."""
    return await _frozen_in_an_upload(scene, first=True)


@staged(2)
async def an_upload_goes_on_after_its_process_has_polled(scene: Scene) -> list[str]:
    """The same, when the poll loop has turned once since: a turn must not prove that nothing has happened."""
    return await _frozen_in_an_upload(scene, first=False)


def _kill_all_after_late_ends(world: World, most: int) -> None:
    """Whenever a request that was held up ends a transaction, all replicas die soon, and start again."""
    end, deaths = world.broker.end, iter(range(most))

    def again() -> None:
        for place in range(2):
            if all(replica.index != place for replica in world.replicas):
                world.start_replica(place)

    def all_die() -> None:
        for replica in list(world.replicas):
            world.kill(replica)
        world.loop.later_in_the_world(1.0, again)

    def watched(transactional_id: str, epoch: int, *, commit: bool) -> None:
        was_open = world.broker.transactions[transactional_id].open_since is not None
        end(transactional_id, epoch, commit=commit)
        if was_open and PROCESS.get() is None and next(deaths, None) is not None:
            world.loop.later_in_the_world(0.05, all_die)

    world.broker.end = watched  # type: ignore[method-assign] # the scene looks over its shoulder


@staged(2)
async def commits_arrive_late_and_again(scene: Scene) -> list[str]:
    """Commits lose their connection and are repeated; the first request comes seconds later, and soon after a crash."""
    world = scene.world
    world.wire.late_commits, world.wire.slow = 0.5, 20.0
    _kill_all_after_late_ends(world, 8)
    documents = await announce(world, 16, 40.0)
    await pause(10.0)
    world.wire.late_commits, world.wire.slow = 0.0, 1.0
    return await scene.ended(documents)


_FOLDER = tempfile.gettempdir() + f"/scenes-{os.getpid()}"


@staged(1, IMPORTS__FILE_ROOTS=f'["{_FOLDER}"]')
async def a_parked_copy_outlives_trimming(scene: Scene) -> list[str]:
    """A document whose folder is not mounted for minutes is parked; what comes after it is trimmed, it is not."""
    world = scene.world
    parked = Document("doc-0", "exported")
    path = Path(_FOLDER) / "doc-0.pdf"
    arrival = orjson.loads(parked.arrival()) | {"source": {"kind": "file", "path": str(path)}}
    place = TopicPartition("documents.arrived", 0)
    world.broker.append(place, (None, orjson.dumps(arrival), ()))
    others = [Document(f"doc-{number}", "exported") for number in range(1, 25)]
    for document in others:
        put(world, document)
        await pause(5.0)
    await pause(60.0)
    path.parent.mkdir()
    try:
        path.write_bytes(b"%PDF-1.4\nat last\n%%EOF\n")
        await pause(400.0)
        return await scene.ended([parked, *others])
    finally:
        path.unlink(missing_ok=True)
        path.parent.rmdir()


@staged(1)
async def a_signal_in_the_middle_of_uploads(scene: Scene) -> list[str]:
    """What is on its way to Rossum is waited for and written down before the process leaves."""
    world = scene.world
    await world.control("/faults", {"method": "POST", "path": "/uploads", "action": "delay:4", "times": 0})
    documents = [Document(f"doc-{number}", "exported") for number in range(4)]
    for document in documents:
        put(world, document)
    entities = [import_entity(document.import_id) for document in documents]
    while any(entity not in rows_of(world) for entity in entities):
        await pause(0.1)
    (replica,) = world.replicas
    replica.stop.set()
    asked = world.loop.time()
    while not replica.task.done() and world.loop.time() < asked + LEAVES_WITHIN:
        await pause(0.1)
    rows = [rows_of(world)[entity] for entity in entities]
    open_ends = [r.state.value for r in rows if isinstance(r, ImportRow) and r.state is ImportState.INTENT]
    found = [f"{len(open_ends)} uploads were left without an end"] if open_ends else []
    found += [] if replica.task.done() else [f"it did not leave within {LEAVES_WITHIN:g} s"]
    await world.control("/faults", method="DELETE")
    world.start_replica(0)
    return found + await scene.ended(documents)


@staged(2)
async def our_clocks_are_an_hour_slow(scene: Scene) -> list[str]:
    """Facts that no webhook tells are found all the same, because windows go by Rossum's clock."""
    world = scene.world
    await world.control("/hooks", {"loss": 1.0})
    for replica in world.replicas:
        replica.clock.skew = -3600.0
    # They arrived two minutes before their end, and that too must lie within no window of ours.
    await pause(240.0)
    now = (BASE + timedelta(seconds=world.loop.time())).timestamp()
    await world.control("/annotations", {"count": 3, "status": "exported", "from": now, "to": now})
    return await scene.ended([])


@staged(1)
async def lists_show_an_upload_late(scene: Scene) -> list[str]:
    """An upload's answer is lost, no webhook comes, and for a while Rossum's lists do not show what it has taken."""
    world = scene.world
    await world.control("/hooks", {"loss": 1.0})
    await world.control("/behaviour", {"list_lag": 12.0})
    await world.control("/faults", {"method": "POST", "path": "/uploads", "action": "drop-after", "times": 1})
    document = Document("doc-0", "exported")
    put(world, document)
    return await scene.ended([document])


@staged(2)
async def failures_leave_letters(scene: Scene) -> list[str]:
    """Whatever ends an import without success, its arrival is among the dead letters, once and byte for byte."""
    documents = [
        Document(f"doc-{number}", fate) for number, fate in enumerate([POISON, "failed_import", "failed_task"])
    ]
    for document in documents:
        put(scene.world, document)
    found = await scene.ended(documents)
    letters = [record.value for record in scene.world.records("rossum.dead-letters")]
    counts = [(document.name, letters.count(document.arrival())) for document in documents]
    return found + [f"{count} letters of {name}" for name, count in counts if count != 1]


@staged(1)
async def the_broker_is_away_for_minutes(scene: Scene) -> list[str]:
    """The replica is alive and not ready; when the broker is back, all goes on."""
    world = scene.world
    world.broker.is_up = False
    found = []
    for _ in range(5):
        await pause(60.0)
        ops = f"http://127.0.0.1:{FIRST_OPS_PORT}"
        found += [f"ready although Kafka is away: {at}" for at in [await _status(world, f"{ops}/readyz")] if at != 503]
        found += [f"alive it is not: {at}" for at in [await _status(world, f"{ops}/livez")] if at != 200]
    world.broker.is_up = True
    documents = await announce(world, 4, 5.0)
    found += await scene.ended(documents)
    at = await _status(world, f"http://127.0.0.1:{FIRST_OPS_PORT}/readyz")
    return found + ([f"not ready again: {at}"] if at != 200 else [])


async def _status(world: World, url: str) -> int:
    async with world.http.get(url) as answer:
        return answer.status


def play(name: str, trace: Callable[[str], None] | None = None) -> list[str]:
    """What is broken in a scene. The process is not tidied up: let it be a child."""
    replicas, more, action = SCENES[name]

    async def main(loop: VirtualLoop) -> list[str]:
        world = await new_world(1, loop, **more)
        if trace is not None:
            world.trace = trace
        listen(world, everything=trace is not None)
        for place in range(replicas):
            world.start_replica(place)
            await add_hook(world, place)
        watcher = Watcher(world)
        watching = loop.create_task(watcher.watch())
        await pause(10.0)
        found = await action(Scene(world, watcher))
        watching.cancel()
        for replica in list(world.replicas):
            world.kill(replica)
        return found

    broken: Any = run_in_virtual_time(main, tidy=False)
    return list(broken)


def main() -> int:
    """Read the command line and play; 1 when something is broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scene", nargs="*", help="only these")
    parser.add_argument("-v", "--verbose", action="store_true", help="tell the stories")
    given = parser.parse_args()
    if os.environ.get("PYTHONHASHSEED") != "0":
        command = [sys.executable, "-m", "tests.simulation.scenes", *sys.argv[1:]]
        return subprocess.run(command, env=os.environ | {"PYTHONHASHSEED": "0"}, check=False).returncode
    prepare()
    names, broken = given.scene or list(SCENES), 0
    for name in names:
        found = in_a_child(partial(play, trace=print if given.verbose else None), name)
        broken += bool(found)
        for what in found:
            print(f"{name}: {what}", flush=True)
    print(f"scenes={len(names)} broken={broken}")
    return int(broken > 0)


if __name__ == "__main__":
    sys.exit(main())
