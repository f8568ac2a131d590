"""Scenes of documents that go up together, of which Rossum can't take one: the others must not suffer for it."""

from connector.domain.gathers import GatherRow
from connector.domain.ids import import_entity, partition_of
from tests.simulation.assassin import Assassin, Crash
from tests.simulation.checker import rows_of
from tests.simulation.effects import Phase
from tests.simulation.network import _End as End
from tests.simulation.staging import Scene, staged
from tests.simulation.workload import GATHER, Document, put
from tests.simulation.world import PARTITIONS

GATHERED = GATHER | {
    "IMPORTS__GATHER__WAIT": "1s",
    "IMPORTS__SETTLE": "10s",
    "IMPORTS__RETRY_FOR": "30s",
}
#: Documents that go up together.
TOGETHER = 5


class Bad(Document):
    """Looks like the others."""

    @property
    def ending(self) -> str:
        """It never gets through."""
        return "import.failed"


def _one_bad() -> tuple[Bad, list[Document]]:
    """Documents of one owner, the first of them bad."""
    names = [f"doc-{number}" for number in range(PARTITIONS * TOGETHER * 4)]
    owners = {name: partition_of(import_entity(Document(name, "exported").import_id), PARTITIONS) for name in names}
    alike = [name for name in names if owners[name] == owners[names[0]]][:TOGETHER]
    return Bad(alike[0], "exported"), [Document(name, "exported") for name in alike[1:]]


async def _ended(scene: Scene, bad: Bad, good: list[Document]) -> list[str]:
    """What is broken when the bad one went up with others more than once, or they did not get through without it."""
    for document in (bad, *good):
        put(scene.world, document)
    found = await scene.ended([bad, *good])
    gathers = [row.members for row in rows_of(scene.world).values() if isinstance(row, GatherRow)]
    times = sum(bad.import_id in members for members in gathers)
    return found + ([] if times == 1 else [f"the bad one went up with others {times} times, not once"])


@staged(1, **GATHERED)
async def rossum_fails_at_one_of_several(scene: Scene) -> list[str]:
    """It answers 500 after the whole body as long as that one is in it."""
    bad, good = _one_bad()
    await scene.world.control("/behaviour", {"failing_file": f"{bad.name}.pdf"})
    return await _ended(scene, bad, good)


@staged(1, **GATHERED | {"IMPORTS__RETRY_FOR": "60s"})
async def rossum_refuses_several_and_then_fails_at_each(scene: Scene) -> list[str]:
    """Nobody goes up with others again after a refusal, whatever comes in between."""
    _, documents = _one_bad()
    for action, times in (("status:400", 1), ("status:500", len(documents))):
        await scene.world.control("/faults", {"method": "POST", "path": "/uploads", "action": action, "times": times})
    for document in documents:
        put(scene.world, document)
    found = await scene.ended(documents)
    gathers = [row for row in rows_of(scene.world).values() if isinstance(row, GatherRow)]
    return found + ([] if len(gathers) == 1 else [f"they went up together {len(gathers)} times"])


@staged(1, **GATHERED | {"IMPORTS__RETRY_FOR": "5s"})
async def patience_is_over_before_an_upload_has_settled(scene: Scene) -> list[str]:
    """It answers 500 as before: that several failed together counts for none of them."""
    bad, good = _one_bad()
    await scene.world.control("/behaviour", {"failing_file": f"{bad.name}.pdf"})
    return await _ended(scene, bad, good)


@staged(1, **GATHERED)
async def lists_show_documents_that_went_up_together_late(scene: Scene) -> list[str]:
    """Long after their annotations are read one by one: each must have the key of its own import."""
    await scene.world.control("/behaviour", {"list_lag": 40.0})
    documents = [Document(document.name, "postponed") for document in _one_bad()[1]]
    for document in documents:
        put(scene.world, document)
    found = await scene.ended(documents)
    keys = {record.key or b"" for record in scene.world.records("rossum.documents.lifecycle")}
    return found + [f"a stranger's key: {key.decode()}" for key in keys if key.startswith(b"rossum:")]


@staged(1, **GATHERED)
async def rossum_fails_at_one_of_several_and_nobody_hears(scene: Scene) -> list[str]:
    """As before, and the replica dies before it has written down how the upload of several ended."""
    bad, good = _one_bad()
    await scene.world.control("/behaviour", {"failing_file": f"{bad.name}.pdf"})
    assassin = Assassin(scene.world, [Crash("commit gather unknown", Phase.BEFORE)])
    assassin.install()
    return await _ended(scene, bad, good) + ([] if assassin.kills else ["nobody died"])


@staged(1, **GATHERED)
async def rossum_refuses_several(scene: Scene) -> list[str]:
    """Nobody knows for whose sake it was: each gets an answer of its own."""
    _, good = _one_bad()
    await scene.world.control("/faults", {"method": "POST", "path": "/uploads", "action": "status:400", "times": 1})
    for document in good:
        put(scene.world, document)
    return await scene.ended(good)


@staged(1, **GATHERED)
async def one_of_several_breaks_connections(scene: Scene) -> list[str]:
    """Something on the way does not let that one pass: the connection is closed in the middle of the body."""
    bad, good = _one_bad()
    name = f'filename="{bad.name}.pdf"'.encode()

    def tap(sender: End, data: bytes, phase: Phase) -> bool:
        if phase is Phase.BEFORE and sender.is_client and sender.process is not None and name in data:
            sender.close()
            return True
        return False

    scene.world.network.tap = tap
    return await _ended(scene, bad, good)
