"""Scenes of uploads that Rossum is asked to refuse where it has the very document: a second one can't be made."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from connector.domain.ids import import_entity
from connector.domain.rows import ImportRow, ImportState
from connector.sandbox.simulator.control import all_documents
from tests.simulation.assassin import Assassin, Crash
from tests.simulation.checker import CAPTURED, LIFECYCLE, name_of, rows_of
from tests.simulation.effects import Phase
from tests.simulation.late_scenes import FROZEN_FOR, frozen_in_an_upload
from tests.simulation.network import Trouble
from tests.simulation.network import _End as End
from tests.simulation.staging import Scene, staged
from tests.simulation.virtual_loop import pause
from tests.simulation.workload import Document, put
from tests.simulation.world import FIRST_OPS_PORT, World
from tests.support.marks import import_of

#: Nobody else gives a document such a name, so what Rossum refuses is our own.
STRICT = {
    "IMPORTS__REJECT_IDENTICAL": "true",
    "IMPORTS__FILE_NAME": "{stem} {import_id}{suffix}",
    "IMPORTS__SETTLE": "10s",
    # What lists did not show for a minute is found by the sweeps that look back far.
    "SWEEP__DEEP_INTERVAL": "60",
}
#: Lists show nothing for so long (seconds): the settle time passes, and all that knows is the refusal.
HIDDEN = 10_000.0
#: Seconds until each step of a story must have come, with a crash and the session timeout of the dead on the way.
STEP_WITHIN = 150.0
#: Seconds until the answer to an upload comes, and after which the connector has given it up.
A_WHILE, TOO_LATE = 0.3, 100.0
#: Seconds for which the last bytes of an upload are on their way: its replica has a successor then, which has uploaded
#: the document, and is still frozen.
ON_THE_WAY = 32.0
#: What the connector says while Rossum refuses a document that it does not show.
NOT_SHOWN = "Rossum has it already but does not show it"
DOCUMENT = Document("doc-0", "exported")
#: Steps of an import, by what their names contain.
STEPS = ("import", "upload", "/documents", "/annotations", "copy", "send event", "linked", "markseen")


async def refusals(world: World) -> int:
    """Uploads that Rossum has refused."""
    counters = await world.control("/counters")
    return int(counters.get("POST /uploads", {}).get("409", 0))


def _row(world: World, document: Document) -> ImportRow | None:
    row = rows_of(world).get(import_entity(document.import_id))
    return row if isinstance(row, ImportRow) else None


def _roots(world: World, document: Document) -> list[dict[str, Any]]:
    """What an import has made in Rossum."""
    known = all_documents(world.simulator.world)
    return [one for one in known if one["parent"] is None and import_of(one) == document.import_id]


def _told(world: World, topic: str, name: str, document: Document) -> int:
    """How many events of that name a document has."""
    key = document.name.encode()
    return sum(record.key == key and name_of(record) == name for record in world.records(topic))


async def _until(world: World, check: Callable[[], Awaitable[bool]], what: str) -> list[str]:
    """Wait; what did not come in time."""
    until = world.loop.time() + STEP_WITHIN
    while not await check():
        if world.loop.time() > until:
            return [f"{what}: not within {STEP_WITHIN:g} s"]
        await pause(0.05)
    return []


@dataclass(slots=True)
class Story:
    """A document whose upload Rossum takes without an answer, and refuses when it comes again.

    Attributes:
        shown: Whether lists show it when the connector hears of the refusal; else not before it has looked.
        named: Whether the refusal says which document it means.
        action: What becomes of the first answer.
    """

    world: World
    document: Document
    shown: bool
    named: bool = False
    action: str = "drop-after"

    async def told(self) -> list[str]:
        """Up to the end of the import; announced again whenever something has happened."""
        world = self.world
        await world.control("/hooks", {"loss": 1.0})
        await world.control("/behaviour", {"conflict_names": self.named, "list_lag": HIDDEN})
        await self._upload(self.action)
        before = await refusals(world)
        put(world, self.document)
        found = await _until(world, self._is_taken, "an upload that Rossum takes")
        await self._upload(f"delay:{A_WHILE}")
        put(world, self.document)

        async def is_refused() -> bool:
            return await refusals(world) > before

        found += await _until(world, is_refused, "a refusal")
        if not self.shown:
            found += await _until(world, self._is_not_shown, "a document that is not shown")
        # Where it is shown, the refusal is still on its way now.
        await world.control("/behaviour", {"list_lag": 0.0})
        put(world, self.document)
        return found + await _until(world, self._is_completed, "the end of the import")

    async def _upload(self, action: str) -> None:
        """From here on that becomes of the answer to each upload."""
        await self.world.control("/faults", method="DELETE")
        await self.world.control("/faults", {"method": "POST", "path": "/uploads", "action": action, "times": 0})

    async def _is_taken(self) -> bool:
        return bool(_roots(self.world, self.document))

    async def _is_not_shown(self) -> bool:
        row = _row(self.world, self.document)
        return row is not None and row.state is ImportState.INTENT and row.reason == NOT_SHOWN

    async def _is_completed(self) -> bool:
        row = _row(self.world, self.document)
        return row is not None and row.state is ImportState.COMPLETED


async def ended(scene: Scene, documents: list[Document]) -> list[str]:
    """What is broken at the end, when lists show everything."""
    world = scene.world
    await world.control("/behaviour", {"list_lag": 0.0})
    found = await scene.ended(documents)
    for document in documents:
        uploads = [root["uploads"] for root in _roots(world, document)]
        told = {
            "import.completed": _told(world, LIFECYCLE, "import.completed", document),
            "annotation.captured": _told(world, CAPTURED, "annotation.captured", document),
            "import.duplicate": _told(world, LIFECYCLE, "import.duplicate", document),
            "import.failed": _told(world, LIFECYCLE, "import.failed", document),
        }
        found += [] if uploads == [1] else [f"{document.name} is in Rossum {uploads} times"]
        found += [] if [*told.values()] == [1, 1, 0, 0] else [f"{document.name}: {told}"]
    return found


async def _refused_and_ended(scene: Scene, story: Story, how: str) -> list[str]:
    world = scene.world
    found = await story.told()
    resolved = await _resolved(world)
    put(world, story.document)
    found += [] if how in resolved else [f"the import was not resolved by {how}: {resolved}"]
    return found + await ended(scene, [story.document])


async def _resolved(world: World) -> str:
    """The metric of the replicas that tells how unknown uploads became known."""
    lines: list[str] = []
    for replica in world.replicas:
        async with world.http.get(f"http://127.0.0.1:{FIRST_OPS_PORT + replica.index}/metrics") as answer:
            lines += (await answer.text()).splitlines()
    return " ".join(line for line in lines if line.startswith("rossum_connector_uploads_resolved_total"))


@staged(2, **STRICT)
async def an_upload_without_an_answer_is_refused(scene: Scene) -> list[str]:
    """Lists show the document at last, with our mark: it is adopted at once."""
    return await _refused_and_ended(scene, Story(scene.world, DOCUMENT, shown=True), 'how="identical"')


@staged(2, **STRICT)
async def an_upload_without_an_answer_is_refused_by_name(scene: Scene) -> list[str]:
    """The same, when the refusal says which document it means."""
    return await _refused_and_ended(scene, Story(scene.world, DOCUMENT, shown=True, named=True), 'how="identical"')


@staged(2, **STRICT)
async def an_upload_without_an_answer_is_refused_before_it_is_shown(scene: Scene) -> list[str]:
    """Only we give a document that name, so it is waited for until lists show it."""
    return await _refused_and_ended(scene, Story(scene.world, DOCUMENT, shown=False), 'how="found"')


@staged(2, **STRICT)
async def an_upload_whose_answer_is_too_late_is_refused(scene: Scene) -> list[str]:
    """The connector has given it up and makes it again, and the first answer comes even later."""
    story = Story(scene.world, DOCUMENT, shown=True, action=f"delay:{TOO_LATE}")
    return await _refused_and_ended(scene, story, 'how="identical"')


async def _dying_at_every_step(scene: Scene, *, shown: bool) -> list[str]:
    """A death at each step that the first document comes by, on either side of its effect, the first and last time."""
    world = scene.world
    documents = [Document("doc-0", "exported")]
    assassin = Assassin(world, [])
    assassin.install()
    found = await Story(world, documents[0], shown).told()
    steps = {at: times for at, times in assassin.reached.items() if any(step in at[0] for step in STEPS)}
    crashes = [Crash(*at, nth) for at, times in steps.items() for nth in {1, times}]
    met = set()
    for crash in sorted(crashes, key=str):
        documents.append(Document(f"doc-{len(documents)}", "exported"))
        killed = len(assassin.kills)
        assassin.aim(crash)
        found += [f"{crash}: {what}" for what in await Story(world, documents[-1], shown).told()]
        met |= {replace(crash, nth=1)} if len(assassin.kills) > killed else set()
    assassin.plan = []
    missed = {Crash(*at) for at in steps} - met
    found += [f"nobody died at {crash.boundary}, {crash.phase.value}" for crash in missed]
    world.say(f"{len(assassin.kills)} deaths at {len(met)} of {len(steps)} places")
    return found + await ended(scene, documents)


@staged(1, **STRICT)
async def a_crash_at_any_step_towards_a_refusal(scene: Scene) -> list[str]:
    """Between any two of them: whoever goes on finds the document that is there."""
    return await _dying_at_every_step(scene, shown=True)


@staged(1, **STRICT)
async def a_crash_at_any_step_before_it_is_shown(scene: Scene) -> list[str]:
    """The same where it is waited for."""
    return await _dying_at_every_step(scene, shown=False)


@dataclass(slots=True)
class Sleeper(Assassin):
    """Freezes a replica that has handed the end of an upload over to its kernel, which takes its time to send it."""

    seconds: float = 0.0
    frozen: str = ""

    def _tap(self, sender: End, data: bytes, phase: Phase) -> bool:
        name = self._name(sender, data)
        if not self.frozen and name == "closing boundary of an upload" and phase is Phase.BEFORE and sender.process:
            self.frozen, trouble = sender.process, self.world.network.trouble
            self.world.say(f"freeze {self.frozen} at the end of an upload")
            self.world.loop.freeze(self.frozen)
            trouble[sender._port] = Trouble(delay=self.seconds)
            self.world.loop.later_in_the_world(0.0, lambda: trouble.pop(sender._port, None))
        return False


async def _frozen_at_the_end_of_an_upload(scene: Scene, seconds: float) -> list[str]:
    world, document = scene.world, Document("doc-0", "exported")
    await world.control("/hooks", {"loss": 1.0})
    await world.control("/behaviour", {"conflict_names": True, "list_lag": HIDDEN})
    sleeper = Sleeper(world, [], seconds=seconds)
    sleeper.install()
    put(world, document)
    while not sleeper.frozen:
        await pause(0.1)
    await pause(FROZEN_FOR)
    put(world, document)
    before = await refusals(world)
    world.loop.thaw(sleeper.frozen)
    found = [] if before else ["Rossum had nothing to refuse"]
    return found + await ended(scene, [document])


@staged(2, **STRICT)
async def a_frozen_replica_has_uploaded_before_its_successor(scene: Scene) -> list[str]:
    """No list shows it to the successor: it uploads, is refused, and adopts what is there; the first one wakes up."""
    return await _frozen_at_the_end_of_an_upload(scene, 0.0)


@staged(2, **STRICT)
async def the_end_of_an_upload_arrives_after_that_of_the_successor(scene: Scene) -> list[str]:
    """It left before its replica was frozen, so nothing but the refusal can keep a second document away."""
    return await _frozen_at_the_end_of_an_upload(scene, ON_THE_WAY)


@staged(2, **STRICT)
async def a_frozen_replica_goes_on_in_the_middle_of_an_upload(scene: Scene) -> list[str]:
    """Most of it has not left: the rest does not, and nothing has to be refused."""
    return await frozen_in_an_upload(scene, first=True) + ["a refusal"] * await refusals(scene.world)
