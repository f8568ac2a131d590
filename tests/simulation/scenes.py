"""Faults that only hurt at one moment, each staged at that moment in a simulated deployment.

python -m tests.simulation.scenes            all of them
python -m tests.simulation.scenes NAME -v    that one, with its story
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import orjson
from aiokafka.structs import TopicPartition

from connector.domain.ids import import_entity
from connector.domain.rows import ImportRow, ImportState
from tests.simulation import (
    delivery_scenes,
    gather_scenes,
    identical_scenes,
    late_scenes,
    letter_scenes,
    loss_scenes,
    stranger_scenes,
)
from tests.simulation.checker import Watcher, rows_of
from tests.simulation.children import in_a_child
from tests.simulation.run import add_hook
from tests.simulation.stage import listen, prepare
from tests.simulation.staging import SCENES, Scene, staged
from tests.simulation.virtual_loop import VirtualLoop, pause
from tests.simulation.workload import POISON, Document, announce, put
from tests.simulation.world import BASE, FIRST_OPS_PORT, World, new_world, run_in_virtual_time

#: Registered by being imported.
_SCENES = (delivery_scenes, gather_scenes, identical_scenes, late_scenes, letter_scenes, loss_scenes, stranger_scenes)
LEAVES_WITHIN = 45.0
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
