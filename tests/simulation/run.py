"""One seed, from an empty world to the verdict."""

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.simulation import more_faults
from tests.simulation.checker import Watcher, balance, is_settled, promised, twins, violations
from tests.simulation.late_words import late_words
from tests.simulation.nemesis import Nemesis
from tests.simulation.stage import listen
from tests.simulation.virtual_loop import VirtualLoop, pause
from tests.simulation.workload import GATHER, announce
from tests.simulation.world import FIRST_WEBHOOK_PORT, SECRET, World, new_world, run_in_virtual_time

#: Virtual seconds of faults, and until everything must have come out after the last of them: the settle time of an
#: unknown upload, the session timeout of a dead member, and the 60 s that are promised.
RAGE, SETTLED_WITHIN = 45.0, 15.0 + 30.0 + 60.0
DOCUMENTS, FAULTS, PLACES = 12, 25, (2, 2, 3)
#: One seed in five remembers for seconds only, and waits (virtual seconds) until what has ended is forgotten.
FORGETS = 2
FORGETFUL = {
    "STATE__RETENTION": "20",
    "SWEEP__OVERLAP": "10",
    "SWEEP__DEEP_OVERLAP": "10",
    "SWEEP__DEEP_INTERVAL": "20",
    "SWEEP__INTERVAL": "5",
}
FORGOTTEN_AFTER = 45.0
#: In one of so many seeds (a prime, so that it meets all other choices) documents come in bursts and go up together.
GATHERING, BURST, IN_BURSTS = 23, 8, 16
#: In one of so many (another prime) Rossum refuses what it has: an upload without an answer is made again long before
#: anybody can know what became of it, since lists are late until the last fault has ended, and still nothing may be
#: there twice.
STRICT, IS_STRICT = 29, 3
REFUSING = {
    "IMPORTS__REJECT_IDENTICAL": "true",
    "IMPORTS__FILE_NAME": "{stem} {import_id}{suffix}",
    "IMPORTS__SETTLE": "2",
}
LATE_LISTS = 6.0
#: Of such a document Rossum shows nothing, and refuses it for as long as anybody tries.
NEVER_SHOWN = ("failed_task",)
#: Of every so many seeds one keeps all that its replicas log, to look for secrets in it.
LISTENED = 10
#: Registered by being imported.
_FAULTS = more_faults


@dataclass(slots=True)
class Verdict:
    """What became of a seed.

    Attributes:
        twins: Imports that Rossum has twice: no promise is broken where an event tells of it, and there should be none.
        refused: Uploads that Rossum refused, because it had the very document.
        recovered: Virtual seconds from the last fault until all was told.
    """

    seed: int
    broken: list[str] = field(default_factory=list)
    twins: list[str] = field(default_factory=list)
    faults: dict[str, int] = field(default_factory=dict)
    kills: int = 0
    figures: str = ""
    refused: int = 0
    recovered: float = 0.0


def run_seed(seed: int, trace: Callable[[str], None] | None = None) -> Verdict:
    """The verdict on one seed; the same every time. The process is not tidied up: let it be a child."""
    verdict = Verdict(seed)

    async def main(loop: VirtualLoop) -> None:
        ours = await _chosen_world(seed, loop)
        if trace is not None:
            ours.trace = trace
        listen(ours, everything=trace is not None or seed % LISTENED == 0)
        await _story(ours, verdict)

    run_in_virtual_time(main, tidy=False)
    return verdict


async def _chosen_world(seed: int, loop: VirtualLoop) -> World:
    """Most deployments are exactly-once with members that come and go."""
    delivery = "at-least-once" if seed % 8 == 7 else "exactly-once"
    gather = GATHER | {"IMPORTS__GATHER__MAX_COUNT": "4"} if gathers(seed) else {}
    more = gather | (FORGETFUL if seed % 5 == FORGETS else {}) | (REFUSING if refuses(seed) else {})
    ours = await new_world(seed, loop, KAFKA__DELIVERY=delivery, **more)
    ours.static = seed % 5 == 4
    return ours


def gathers(seed: int) -> bool:
    """Whether a seed's documents go up together."""
    return seed % GATHERING == 5


def refuses(seed: int) -> bool:
    """Whether Rossum refuses identical documents in a seed: only where each goes up alone."""
    return seed % STRICT == IS_STRICT and not gathers(seed)


async def _story(ours: World, verdict: Verdict) -> None:
    places = ours.random.choice(PLACES)
    for place in range(places):
        ours.start_replica(place)
        await add_hook(ours, place)
    if refuses(verdict.seed):
        await ours.control("/behaviour", {"list_lag": LATE_LISTS})
    watcher = Watcher(ours)
    watching = ours.loop.create_task(watcher.watch())
    nemesis = Nemesis(ours, places)
    raging = ours.loop.create_task(nemesis.rage(FAULTS, RAGE))
    late = ours.loop.create_task(late_words(ours)) if ours.seed % 5 == FORGETS else None
    count, burst = (IN_BURSTS, BURST) if gathers(verdict.seed) else (DOCUMENTS, 1)
    without = NEVER_SHOWN if refuses(verdict.seed) else ()
    documents = await announce(ours, count, RAGE * 0.8, burst=burst, without=without)
    await raging
    healed = ours.loop.time()
    while not await is_settled(ours, documents) and ours.loop.time() < healed + SETTLED_WITHIN:
        await pause(1.0)
    verdict.recovered = ours.loop.time() - healed
    if late is not None:
        await pause(FORGOTTEN_AFTER)
        late.cancel()
    await pause(5.0)
    verdict.broken = promised(ours.delivery, await violations(ours, documents, watcher))
    # Nobody deletes here but the connector itself.
    verdict.broken += [f"told as lost: {line}" for line in ours.logs if " records_lost " in line]
    verdict.twins = list((twins(ours)).values())
    verdict.broken += [f"refused, and there: {what}" for what in verdict.twins if refuses(verdict.seed)]
    verdict.refused = ours.simulator.world.counters.as_json().get("POST /uploads", {}).get("409", 0)
    verdict.faults, verdict.kills = nemesis.done, nemesis.done.get("kill", 0)
    verdict.figures = balance(ours, documents)
    watching.cancel()
    for replica in list(ours.replicas):
        ours.kill(replica)


async def add_hook(ours: World, place: int) -> None:
    """Rossum tells the replica of that place what happens."""
    queues = [f"{ours.simulator.base_url}/queues/{queue}" for queue in (8198, 8199)]
    config = {"url": f"http://127.0.0.1:{FIRST_WEBHOOK_PORT + place}/hooks/rossum", "secret": SECRET}
    body = {"name": f"place {place}", "type": "webhook", "queues": queues, "events": ["annotation_status"]}
    await ours.api("POST", "/hooks", body | {"config": config, "active": True})
