"""Scenes of replicas that are late: frozen in an upload, or with commits that arrive when nobody waits for them."""

import base64
from dataclasses import dataclass
from typing import Any

import orjson
from aiokafka.structs import TopicPartition

from connector.domain.ids import import_entity
from tests.simulation.assassin import Assassin, Crash
from tests.simulation.checker import rows_of
from tests.simulation.effects import Phase
from tests.simulation.late_words import IMPORTS, WORK
from tests.simulation.network import _End as End
from tests.simulation.run import FORGETFUL
from tests.simulation.staging import SETTLED_WITHIN, Scene, staged
from tests.simulation.virtual_loop import PROCESS, pause
from tests.simulation.workload import Document, announce, put
from tests.simulation.world import World

#: Longer than the session timeout, and than an upload without a trace needs to settle and be made again.
FROZEN_FOR = 36.0
#: Less than any way to the broker: the poll loop has turned since, and nobody has told its process anything.
AT_ONCE = 0.0002
#: Seconds for which Rossum is away before documents are announced, and afterwards.
AWAY_BEFORE, AWAY_AFTER = 80.0, 60.0
#: Bytes of a document that does not leave in one piece.
LARGE = 300_000


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


async def frozen_in_an_upload(scene: Scene, *, first: bool) -> list[str]:
    """Another replica imports the document meanwhile; `first` the upload goes on, or else its process."""
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
        await pause(AT_ONCE)
        pauser.let_go()
    return await scene.ended([document])


@staged(2)
async def an_upload_goes_on_before_its_process_looks_around(scene: Scene) -> list[str]:
    """Frozen in mid-upload while another replica imports the document: the rest must not leave."""
    return await frozen_in_an_upload(scene, first=True)


@staged(2)
async def an_upload_goes_on_after_its_process_has_polled(scene: Scene) -> list[str]:
    """The same, when the poll loop has turned once since: a turn must not prove that nothing has happened."""
    return await frozen_in_an_upload(scene, first=False)


@staged(2)
async def heartbeats_of_an_owner_get_lost(scene: Scene) -> list[str]:
    """All else of it goes on as before, so it works on beside the one that has its partitions now."""
    world, owner = scene.world, scene.world.replicas[0].name

    def hold(names: tuple[str, ...], _phase: Phase) -> bool:
        return "heartbeat" in names and PROCESS.get() == owner

    world.wire.on_boundary = hold
    documents = await announce(world, 16, 40.0)
    world.wire.on_boundary = None
    return await scene.ended(documents)


@staged(1)
async def the_broker_fences_those_who_are_still_owners(scene: Scene) -> list[str]:
    """As after transactions that took too long: they take over again from the ledger, and go on."""
    world = scene.world
    for transactional_id in list(world.broker.transactions):
        world.broker.take_over(transactional_id)
    return await scene.ended(await announce(world, 8, 10.0))


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
    _kill_all_after_late_ends(world, 24)
    documents = await announce(world, 40, 100.0)
    await pause(10.0)
    world.wire.late_commits, world.wire.slow = 0.0, 1.0
    return await scene.ended(documents)


async def _rossum_is_away(scene: Scene) -> list[str]:
    """Away for so long that the connector asks what time it is there before it intends an upload."""
    world = scene.world
    await world.control("/faults", {"path": "", "action": "drop-before", "times": 0})
    await pause(AWAY_BEFORE)
    documents = [Document(f"doc-{number}", "exported") for number in range(6)]
    for document in documents:
        put(world, document)
    await pause(AWAY_AFTER)
    await world.control("/faults", method="DELETE")
    return await scene.ended(documents)


@staged(1, IMPORTS__RETRY_FOR="10s")
async def rossum_is_away_before_any_upload(scene: Scene) -> list[str]:
    """That is not the fault of the documents or their sources: their time to be retried must not run."""
    return await _rossum_is_away(scene)


@staged(1, IMPORTS__RETRY_FOR="10s", IMPORTS__GATHER__ENABLED="true")
async def rossum_is_away_before_any_upload_of_several(scene: Scene) -> list[str]:
    """The same where they wait for each other."""
    return await _rossum_is_away(scene)


@staged(1, **FORGETFUL)
async def a_forgotten_import_lives_again(scene: Scene) -> list[str]:
    """It is announced anew long after, while old words about its first annotation come: its events are its own."""
    world, document = scene.world, Document("doc-0", "exported")
    for life in (1, 2):
        old = world.records(WORK)
        put(world, document)
        await pause(0.5)
        for record in old:
            at = TopicPartition(record.topic, record.partition)
            world.broker.append(at, (record.key, record.value, record.headers))
        await _forgotten(world, document, life)
    told = [event for name in ("import.accepted", "import.completed") for event in _of(world, name)]
    annotations = [number for event in _of(world, "import.completed") for number in event["annotations"]]
    found = [] if len({event["id"] for event in told}) == 4 else [f"ids of two lives: {told}"]
    return found + ([] if len({*annotations}) == len(annotations) == 2 else [f"annotations: {annotations}"])


@staged(1, **FORGETFUL)
async def a_copy_of_a_forgotten_import_comes_again(scene: Scene) -> list[str]:
    """Somebody who was frozen writes it late, and the arrival itself is gone: the document does not go up again."""
    world, document = scene.world, Document("doc-0", "exported")
    put(world, document)
    await pause(0.5)
    copies = world.records(IMPORTS)
    await _forgotten(world, document, 1)
    for record in copies:
        world.broker.append(TopicPartition(record.topic, record.partition), (record.key, record.value, record.headers))
    await pause(20.0)
    accepted = len(_of(world, "import.accepted"))
    return [] if copies and accepted == 1 else [f"of {len(copies)} copies accepted {accepted} times"]


async def _forgotten(world: World, document: Document, lives: int) -> None:
    """Wait until it has ended so many times, its arrivals are deleted, and it has no row any more."""
    until = world.loop.time() + SETTLED_WITHIN
    while len(_of(world, "import.completed")) < lives and world.loop.time() < until:
        await pause(1.0)
    for place, log in world.broker.logs.items():
        if place.topic == "documents.arrived":
            log.trim(log.end)
    while import_entity(document.import_id) in rows_of(world) and world.loop.time() < until:
        await pause(1.0)


def _of(world: World, name: str) -> list[dict[str, Any]]:
    """The events of that name, each with its id."""
    records = [record for record in world.records("rossum.documents.lifecycle") if record.value is not None]
    headers = [{key: value.decode() for key, value in record.headers} for record in records]
    return [
        orjson.loads(record.value or b"") | {"id": header["ce_id"]}
        for record, header in zip(records, headers, strict=True)
        if header["ce_type"].endswith(name)
    ]
