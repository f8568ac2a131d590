"""Scenes of a deployment whose delivery is changed."""

import tempfile
from pathlib import Path

from tests.simulation.assassin import Assassin, Crash
from tests.simulation.disks import Disks
from tests.simulation.effects import Phase
from tests.simulation.run import add_hook
from tests.simulation.staging import Scene, staged
from tests.simulation.virtual_loop import pause
from tests.simulation.workload import Document, put


@staged(0, KAFKA__DELIVERY="at-least-once")
async def transactions_come_after_a_crash_without_them(scene: Scene) -> list[str]:
    """Its last row is in the ledger and not in its local state; without it that event would be told again."""
    world = scene.world
    with tempfile.TemporaryDirectory(prefix="delivery-scene-") as folder:
        world.disks = Disks(Path(folder), world.wire)
        world.start_replica(0)
        await add_hook(world, 0)
        await pause(10.0)
        killer = Assassin(world, [Crash("send import accepted row", Phase.AFTER)])
        killer.install()
        document = Document("doc-0", "exported")
        put(world, document)
        while not killer.kills:
            await pause(0.1)
        world.settings["CONNECTOR_KAFKA__DELIVERY"] = "exactly-once"
        return await scene.ended([document])
